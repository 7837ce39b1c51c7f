/** Names that a client subscribed to. Sets are never changed: clients that ask for the same share one, with its strings. */
export type NameSet = ReadonlySet<string>;

export const NO_NAMES: NameSet = new Set();

/** Below this a set of one's own is cheaper than looking for another. */
const SMALL = 16;
/** Sets that are remembered, at most; more than there are kinds of clients at a time. */
const MAX_REMEMBERED = 512;
/** Clients choose names; those of resources are shorter by far. */
const MAX_KEY = 1_000;

// A memo: it holds no set that no client uses, and only saves memory.
const remembered = new Map<string, WeakRef<NameSet>>();

/** The set with these names too; the same one when they are all in it. */
export function withNames(set: NameSet, names: readonly string[]): NameSet {
  if (set.size === 0) return shared(names);
  const added = names.filter((name) => !set.has(name));
  return added.length === 0 ? set : shared([...set, ...added]);
}

/** The set without these names; the same one when none is in it. */
export function withoutNames(set: NameSet, names: readonly string[]): NameSet {
  const gone = new Set(names);
  return names.some((name) => set.has(name)) ? shared([...set].filter((name) => !gone.has(name))) : set;
}

function shared(names: readonly string[]): NameSet {
  if (names.length === 0) return NO_NAMES;
  if (names.length < SMALL) return new Set(names);
  const key = `${names.length} ${names[0]} ${names[names.length >> 1]} ${names.at(-1)}`;
  if (key.length > MAX_KEY) return new Set(names);
  const known = remembered.get(key)?.deref();
  if (known?.size === names.length && names.every((name) => known.has(name))) return known;
  if (remembered.size >= MAX_REMEMBERED) for (const [other, ref] of remembered) if (ref.deref() === undefined) remembered.delete(other);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  const made: NameSet = new Set(names);
  remembered.set(key, new WeakRef(made));
  return made;
}
