import type { Timer, Timers } from '@meltemi/base';
import type { LogSink, StreamInfo } from '../types.ts';
import type { CompiledLog, CompiledRemoteLog } from './compile-log.ts';

const BATCH_BYTES = 128 * 1024;
const FLUSH_AT_BYTES = 64 * 1024;
/** Longest wait of a line, when nothing else is said. */
const FLUSH_MS = 1000;
/** A single line is cut here; no peer can make us log more. */
const MAX_LINE = 16 * 1024;

interface Batch {
  readonly bytes: Buffer;
  length: number;
}

/** Where entries for collectors go. */
export interface RemoteSink {
  log(log: CompiledRemoteLog, entry: object): void;
  flush(): void;
}

/** Gathers lines and hands them out in one piece, every second or 64 KiB. */
export class AccessLogger {
  readonly #sink: LogSink;
  readonly #timers: Timers;
  readonly #flushMs: number;
  readonly #batches = new Map<string, Batch>();
  #timer: Timer | undefined;
  /** Set with the worker whose clusters it sends through. */
  remote: RemoteSink | undefined = undefined;

  constructor(sink: LogSink, timers: Timers, flushMs = FLUSH_MS) {
    this.#sink = sink;
    this.#timers = timers;
    this.#flushMs = flushMs;
  }

  /** Logs a finished stream to each of these logs. */
  log(logs: readonly CompiledLog[], info: StreamInfo): void {
    for (const log of logs) {
      if (log.t === 'remote') {
        const entry = log.entry(info);
        if (entry !== undefined) this.remote?.log(log, entry);
        continue;
      }
      const line = log.line(info);
      if (line !== undefined) this.#append(log.path, line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}\n` : line);
    }
  }

  /** Hands out what is gathered. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [path, batch] of this.#batches) {
      if (batch.length > 0) this.#sink.write(path, batch.bytes.subarray(0, batch.length));
      batch.length = 0;
    }
  }

  #append(path: string, line: string): void {
    let batch = this.#batches.get(path);
    if (batch === undefined) {
      batch = { bytes: Buffer.allocUnsafeSlow(BATCH_BYTES), length: 0 };
      this.#batches.set(path, batch);
    }
    // Header values are bytes, so latin1 writes them as they came.
    batch.length += batch.bytes.write(line, batch.length, 'latin1');
    if (batch.length >= FLUSH_AT_BYTES) this.flush();
    else this.#timer ??= this.#timers.after(this.#flushMs, () => this.flush());
  }
}
