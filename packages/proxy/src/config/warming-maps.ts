/** Resources that take effect only when they are released; until then the one before stays active. */
export interface Held<T> {
  put(values: readonly T[], nowMs: number): void;
  remove(names: readonly string[]): void;
  /** These names have no resource: known to be absent where there never was one. */
  deny(names: readonly string[]): void;
  isActive(name: string): boolean;
  /** The one in force. */
  get(name: string): T | undefined;
  /** All in force. */
  active(): Iterable<T>;
  isDenied(name: string): boolean;
  /** Announced, but never active so far. */
  isHeldBack(name: string): boolean;
  /** Makes active, and returns, what is ready or has waited long enough. */
  release(nowMs: number, ready: (value: T) => boolean): readonly T[];
  /** Active and waiting ones. */
  all(): Iterable<T>;
  waiting(): readonly string[];
  isWaiting(name: string): boolean;
  /** When the first of the waiting ones has waited long enough; Infinity = none waits. */
  deadlineMs(): number;
  keepOnly(names: ReadonlySet<string>): void;
  /** Names that were active and are gone since the last call. */
  takeRemoved(): readonly string[];
}

export function createHeld<T>(nameOf: (value: T) => string, limitMs: number): Held<T> {
  const active = new Map<string, T>();
  const waiting = new Map<string, { readonly value: T; readonly sinceMs: number }>();
  const denied = new Set<string>();
  let gone: string[] = [];

  const drop = (name: string): void => {
    waiting.delete(name);
    if (active.delete(name)) gone.push(name);
  };
  return {
    put(values, nowMs) {
      for (const value of values) {
        waiting.set(nameOf(value), { value, sinceMs: nowMs });
        denied.delete(nameOf(value));
      }
    },
    remove: (names) => names.forEach(drop),
    deny(names) {
      for (const name of names) if (!active.has(name)) denied.add(name);
    },
    isActive: (name) => active.has(name),
    get: (name) => active.get(name),
    active: () => active.values(),
    isDenied: (name) => denied.has(name),
    isHeldBack: (name) => waiting.has(name) && !active.has(name),
    release(nowMs, ready) {
      const released: T[] = [];
      for (const [name, { value, sinceMs }] of waiting) {
        if (nowMs - sinceMs < limitMs && !ready(value)) continue;
        waiting.delete(name);
        active.set(name, value);
        released.push(value);
      }
      return released;
    },
    *all() {
      yield* active.values();
      for (const { value } of waiting.values()) yield value;
    },
    waiting: () => [...waiting.keys()],
    isWaiting: (name) => waiting.has(name),
    deadlineMs() {
      let earliest = Infinity;
      for (const { sinceMs } of waiting.values()) earliest = Math.min(earliest, sinceMs + limitMs);
      return earliest;
    },
    keepOnly(names) {
      for (const name of [...active.keys(), ...waiting.keys()]) if (!names.has(name)) drop(name);
      for (const name of denied) if (!names.has(name)) denied.delete(name);
    },
    takeRemoved() {
      const taken = gone;
      gone = [];
      return taken;
    },
  };
}

/** Resources that take effect at once, for as long as something points at them. */
export interface Shared<T> {
  put(values: readonly T[]): void;
  /** These names have no resource. One that was there stays: an empty answer must not break what works. */
  deny(names: readonly string[]): void;
  has(name: string): boolean;
  /** Is it known what is, or is not, under this name? */
  isAnswered(name: string): boolean;
  /** What changed since the last call; names that are not wanted go. */
  take(wanted: ReadonlySet<string>): { readonly changed: readonly T[]; readonly removed: readonly string[] };
}

export function createShared<T>(nameOf: (value: T) => string): Shared<T> {
  const values = new Map<string, T | undefined>();
  let changed = new Map<string, T>();
  return {
    put(added) {
      for (const value of added) {
        values.set(nameOf(value), value);
        changed.set(nameOf(value), value);
      }
    },
    deny(names) {
      for (const name of names) if (!values.has(name)) values.set(name, undefined);
    },
    has: (name) => values.get(name) !== undefined,
    isAnswered: (name) => values.has(name),
    take(wanted) {
      const removed = [...values.keys()].filter((name) => !wanted.has(name));
      for (const name of removed) {
        values.delete(name);
        changed.delete(name);
      }
      const taken = [...changed.values()];
      changed = new Map();
      return { changed: taken, removed };
    },
  };
}
