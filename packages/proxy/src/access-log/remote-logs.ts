import type { Timer } from '@meltemi/base';
import type { Worker } from '../core/worker.ts';
import type { CompiledRemoteLog } from './compile-log.ts';
import type { RemoteSink } from './access-logger.ts';
import { EntrySender } from './entry-sender.ts';
import { RecordSender } from './record-sender.ts';

/** A log that has had nothing to say for so long lets its connection go. */
const IDLE_MS = 60_000;

/** Sends what one key's logs have to say. */
export interface Sender {
  add(entry: object): void;
  /** Sends what is gathered. */
  flush(): void;
  /** Sends what is gathered and ends. */
  close(): void;
}

interface Kept {
  readonly sender: Sender;
  readonly flushMs: number;
  timer: Timer | undefined;
  lastMs: number;
}

/** Hands log entries to collectors, gathered by where they go; each sender is there while its log is used. */
export class RemoteLogs implements RemoteSink {
  readonly #worker: Worker;
  readonly #kept = new Map<string, Kept>();

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  log(log: CompiledRemoteLog, entry: object): void {
    const kept = this.#kept.get(log.key) ?? this.#open(log);
    kept.lastMs = this.#worker.wheel.recent;
    kept.sender.add(entry);
    kept.timer ??= this.#after(kept, log.key);
  }

  /** The process is about to end. */
  flush(): void {
    for (const { sender, timer } of this.#kept.values()) {
      timer?.cancel();
      sender.close();
    }
    this.#kept.clear();
  }

  #open({ config, key }: CompiledRemoteLog): Kept {
    const sender = config.t === 'grpc' ? new EntrySender(this.#worker, config) : new RecordSender(this.#worker, config);
    const kept: Kept = { sender, flushMs: config.flushMs, timer: undefined, lastMs: 0 };
    this.#kept.set(key, kept);
    return kept;
  }

  /** Flushes at this beat while the log is used. */
  #after(kept: Kept, key: string): Timer {
    return this.#worker.ports.timers.after(kept.flushMs, () => {
      kept.sender.flush();
      if (this.#worker.ports.clock.monotonic() - kept.lastMs < IDLE_MS) kept.timer = this.#after(kept, key);
      else {
        this.#kept.delete(key);
        kept.sender.close();
      }
    });
  }
}
