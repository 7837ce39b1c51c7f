import type { XdsUpdate } from './generator.ts';

/** Two updates that are pushed as one: the newer state, and what either of them touched. What was merged before grows: the older one is not to be used any more. */
export function mergeUpdates<Push>(older: XdsUpdate<Push> | undefined, newer: XdsUpdate<Push>): XdsUpdate<Push> {
  if (older === undefined) return newer;
  const changed = older.changed === undefined || newer.changed === undefined ? undefined : mergeChanged(older.changed, newer.changed);
  const changedFor = mergeChangedFor(older.changedFor, newer.changedFor);
  return {
    version: newer.version,
    push: newer.push,
    ...(changed === undefined ? {} : { changed }),
    ...(changedFor === undefined ? {} : { changedFor }),
  };
}

type Changed = NonNullable<XdsUpdate<unknown>['changed']>;
type ChangedFor = NonNullable<XdsUpdate<unknown>['changedFor']>;

interface Part {
  readonly changedFor: ChangedFor;
  readonly before: Part | undefined;
}

/** What a merged one is made of, the last first: many changes in a row are asked one after the other, and not each from within the next. */
const partsOf = new WeakMap<ChangedFor, Part>();

function mergeChangedFor(a: ChangedFor | undefined, b: ChangedFor | undefined): ChangedFor | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const last: Part = { changedFor: b, before: partsOf.get(a) ?? { changedFor: a, before: undefined } };
  const merged: ChangedFor = (node) => {
    let all: Changed | undefined;
    for (let part: Part | undefined = last; part !== undefined; part = part.before) {
      const changed = part.changedFor(node);
      if (changed.size > 0) all = all === undefined ? changed : mergeChanged(all, changed);
    }
    return all ?? NOTHING;
  };
  partsOf.set(merged, last);
  return merged;
}

const NOTHING: Changed = new Map();

function mergeChanged(a: Changed, b: Changed): Changed {
  const merged = isOwn(a) ? (a as Map<string, Names>) : own(new Map(a));
  for (const [typeUrl, names] of b) merged.set(typeUrl, mergeNames(merged.get(typeUrl), names));
  return merged;
}

type Names = ReadonlySet<string> | '*';

function mergeNames(known: Names | undefined, more: Names): Names {
  if (known === undefined || more === '*') return more;
  if (known === '*') return known;
  const names = isOwn(known) ? (known as Set<string>) : own(new Set(known));
  for (const name of more) names.add(name);
  return names;
}

/** Maps and sets that were made here: those that were handed in may be shared, and are copied once. */
const OWN = new WeakSet();

function own<T extends object>(made: T): T {
  OWN.add(made);
  return made;
}

function isOwn(value: object): boolean {
  return OWN.has(value);
}
