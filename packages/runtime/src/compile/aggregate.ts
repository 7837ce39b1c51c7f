import type { CompiledCluster, Host } from '../compiled.ts';
import { buildHostSets, type LocalityHosts } from '../lb/host-sets.ts';
import { priorityAt, shareLoad, type Availability, type PriorityLoads } from '../lb/priorities.ts';
import type { RuntimeCluster } from '../types/cluster.ts';
import { createBreakers } from './breakers.ts';
import type { ClusterContext } from './cluster.ts';
import { looseHost } from './hosts-of.ts';

/** Envoy's over-provisioning factor, which aggregate clusters do not set. */
const OVERPROVISIONING_PERCENT = 140;

/**
 * Several clusters one after the other: their priorities in a row are the priorities of this one. Which of them serves a request is decided
 * first (`member`); the choice of a host, breakers and connections are that one's.
 */
export function aggregateCluster(
  config: RuntimeCluster,
  names: readonly string[],
  before: CompiledCluster | undefined,
  context: ClusterContext,
): CompiledCluster {
  const members = (): readonly CompiledCluster[] =>
    names.flatMap((name) => {
      const cluster = context.cluster(name);
      return cluster === undefined || cluster.config.name === config.name ? [] : [cluster];
    });
  const levelsNow = (nowMs: number): readonly { readonly cluster: CompiledCluster; readonly availability: Availability }[] =>
    members().flatMap((cluster) => buildHostSets(asLocalities(cluster.hosts()), false, nowMs).map(({ availability }) => ({ cluster, availability })));
  const loadsOf = (nowMs: number): PriorityLoads =>
    shareLoad(
      levelsNow(nowMs).map(({ availability }) => availability),
      OVERPROVISIONING_PERCENT,
      Math.floor(config.panicThreshold * 100),
    );
  const member = (random: () => number, nowMs: number): CompiledCluster | undefined => {
    const levels = levelsNow(nowMs);
    if (levels.length === 0) return undefined;
    return levels[priorityAt(loadsOf(nowMs), Math.floor(random() * 100)).index]?.cluster;
  };
  const hosts = (): readonly Host[] => members().flatMap((cluster) => cluster.hosts());
  return {
    config,
    ...createBreakers(config, before, context.shared),
    forgotten: [],
    hash: undefined,
    member,
    pick: (random, nowMs, wish) => member(random, nowMs)?.pick(random, nowMs, wish),
    find: (address) => hosts().find((host) => host.key === address),
    originalDst: (address) => looseHost(config, address),
    drop: () => undefined,
    // Its hosts belong to its members: nothing here opens or closes their connections.
    hosts: () => [],
    loads: loadsOf,
    refresh() {},
    checked() {},
    checkPassed() {},
    ejectedElsewhere() {},
    observe() {},
    report: (host, outcome, nowMs) => context.cluster(host.cluster)?.report(host, outcome, nowMs) ?? false,
  };
}

function asLocalities(hosts: readonly Host[]): readonly LocalityHosts[] {
  return hosts.map((host) => ({ ...host.locality, priority: host.priority, weight: 0, hosts: [host] }));
}
