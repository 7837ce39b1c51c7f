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

/** A cache of about so many bytes at most, by an estimate. What was not used while half as much was made is dropped. */
export function createInputsCache(maxBytes: number): InputsCache {
  const keyOf = createKeys();
  const memory = createMemory(maxBytes);
  const last = new WeakMap<object, Map<string, Made<object, unknown>>>();
  const stats = { hits: 0, misses: 0 };
  return {
    stats,
    get<I extends object, O>(generator: string, inputs: I, build: (inputs: I) => O): O {
      let key = generator;
      // Plain records: no more than their own names. Called a thousand times for a table: no intermediate arrays.
      for (const name in inputs) key += ` ${name}=${keyOf(inputs[name])}`;
      const found = memory.recall(generator, key) as O | undefined;
      if (found !== undefined) {
        stats.hits++;
        return found;
      }
      stats.misses++;
      const made = build(inputs);
      memory.remember(generator, key, made);
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

/** Texts for values: equal for equal ones, of objects for the same. */
function createKeys(): (value: unknown) => string {
  const ids = new WeakMap<object, number>();
  let nextId = 0;
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
  return keyOf;
}

interface Memory {
  recall(generator: string, key: string): unknown;
  remember(generator: string, key: string, value: unknown): void;
}

/** Two halves: what is used of the older one comes into the younger one. */
function createMemory(maxBytes: number): Memory {
  const scale = createScale();
  let young = new Map<string, unknown>();
  let old = new Map<string, unknown>();
  let bytes = 0;
  const remember = (generator: string, key: string, value: unknown): void => {
    young.set(key, value);
    bytes += ENTRY_BYTES + key.length + scale(generator, value);
    if (bytes * 2 <= maxBytes) return;
    old = young;
    young = new Map();
    bytes = 0;
  };
  return {
    remember,
    recall(generator, key) {
      const known = young.get(key);
      if (known !== undefined) return known;
      const older = old.get(key);
      if (older !== undefined) remember(generator, key, older);
      return older;
    },
  };
}

/** Weighs what a generator makes: the first ones, then some of them; what one makes is much alike. */
function createScale(): (generator: string, value: unknown) => number {
  const weighed = new Map<string, { count: number; mean: number }>();
  return (generator, value) => {
    let known = weighed.get(generator);
    if (known === undefined) weighed.set(generator, (known = { count: 0, mean: 0 }));
    known.count++;
    if (known.count > WEIGHED_FIRST && known.count % WEIGHED_EACH !== 0) return known.mean;
    const size = sizeOf(value);
    known.mean += (size - known.mean) / Math.min(known.count, WEIGHED_FIRST);
    return size;
  };
}

const WEIGHED_FIRST = 8;
const WEIGHED_EACH = 8;
/** An entry of a map, and one field or item of what it holds; as V8 has them. */
const ENTRY_BYTES = 64;
const FIELD_BYTES = 16;
/** What is larger is not counted to its end: it is a table, and its rows are counted where they were made. */
const MAX_FIELDS = 5_000;

/** Bytes of plain data, about. */
function sizeOf(value: unknown): number {
  let size = 0;
  let fields = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0 && fields < MAX_FIELDS) {
    const next = rest.pop();
    fields++;
    size += FIELD_BYTES;
    if (typeof next === 'string') size += next.length;
    else if (typeof next === 'object' && next !== null) for (const item of next instanceof Map ? next.values() : Object.values(next)) rest.push(item);
  }
  return size;
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
