import type { Host } from '../compiled.ts';
import type { LoadBalancing } from '../types/balancing.ts';
import { murmurHash2, xxHash64 } from './hash64.ts';
import { hashKey, type Share } from './weights.ts';

/** The host for a hash; `attempt` counts how often another was asked for. */
export type HashPick = (hash: bigint, attempt: number) => Host | undefined;

/** Envoy's ketama ring: each host has points on it in proportion to its weight; a hash belongs to the next point. */
export function createRing(policy: LoadBalancing & { t: 'ring-hash' }, shares: readonly Share[]): HashPick {
  if (shares.length === 0) return () => undefined;
  const least = shares.reduce((min, share) => Math.min(min, share.weight), 1);
  // The lightest host gets a whole number of points.
  const scale = Math.min(Math.ceil(least * policy.minSize) / least, policy.maxSize);
  const hash = policy.hash === 'murmur2' ? murmurHash2 : xxHash64;
  const points: { readonly hash: bigint; readonly host: Host }[] = [];
  let target = 0;
  for (const { host, weight } of shares) {
    const prefix = `${hashKey(host, policy)}_`;
    target += scale * weight;
    for (let i = 0; points.length < target; i++) points.push({ hash: hash(prefix + i), host });
  }
  points.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  const hashes = BigUint64Array.from(points, (point) => point.hash);
  return (wanted, attempt) => points[(firstAtLeast(hashes, wanted) + attempt) % points.length]?.host;
}

/** Index of the first value that is not smaller; after the last comes the first. */
function firstAtLeast(values: BigUint64Array, wanted: bigint): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as bigint) < wanted) low = middle + 1;
    else high = middle;
  }
  return low === values.length ? 0 : low;
}
