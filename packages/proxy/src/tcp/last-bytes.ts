import { createDeadline, type Deadline, type TimerWheel } from '../core/timer-wheel.ts';
import { Linger, LINGER_MS } from '../http/linger.ts';
import type { Transport } from '../types.ts';

/** Both sides have ended: what was written before is still on its way, and goes as long as somebody takes it. */
export class LastBytes {
  readonly #wheel: TimerWheel;
  readonly #sides: readonly Transport[];
  readonly #over: () => void;
  readonly #turn: Deadline;
  readonly #linger = new Linger();
  #open = 2;

  /** `over` is called when both sides are closed, or nobody takes anything. */
  constructor(wheel: TimerWheel, sides: readonly Transport[], over: () => void) {
    this.#wheel = wheel;
    this.#sides = sides;
    this.#over = over;
    this.#turn = createDeadline(() => this.#look());
  }

  /** Says FIN to both. */
  start(): void {
    this.#wheel.set(this.#turn, this.#wheel.now(), LINGER_MS);
    for (const side of this.#sides) side.end();
  }

  /** One of the two is closed. */
  sideClosed(): void {
    if (--this.#open === 0) this.#over();
  }

  stop(): void {
    this.#wheel.remove(this.#turn);
  }

  #look(): void {
    let queued = 0;
    for (const side of this.#sides) queued += side.queuedBytes;
    if (this.#linger.mayClose(queued)) this.#over();
    else this.#wheel.set(this.#turn, this.#wheel.now(), LINGER_MS);
  }
}
