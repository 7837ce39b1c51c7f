/**
 * Remembers what generators made, by the one record of inputs each of them takes. The record IS the key, so there is no input that a key could
 * forget. Primitive values and arrays count by value; every other object counts by identity and must be immutable, which all parts of the
 * snapshot are (a changed part is a new object).
 */
export interface InputsCache {
  /** What `build` makes of these inputs: made now, or made before from equal ones. */
  get<I extends object, O>(generator: string, inputs: I, build: (inputs: I) => O): O;
  /**
   * The same for what is large and made anew with most changes (tables, lists): only the last one is kept for each owner and generator, as long as the
   * owner lives. `build` is given the one before: what of it did not change is to be taken over.
   */
  latest<I extends object, O>(generator: string, owner: object, inputs: I, build: (inputs: I, before: Made<I, O> | undefined) => O): O;
  readonly stats: { readonly hits: number; readonly misses: number };
}

/** What was made last, and of what. */
export interface Made<I, O> {
  readonly inputs: I;
  readonly made: O;
}

/** What is made of a long list is a table with as many entries: it counts as one more small thing for so many characters of its key. */
const KEY_CHARS = 256;

/** A cache of about `maxEntries`, of which large ones count more than once. What was not used while half as many others were made is dropped. */
export function createInputsCache(maxEntries: number): InputsCache {
  const ids = new WeakMap<object, number>();
  let nextId = 0;
  let young = new Map<string, unknown>();
  let old = new Map<string, unknown>();
  const last = new WeakMap<object, Map<string, Made<object, unknown>>>();
  const stats = { hits: 0, misses: 0 };
  const keyOf = (value: unknown): string => {
    if (typeof value === 'string') return JSON.stringify(value);
    if (typeof value !== 'object' || value === null) return String(value);
    if (Array.isArray(value)) return keyOfList(value);
    let id = ids.get(value);
    if (id === undefined) ids.set(value, (id = nextId++));
    return `#${id}`;
  };
  const keyOfList = (list: readonly unknown[]): string => {
    let key = '[';
    for (const item of list) key += `${keyOf(item)},`;
    return `${key}]`;
  };
  let weight = 0;
  const remember = (key: string, value: unknown): void => {
    young.set(key, value);
    weight += 1 + Math.floor(key.length / KEY_CHARS);
    if (weight * 2 <= maxEntries) return;
    old = young;
    young = new Map();
    weight = 0;
  };
  return {
    stats,
    get<I extends object, O>(generator: string, inputs: I, build: (inputs: I) => O): O {
      let key = generator;
      // Plain records: no more than their own names. Called a thousand times for a table: no intermediate arrays.
      for (const name in inputs) key += ` ${name}=${keyOf(inputs[name])}`;
      const found = (young.get(key) ?? old.get(key)) as O | undefined;
      if (found !== undefined) {
        stats.hits++;
        if (!young.has(key)) remember(key, found);
        return found;
      }
      stats.misses++;
      const made = build(inputs);
      remember(key, made);
      return made;
    },
    latest<I extends object, O>(generator: string, owner: object, inputs: I, build: (inputs: I, before: Made<I, O> | undefined) => O): O {
      let slots = last.get(owner);
      if (slots === undefined) last.set(owner, (slots = new Map()));
      const before = slots.get(generator) as Made<I, O> | undefined;
      if (before !== undefined && sameRecord(before.inputs, inputs)) {
        stats.hits++;
        return before.made;
      }
      stats.misses++;
      const made = build(inputs, before);
      slots.set(generator, { inputs, made });
      return made;
    },
  };
}

/** Equal by the rules of the cache's keys. */
function sameRecord<I extends object>(a: I, b: I): boolean {
  let size = 0;
  for (const name in a) {
    size++;
    if (!sameValue(a[name], b[name])) return false;
  }
  for (const _ in b) size--;
  return size === 0;
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return Array.isArray(a) && Array.isArray(b) && sameList(a, b);
}

/** Whether two lists hold the same, in the same order. */
export function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => sameValue(item, b[index])));
}
