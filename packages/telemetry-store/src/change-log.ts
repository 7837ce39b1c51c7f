/** Counts the bytes of all typed arrays of a store. */
export interface MemoryAccount {
  bytes: number;
}

/**
 * The values of one series as changes: `(tick, value)` pairs, ascending. Between two changes the value holds. A tick is a number of
 * its target's {@link TickLog}; so "scraped every second, unchanged for an hour" costs nothing.
 */
export class ChangeLog {
  #ticks = new Uint32Array(4);
  #values = new Float64Array(4);
  #length = 0;
  readonly #account: MemoryAccount;

  constructor(account: MemoryAccount) {
    this.#account = account;
    account.bytes += 4 * 12;
  }

  get length(): number {
    return this.#length;
  }

  /** The tick of the first change that is kept. */
  get firstTick(): number | undefined {
    return this.#length === 0 ? undefined : this.#ticks[0];
  }

  get lastValue(): number | undefined {
    return this.#length === 0 ? undefined : this.#values[this.#length - 1];
  }

  /** Ticks must not descend; the same tick again replaces its value. */
  append(tick: number, value: number): void {
    const last = this.#length - 1;
    if (last >= 0 && this.#ticks[last] === tick) {
      this.#values[last] = value;
      return;
    }
    if (this.#length === this.#ticks.length) this.#resize(this.#length * 2);
    this.#ticks[this.#length] = tick;
    this.#values[this.#length] = value;
    this.#length++;
  }

  /** Forgets what was before a tick; the value that held there becomes the first change, at that tick. */
  dropBefore(tick: number): void {
    const at = this.#lastAtOrBefore(tick);
    if (at < 1) return;
    this.#ticks.copyWithin(0, at, this.#length);
    this.#values.copyWithin(0, at, this.#length);
    this.#length -= at;
    if ((this.#ticks[0] ?? tick) < tick) this.#ticks[0] = tick;
    if (this.#length * 4 < this.#ticks.length && this.#ticks.length > 8) this.#resize(Math.max(4, this.#length * 2));
  }

  /** The values at ticks `from..to` (inclusive, all at or after the first change), one for each. */
  expand(from: number, to: number): Float64Array {
    const out = new Float64Array(to - from + 1);
    let at = this.#lastAtOrBefore(from);
    for (let tick = from; tick <= to; tick++) {
      while (at + 1 < this.#length && (this.#ticks[at + 1] ?? Infinity) <= tick) at++;
      out[tick - from] = this.#values[at] ?? NaN;
    }
    return out;
  }

  /** Gives its memory back to the account. */
  dispose(): void {
    this.#account.bytes -= this.#ticks.length * 12;
    this.#ticks = new Uint32Array(0);
    this.#values = new Float64Array(0);
    this.#length = 0;
  }

  #lastAtOrBefore(tick: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ticks[middle] ?? Infinity) <= tick) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #resize(capacity: number): void {
    this.#account.bytes += (capacity - this.#ticks.length) * 12;
    const ticks = new Uint32Array(capacity);
    const values = new Float64Array(capacity);
    ticks.set(this.#ticks.subarray(0, this.#length));
    values.set(this.#values.subarray(0, this.#length));
    this.#ticks = ticks;
    this.#values = values;
  }
}
