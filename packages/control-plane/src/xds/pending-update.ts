import type { XdsNode, XdsUpdate } from './generator.ts';

/** Two updates that are pushed as one: the newer state, and what either of them touched. */
export function mergeUpdates<Push>(older: XdsUpdate<Push> | undefined, newer: XdsUpdate<Push>): XdsUpdate<Push> {
  if (older === undefined) return newer;
  const changed = older.changed === undefined || newer.changed === undefined ? undefined : mergeChanged(older.changed, newer.changed);
  const affects = mergeAffects(older.affects, newer.affects);
  const changedFor = mergeChangedFor(older.changedFor, newer.changedFor);
  return {
    version: newer.version,
    push: newer.push,
    ...(changed === undefined ? {} : { changed }),
    ...(affects === undefined ? {} : { affects }),
    ...(changedFor === undefined ? {} : { changedFor }),
  };
}

type ChangedFor = XdsUpdate<unknown>['changedFor'];

function mergeChangedFor(a: ChangedFor, b: ChangedFor): ChangedFor {
  if (a === undefined || b === undefined) return a ?? b;
  return (node) => mergeChanged(a(node), b(node));
}

function mergeChanged(
  a: NonNullable<XdsUpdate<unknown>['changed']>,
  b: NonNullable<XdsUpdate<unknown>['changed']>,
): Map<string, ReadonlySet<string> | '*'> {
  const merged = new Map(a);
  for (const [typeUrl, names] of b) {
    const known = merged.get(typeUrl);
    merged.set(typeUrl, known === undefined ? names : known === '*' || names === '*' ? '*' : new Set([...known, ...names]));
  }
  return merged;
}

type Affects = ((node: XdsNode) => boolean) | undefined;

function mergeAffects(a: Affects, b: Affects): Affects {
  if (a === undefined || b === undefined) return undefined;
  return (node) => a(node) || b(node);
}
