/** Numbers of one thing; more are left empty. */
const VALUES = 4;
/** Two for the key, one for how many hold it, one not in use, the numbers, two for a time. */
const SLOT = 10;
const [SECOND, HOLDERS, NUMBERS] = [1, 2, 4];
const TRIES = 64;
/** First halves of keys that are none: nothing was here; something was, and what came after it may stand behind. */
const [EMPTY, GONE] = [0, -1];
/** Where the lock is, before all slots. */
const LOCK = 0;
/** A thread that ended while it had the lock must not hold up the others: nobody has it for longer than this takes. */
const SPINS = 1_000_000;

/** Tells when nobody holds a thing any more. */
type WhenGone = (thing: object, then: () => void) => void;

/** Bytes for so many things. */
export function sharedBytes(things: number): number {
  return (things + 1) * SLOT * Int32Array.BYTES_PER_ELEMENT;
}

/**
 * Numbers that all threads of a process count in together: what is in use of a circuit breaker, errors in a row of a host, tokens. Every thread finds the
 * place of a thing by its name alone, so none has to be told by another. A name keeps its place for as long as any thread holds what `place` answered; its
 * numbers are forgotten then. When there is no room, `place` answers undefined, and the thread counts for itself.
 */
export class SharedNumbers {
  readonly #cells: Int32Array;
  readonly #times: BigInt64Array;
  readonly #slots: number;
  readonly #whenGone: WhenGone;
  /** What the clock of this thread lacks to the one that all threads share. */
  readonly offsetMs: number;

  /** `memory`: of `sharedBytes(n)`, zero at first, the same for all threads. */
  constructor(memory: SharedArrayBuffer, offsetMs = 0, whenGone: WhenGone = collected) {
    this.offsetMs = offsetMs;
    this.#whenGone = whenGone;
    this.#cells = new Int32Array(memory);
    this.#times = new BigInt64Array(memory);
    this.#slots = Math.floor(this.#cells.length / SLOT) - 1;
  }

  place(name: string): SharedPlace | undefined {
    const at = this.#locked(() => this.#hold(hash(name)));
    if (at === undefined) return undefined;
    const place = new SharedPlace(this.#cells, this.#times, at + NUMBERS);
    this.#whenGone(place, () => this.#locked(() => this.#leave(at)));
    return place;
  }

  /** Where a key stands, from now on; undefined = there is no room near it. */
  #hold([first, second]: readonly [number, number]): number | undefined {
    const cells = this.#cells;
    let free: number | undefined;
    for (let attempt = 0, slot = (first >>> 0) % this.#slots; attempt < TRIES; attempt++, slot = (slot + 1) % this.#slots) {
      const at = (slot + 1) * SLOT;
      if (cells[at] === first && cells[at + SECOND] === second) {
        Atomics.add(cells, at + HOLDERS, 1);
        return at;
      }
      if (cells[at] === EMPTY || cells[at] === GONE) free ??= at;
      if (cells[at] === EMPTY) break;
    }
    if (free === undefined) return undefined;
    cells.fill(0, free, free + SLOT);
    cells.set([first, second, 1], free);
    return free;
  }

  #leave(at: number): void {
    if (Atomics.sub(this.#cells, at + HOLDERS, 1) === 1) this.#cells[at] = GONE;
  }

  #locked<T>(run: () => T): T {
    for (let spins = 0; spins < SPINS && Atomics.compareExchange(this.#cells, LOCK, 0, 1) !== 0; spins++);
    try {
      return run();
    } finally {
      Atomics.store(this.#cells, LOCK, 0);
    }
  }
}

const registry = new FinalizationRegistry<() => void>((then) => then());

/** When the collector of garbage has found out. */
const collected: WhenGone = (thing, then) => registry.register(thing, then);

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

/** Two numbers that no two names of a process share in practice; the first is none of those that stand for no key. */
function hash(name: string): readonly [number, number] {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    first = Math.imul(first ^ code, 0x01000193);
    second = Math.imul(second ^ code, 0x85ebca6b);
    second ^= second >>> 13;
  }
  const mixed = (first ^ (first >>> 15)) | 0;
  return [mixed === EMPTY || mixed === GONE ? 1 : mixed, second | 0];
}
