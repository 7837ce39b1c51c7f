import type { Http2Keepalive } from '@meltemi/runtime';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';

/** The part of a session that asks. */
interface Pinger {
  ping(): void;
}

/** Asks the peer of a connection at intervals whether it lives, and gives the connection up when no answer comes in time. */
export class KeepAlive {
  readonly #worker: Worker;
  readonly #settings: Http2Keepalive | undefined;
  readonly #session: Pinger;
  readonly #next: Deadline;
  readonly #limit: Deadline;
  #heardMs = 0;

  constructor(worker: Worker, settings: Http2Keepalive | undefined, session: Pinger, dead: () => void) {
    this.#worker = worker;
    this.#settings = settings;
    this.#session = session;
    this.#next = createDeadline(() => this.#ask());
    this.#limit = createDeadline(dead);
  }

  start(): void {
    const { wheel } = this.#worker;
    this.#heardMs = wheel.recent;
    if (this.#settings !== undefined && this.#settings.intervalMs > 0) wheel.set(this.#next, wheel.recent, this.#interval(this.#settings));
  }

  /** Bytes have come. */
  heard(): void {
    this.#heardMs = this.#worker.wheel.recent;
  }

  /** A request is about to go out: after a long silence it is asked whether anybody is there. */
  beforeRequest(): void {
    const settings = this.#settings;
    if (settings === undefined || settings.idleIntervalMs === 0) return;
    if (this.#worker.wheel.recent - this.#heardMs >= settings.idleIntervalMs && this.#limit.at === Infinity) this.#ask();
  }

  answered(): void {
    this.#worker.wheel.clear(this.#limit);
  }

  stop(): void {
    this.#worker.wheel.remove(this.#next);
    this.#worker.wheel.remove(this.#limit);
  }

  #ask(): void {
    const settings = this.#settings;
    if (settings === undefined) return;
    const { wheel } = this.#worker;
    const now = wheel.now();
    this.#session.ping();
    if (this.#limit.at === Infinity) wheel.set(this.#limit, now, settings.timeoutMs);
    if (settings.intervalMs > 0) wheel.set(this.#next, now, this.#interval(settings));
  }

  #interval({ intervalMs, jitter }: Http2Keepalive): number {
    return intervalMs * (1 + jitter * this.#worker.random());
  }
}
