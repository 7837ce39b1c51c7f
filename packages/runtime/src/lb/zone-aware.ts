import type { LocalityBalancing } from '../types/balancing.ts';
import { localityName, type HostSet, type LocalityHosts } from './host-sets.ts';

/** Where the proxy itself is: its own locality, and the hosts of the cluster that it is one of, by locality. */
export interface LocalZone {
  readonly own: Pick<LocalityHosts, 'region' | 'zone' | 'subZone'>;
  hosts(nowMs: number): HostSet | undefined;
}

/** Which locality a request goes to. */
export interface ZoneRouting {
  /** Index into the locality list of `HostSet.healthy`. */
  pick(random: () => number): number;
}

const WHOLE = 10_000;

/**
 * Zone-aware routing of the first priority (Envoy's arithmetic): requests stay in the proxy's own zone as far as the upstream has as large
 * a share of its hosts there as the callers have of theirs; the rest goes to zones with capacity to spare. undefined = not possible now.
 */
export function routeByZone(
  policy: LocalityBalancing & { t: 'zone-aware' },
  upstream: HostSet,
  zone: LocalZone,
  nowMs: number,
): ZoneRouting | undefined {
  const local = zone.hosts(nowMs);
  if (local === undefined) return undefined;
  const localities = upstream.healthy.localities;
  const occupied = local.all.localities.filter((locality) => locality.hosts.length > 0);
  const ownName = localityName(zone.own);
  const own = occupied.find((locality) => localityName(locality) === ownName);
  const possible = localities.length >= 2 && (occupied.length >= 2 || policy.forceDirect);
  if (!possible || own === undefined || upstream.healthy.hosts.length < policy.minClusterSize) return undefined;
  const shares = percentages(local, localities);
  const ownIndex = localities.findIndex((locality) => localityName(locality) === ownName && locality.hosts.length > 0);
  const ownShare = shares[ownIndex];
  if (ownShare === undefined) return { pick: spread(shares, ownIndex, 0) };
  if (policy.forceDirect || hasRoom(ownShare)) return { pick: () => ownIndex };
  return { pick: spread(shares, ownIndex, ownShare.local > 0 ? (ownShare.upstream * WHOLE) / ownShare.local : 0) };
}

function hasRoom({ local, upstream }: Percentages): boolean {
  return upstream > 0 && upstream >= local;
}

interface Percentages {
  readonly local: number;
  readonly upstream: number;
}

function percentages(local: HostSet, upstream: readonly LocalityHosts[]): readonly Percentages[] {
  const callers = new Map(local.healthy.localities.map((locality) => [localityName(locality), locality.hosts.length]));
  const allCallers = local.healthy.hosts.length;
  const allHosts = upstream.reduce((sum, locality) => sum + locality.hosts.length, 0);
  return upstream.map((locality) => {
    if (locality.hosts.length === 0) return { local: 0, upstream: 0 };
    const count = callers.get(localityName(locality)) ?? 0;
    return {
      local: allCallers === 0 ? 0 : Math.floor((WHOLE * count) / allCallers),
      upstream: allHosts === 0 ? 0 : Math.floor((WHOLE * locality.hosts.length) / allHosts),
    };
  });
}

/** As much as may stay goes to the own zone, the rest to zones in proportion to what they have to spare. */
function spread(shares: readonly Percentages[], ownIndex: number, toOwn: number): ZoneRouting['pick'] {
  const bounds: number[] = [];
  let spare = 0;
  shares.forEach(({ local, upstream }, index) => bounds.push((spare += index === ownIndex ? 0 : Math.max(0, upstream - local))));
  return (random) => {
    if (random() * WHOLE < Math.floor(toOwn)) return ownIndex;
    if (spare === 0) return Math.floor(random() * shares.length);
    const point = random() * spare;
    return bounds.findIndex((bound) => point < bound);
  };
}
