import type { CompiledTcp } from '@meltemi/runtime';
import { compileLog, type CompiledLog } from '../access-log/compile-log.ts';
import { logMoment } from '../access-log/log-moment.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';
import { logAtListener } from '../net/listener-log.ts';
import type { StreamInfo } from '../types.ts';

const compiled = new WeakMap<CompiledTcp, readonly CompiledLog[]>();

function logsOf(tcp: CompiledTcp): readonly CompiledLog[] {
  let logs = compiled.get(tcp);
  if (logs === undefined) {
    const capture = { request: [], response: [], trailers: [] };
    logs = tcp.config.accessLogs.map((log) => compileLog(log, capture));
    compiled.set(tcp, logs);
  }
  return logs;
}

/** What is logged of one proxied connection: while it goes on, where that is wanted, and at its end. */
export class TcpLog {
  readonly #worker: Worker;
  readonly #tcp: CompiledTcp;
  readonly #info: StreamInfo;
  #turn: Deadline | undefined = undefined;

  constructor(worker: Worker, tcp: CompiledTcp, info: StreamInfo) {
    this.#worker = worker;
    this.#tcp = tcp;
    this.#info = info;
    const everyMs = tcp.config.logMoments?.everyMs ?? 0;
    if (everyMs <= 0) return;
    const turn = createDeadline(() => {
      this.#moment('TcpPeriodic');
      worker.wheel.set(turn, worker.wheel.now(), everyMs);
    });
    this.#turn = turn;
    worker.wheel.set(turn, info.startMs, everyMs);
  }

  /** The upstream is connected; of what has come, `heldBytes` have gone nowhere yet. */
  connected(heldBytes: number): void {
    if (this.#tcp.config.logMoments?.begin !== true) return;
    this.#info.bytesReceived -= heldBytes;
    this.#moment('TcpUpstreamConnected');
    this.#info.bytesReceived += heldBytes;
  }

  /** No more moments. */
  stop(): void {
    if (this.#turn !== undefined) this.#worker.wheel.remove(this.#turn);
  }

  /** The connection is over. */
  ended(): void {
    const logs = logsOf(this.#tcp);
    if (logs.length > 0) this.#worker.accessLog.log(logs, this.#info);
    logAtListener(this.#worker, this.#info);
  }

  #moment(type: 'TcpPeriodic' | 'TcpUpstreamConnected'): void {
    logMoment(this.#worker.accessLog, logsOf(this.#tcp), this.#info, { type, now: this.#worker.wheel.now() });
  }
}
