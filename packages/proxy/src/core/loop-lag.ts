import type { Clock, Timer, Timers } from '@meltemi/base';

/** Between two looks. */
const EVERY_MS = 25;
/** So many looks in a row must be late: a collection of garbage is one, and no overload. */
const LOOKS = 4;

/**
 * How late this thread is with what it has to do: a timer tells by how much it is. That is how long what comes now waits before anybody looks at it, and
 * it knows of work that no counter knows of. Nobody looks while nothing comes.
 */
export class LoopLag {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #timers: Timers;
  readonly #lags = Array.from({ length: LOOKS }, () => 0);
  #next = 0;
  #timer: Timer | undefined = undefined;
  #dueMs = 0;
  #worked = false;

  constructor(clock: Pick<Clock, 'monotonic'>, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Something has come. */
  touch(): void {
    if (this.#timer === undefined) this.#arm();
    this.#worked = true;
  }

  /** What it has been late by at least for a while. */
  get ms(): number {
    return Math.min(...this.#lags);
  }

  #arm(): void {
    this.#worked = false;
    this.#dueMs = this.#clock.monotonic() + EVERY_MS;
    this.#timer = this.#timers.after(EVERY_MS, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    this.#lags[this.#next] = Math.max(0, this.#clock.monotonic() - this.#dueMs);
    this.#next = (this.#next + 1) % LOOKS;
    if (this.#worked) this.#arm();
    else this.#lags.fill(0);
  }
}
