/** Numbers of one thing; more are left empty. */
const VALUES = 4;
/** Two for the key, one not in use, one for a time. */
const SLOT = 8;
const TRIES = 64;

/** Bytes for so many things. */
export function sharedBytes(things: number): number {
  return things * SLOT * Int32Array.BYTES_PER_ELEMENT;
}

/**
 * Numbers that all threads of a process count in together: what is in use of a circuit breaker, errors in a row of a host, tokens. Every thread finds the
 * place of a thing by its name alone, so none has to be told by another. A name keeps its place for good; when there is no room, `place` answers undefined,
 * and the thread counts for itself.
 */
export class SharedNumbers {
  readonly #cells: Int32Array;
  readonly #times: BigInt64Array;
  readonly #slots: number;
  /** What the clock of this thread lacks to the one that all threads share. */
  readonly offsetMs: number;

  /** `memory`: of `sharedBytes(n)`, zero at first, the same for all threads. */
  constructor(memory: SharedArrayBuffer, offsetMs = 0) {
    this.offsetMs = offsetMs;
    this.#cells = new Int32Array(memory);
    this.#times = new BigInt64Array(memory);
    this.#slots = Math.floor(this.#cells.length / SLOT);
  }

  place(name: string): SharedPlace | undefined {
    const [first, second] = hash(name);
    for (let attempt = 0, slot = (first >>> 0) % this.#slots; attempt < TRIES; attempt++, slot = (slot + 1) % this.#slots) {
      const at = slot * SLOT;
      // Whoever comes first puts its key there; a key is never 0.
      const found = Atomics.compareExchange(this.#cells, at, 0, first);
      if (found !== 0 && found !== first) continue;
      const other = Atomics.compareExchange(this.#cells, at + 1, 0, second);
      if (other === 0 || other === second) return new SharedPlace(this.#cells, this.#times, at + SLOT - VALUES - 2);
    }
    return undefined;
  }
}

/** Where the numbers of one thing stand. */
export class SharedPlace {
  readonly #cells: Int32Array;
  readonly #times: BigInt64Array;
  readonly #at: number;

  constructor(cells: Int32Array, times: BigInt64Array, at: number) {
    this.#cells = cells;
    this.#times = times;
    this.#at = at;
  }

  get(index: number): number {
    return Atomics.load(this.#cells, this.#at + index);
  }

  /** Answers what stood there before. */
  add(index: number, by: number): number {
    return Atomics.add(this.#cells, this.#at + index, by);
  }

  set(index: number, value: number): void {
    Atomics.store(this.#cells, this.#at + index, value);
  }

  /** The time of the thing, which has a place of its own beside its numbers. */
  get time(): bigint {
    return Atomics.load(this.#times, (this.#at + VALUES) >> 1);
  }

  /** Puts another time there, if it is still `before`. */
  exchangeTime(before: bigint, after: bigint): boolean {
    return Atomics.compareExchange(this.#times, (this.#at + VALUES) >> 1, before, after) === before;
  }
}

/** Two numbers that no two names of a process share in practice; the first is not 0, and neither is the second. */
function hash(name: string): readonly [number, number] {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x85ebca6b);
    second ^= second >>> 13;
  }
  return [(first ^ (first >>> 15)) | 0 || 1, second | 0 || 1];
}
