import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';
import { connectFailure } from '../net/connect-failure.ts';
import type { DialedInfo, DialHandler, DialTarget } from '../net/net-port.ts';
import type { Transport, TransportHandler } from '../types.ts';

/** Who wanted the connection. */
export interface DialOwner {
  /** It stands. Answers who hears of it from now on; undefined = it is not wanted any more. */
  dialed(transport: Transport, info: DialedInfo): TransportHandler | undefined;
  /** 'timeout' when it took too long. */
  dialFailed(reason: string): void;
}

/** A connection in the making, until it is known what will be spoken on it. */
export class Dialing implements DialHandler {
  readonly #worker: Worker;
  readonly #owner: DialOwner;
  readonly #deadline: Deadline;
  readonly #transport: Transport;
  #to: TransportHandler | undefined = undefined;
  #over = false;

  constructor(worker: Worker, owner: DialOwner, target: DialTarget, timeoutMs: number) {
    this.#worker = worker;
    this.#owner = owner;
    this.#deadline = createDeadline(() => this.#fail('timeout'));
    this.#transport = worker.dialer.dial(target, this);
    worker.wheel.set(this.#deadline, worker.wheel.now(), timeoutMs);
  }

  onConnect(info: DialedInfo): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.wheel.now();
    this.#worker.wheel.remove(this.#deadline);
    this.#to = this.#owner.dialed(this.#transport, info);
    if (this.#to === undefined) this.#transport.destroy();
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#to?.onData(bytes, start, end);
  }

  onEnd(): void {
    this.#to?.onEnd();
  }

  onDrain(): void {
    this.#to?.onDrain();
  }

  onClose(error?: string): void {
    if (this.#to === undefined) this.#fail(connectFailure(error ?? 'the peer closed'));
    else this.#to.onClose(error);
  }

  #fail(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#worker.wheel.now();
    this.#worker.wheel.remove(this.#deadline);
    this.#transport.destroy();
    this.#owner.dialFailed(reason);
  }
}
