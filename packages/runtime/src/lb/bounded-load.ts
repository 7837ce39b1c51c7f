import type { Host } from '../compiled.ts';
import { createTwister } from './mt19937.ts';
import type { HashPick } from './ring-hash.ts';
import type { Share } from './weights.ts';

/**
 * Consistent hashing with bounded load: a host that has more than `percent` of the average in flight passes the request on, in an order
 * that belongs to the hash, so that the same key goes to the same other host. `active` tells the whole cluster's requests in flight.
 */
export function boundLoad(pick: HashPick, shares: readonly Share[], percent: number, active: () => number): HashPick {
  const weights = new Map(shares.map(({ host, weight }) => [host, weight]));
  const overload = (host: Host, weight: number): number => {
    const places = Math.floor(((active() + 1) * percent + 99) / 100);
    return host.active / Math.max(1, Math.ceil(places * weight));
  };
  return (hash, attempt) => {
    const first = pick(hash, attempt);
    if (first === undefined) return undefined;
    let least = overload(first, weights.get(first) ?? 0);
    if (least <= 1) return first;
    let best = first;
    for (const { host, weight } of walk(shares, Number(hash & 0xffff_ffffn))) {
      if (host === first) continue;
      const load = overload(host, weight);
      if (load <= 1) return host;
      if (load < least) {
        least = load;
        best = host;
      }
    }
    return best;
  };
}

/** The shares shuffled, the same for the same seed; as far as they are asked for. */
function* walk(shares: readonly Share[], seed: number): Generator<Share> {
  const order = shares.slice();
  const random = createTwister(seed);
  for (let at = 0; at < order.length; at++) {
    const other = at + uniform(random, order.length - at);
    const taken = order[other] as Share;
    order[other] = order[at] as Share;
    order[at] = taken;
    yield taken;
  }
}

/** Uniform in [0, bound), without the bias of a remainder. */
function uniform(random: () => number, bound: number): number {
  const width = Math.floor(2 ** 32 / bound);
  for (;;) {
    const value = Math.floor(random() / width);
    if (value < bound) return value;
  }
}
