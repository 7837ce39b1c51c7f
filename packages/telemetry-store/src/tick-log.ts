import type { MemoryAccount } from './change-log.ts';

/** The moments at which one sender reported, numbered from 0 for ever; the oldest are forgotten, the numbers stay. */
export class TickLog {
  #times = new Float64Array(16);
  #first = 0;
  #length = 0;
  readonly #account: MemoryAccount;

  constructor(account: MemoryAccount) {
    this.#account = account;
    account.bytes += 16 * 8;
  }

  /** Number of the oldest tick that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Number that the next tick will get. */
  get next(): number {
    return this.#first + this.#length;
  }

  get lastTimeMs(): number | undefined {
    return this.#length === 0 ? undefined : this.#times[this.#length - 1];
  }

  /** Must be later than the last. Answers the tick's number. */
  append(timeMs: number): number {
    if (this.#length === this.#times.length) this.#resize(this.#length * 2);
    this.#times[this.#length] = timeMs;
    this.#length++;
    return this.#first + this.#length - 1;
  }

  timeOf(tick: number): number {
    return this.#times[tick - this.#first] ?? NaN;
  }

  /** The times of ticks `from..to`; a view that is valid until the log changes. */
  times(from: number, to: number): Float64Array {
    return this.#times.subarray(from - this.#first, to - this.#first + 1);
  }

  /** The first tick later than a moment; {@link next} if there is none. */
  firstAfter(timeMs: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] ?? Infinity) <= timeMs) low = middle + 1;
      else high = middle;
    }
    return this.#first + low;
  }

  dropBefore(tick: number): void {
    const count = Math.min(this.#length, tick - this.#first);
    if (count <= 0) return;
    this.#times.copyWithin(0, count, this.#length);
    this.#first += count;
    this.#length -= count;
    if (this.#length * 4 < this.#times.length && this.#times.length > 32) this.#resize(Math.max(16, this.#length * 2));
  }

  dispose(): void {
    this.#account.bytes -= this.#times.length * 8;
    this.#times = new Float64Array(0);
    this.#length = 0;
  }

  #resize(capacity: number): void {
    this.#account.bytes += (capacity - this.#times.length) * 8;
    const times = new Float64Array(capacity);
    times.set(this.#times.subarray(0, this.#length));
    this.#times = times;
  }
}
