import type { LoadBalancing } from '../types/balancing.ts';
import { xxHash64 } from './hash64.ts';
import type { HashPick } from './ring-hash.ts';
import { hashKey, type Share } from './weights.ts';

const ALL = 0xffff_ffff_ffff_ffffn;

interface Entry {
  readonly weight: number;
  readonly skip: number;
  /** Where its permutation stands. */
  at: number;
  /** How much weight it must have collected before its next turn. */
  target: number;
}

/** Envoy's Maglev table: hosts take places in turn, each in the order of its own permutation; a hash belongs to the place it falls on. */
export function createMaglev(policy: LoadBalancing & { t: 'maglev' }, shares: readonly Share[]): HashPick {
  if (shares.length === 0) return () => undefined;
  const size = policy.tableSize;
  // In the order of the keys: the table must not depend on the order of the resource.
  const sorted = shares.map(({ host, weight }) => ({ host, weight, key: hashKey(host, policy) })).sort((a, b) => compare(a.key, b.key));
  const entries = sorted.map(({ key, weight }): Entry => ({
    weight,
    at: Number(xxHash64(key) % BigInt(size)),
    skip: Number(xxHash64(key, 1n) % BigInt(size - 1)) + 1,
    target: 0,
  }));
  const table = fill(entries, size);
  const bigSize = BigInt(size);
  return (hash, attempt) => {
    const moved = attempt === 0 ? hash : hash ^ (ALL - BigInt(attempt) + 1n);
    return sorted[table[Number(moved % bigSize)] as number]?.host;
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Every place's index of an entry. */
function fill(entries: readonly Entry[], size: number): Int32Array {
  const most = entries.reduce((max, entry) => Math.max(max, entry.weight), 0);
  const table = new Int32Array(size).fill(-1);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (let index = 0; index < entries.length && filled < size; index++) {
      const entry = entries[index] as Entry;
      // Only the heaviest have a turn in each round.
      if (round * entry.weight < entry.target) continue;
      entry.target += most;
      while (table[entry.at] !== -1) entry.at = (entry.at + entry.skip) % size;
      table[entry.at] = index;
      entry.at = (entry.at + entry.skip) % size;
      filled++;
    }
  }
  return table;
}
