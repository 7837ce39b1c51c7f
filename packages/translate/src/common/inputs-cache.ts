/**
 * Remembers what generators made, by the one record of inputs each of them takes. The record IS the key, so there is no input that a key could
 * forget. Primitive values and arrays count by value; every other object counts by identity and must be immutable, which all parts of the
 * snapshot are (a changed part is a new object).
 */
export interface InputsCache {
  /** What `build` makes of these inputs: made now, or made before from equal ones. */
  get<I extends object, O>(generator: string, inputs: I, build: (inputs: I) => O): O;
  readonly stats: { readonly hits: number; readonly misses: number };
}

/** A cache of about `maxEntries`. What was not used while half as many others were made is dropped. */
export function createInputsCache(maxEntries: number): InputsCache {
  const ids = new WeakMap<object, number>();
  let nextId = 0;
  let young = new Map<string, unknown>();
  let old = new Map<string, unknown>();
  const stats = { hits: 0, misses: 0 };
  const keyOf = (value: unknown): string => {
    if (typeof value === 'string') return JSON.stringify(value);
    if (typeof value !== 'object' || value === null) return String(value);
    if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
    let id = ids.get(value);
    if (id === undefined) ids.set(value, (id = nextId++));
    return `#${id}`;
  };
  const remember = (key: string, value: unknown): void => {
    young.set(key, value);
    if (young.size * 2 <= maxEntries) return;
    old = young;
    young = new Map();
  };
  return {
    stats,
    get<I extends object, O>(generator: string, inputs: I, build: (inputs: I) => O): O {
      const key = `${generator}(${Object.entries(inputs)
        .map(([name, value]) => `${name}=${keyOf(value)}`)
        .join()})`;
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
  };
}
