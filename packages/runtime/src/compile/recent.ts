/** So many parts of the interval are forgotten one by one. */
const PARTS = 20;

/** How many times something has happened within an interval that ends now. */
export class Recent {
  readonly intervalMs: number;
  readonly #partMs: number;
  readonly #counts = new Uint32Array(PARTS);
  /** Number of the part that is being filled, counted from time 0. */
  #part = 0;
  #sum = 0;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
    this.#partMs = intervalMs / PARTS;
  }

  /** `nowMs` never goes back. */
  add(nowMs: number): void {
    this.#forget(nowMs);
    const at = this.#part % PARTS;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum++;
  }

  count(nowMs: number): number {
    this.#forget(nowMs);
    return this.#sum;
  }

  #forget(nowMs: number): void {
    const part = Math.floor(nowMs / this.#partMs);
    const from = Math.max(this.#part + 1, part - PARTS + 1);
    for (let old = from; old <= part; old++) {
      this.#sum -= this.#counts[old % PARTS] as number;
      this.#counts[old % PARTS] = 0;
    }
    this.#part = Math.max(this.#part, part);
  }
}
