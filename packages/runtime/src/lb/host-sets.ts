import type { Host } from '../compiled.ts';
import { fitness, isExcluded } from './health.ts';
import type { Availability } from './priorities.ts';

/** The hosts of one locality at one priority, in the order of the resource. */
export interface LocalityHosts {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
  /** 0 when none is set. */
  readonly weight: number;
  readonly hosts: readonly Host[];
}

/** Hosts of one kind, whole and by locality (in the order of `HostSet.localities`). */
export interface HostGroup {
  readonly hosts: readonly Host[];
  readonly localities: readonly LocalityHosts[];
}

/** The hosts of one priority. */
export interface HostSet {
  readonly all: HostGroup;
  readonly healthy: HostGroup;
  readonly degraded: HostGroup;
  readonly availability: Availability;
}

/** Sorts the hosts by priority and health as they are now. Priorities without hosts are there, empty. */
export function buildHostSets(localities: readonly LocalityHosts[], byWeight: boolean, nowMs: number): readonly HostSet[] {
  const last = localities.reduce((max, locality) => Math.max(max, locality.priority), 0);
  return Array.from({ length: last + 1 }, (_, priority) =>
    hostSet(
      localities.filter((locality) => locality.priority === priority),
      byWeight,
      nowMs,
    ),
  );
}

function hostSet(inOrder: readonly LocalityHosts[], byWeight: boolean, nowMs: number): HostSet {
  const localities = joinLocalities(inOrder);
  const hosts = inOrder.flatMap((locality) => locality.hosts);
  const group = (wanted: (host: Host) => boolean): HostGroup => ({
    hosts: hosts.filter(wanted),
    localities: localities.map((locality) => ({ ...locality, hosts: locality.hosts.filter(wanted) })),
  });
  const healthy = group((host) => fitness(host, nowMs) === 'healthy');
  const degraded = group((host) => fitness(host, nowMs) === 'degraded');
  const counted = hosts.filter((host) => !isExcluded(host));
  const size = (list: readonly Host[]): number => (byWeight ? list.reduce((sum, host) => sum + host.endpoint.weight, 0) : list.length);
  return {
    all: { hosts, localities },
    healthy,
    degraded,
    availability: {
      healthy: size(healthy.hosts),
      degraded: size(degraded.hosts),
      total: size(counted),
      healthyHosts: healthy.hosts.length,
      degradedHosts: degraded.hosts.length,
      countedHosts: counted.length,
      hosts: hosts.length,
    },
  };
}

/** One entry per locality, sorted by name: every proxy sees them in the same order. */
function joinLocalities(localities: readonly LocalityHosts[]): readonly LocalityHosts[] {
  const joined = new Map<string, LocalityHosts>();
  for (const locality of localities) {
    const name = localityName(locality);
    const before = joined.get(name);
    joined.set(name, before === undefined ? locality : { ...locality, hosts: [...before.hosts, ...locality.hosts] });
  }
  return [...joined].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, locality]) => locality);
}

/** Sorts like region, zone and sub-zone one after the other. */
export function localityName({ region, zone, subZone }: Pick<LocalityHosts, 'region' | 'zone' | 'subZone'>): string {
  return `${region}\0${zone}\0${subZone}`;
}
