import { compileCluster, type ClusterContext } from './compile/cluster.ts';
import { formatAddress } from './compile/hosts-of.ts';
import { compileListener } from './compile/listener.ts';
import { compileRoutes } from './compile/routes.ts';
import type { CompiledCluster, CompiledListener, CompiledRoutes, Host, RuntimeChange, RuntimeState } from './compiled.ts';
import { buildHostSets } from './lb/host-sets.ts';
import type { SharedNumbers } from './shared/numbers.ts';
import type { LocalZone } from './lb/zone-aware.ts';
import type { RuntimeCluster, RuntimeEndpoints, RuntimeLocality } from './types/cluster.ts';
import type { SocketAddress } from './types/common.ts';
import type { RuntimeDelta } from './types/config.ts';
import type { RuntimeSecret } from './types/secret.ts';

const NOTHING: RuntimeEndpoints = { cluster: '', localities: [], overprovisioningPercent: 140, weightedPriorityHealth: false, drops: [] };

/** Where the configuration is in force. */
export interface RuntimePlace {
  /** Monotonic ms, the clock of everything that is asked with a time. */
  readonly now?: () => number;
  /** What all threads count together; absent = there is one. */
  readonly shared?: SharedNumbers | undefined;
  /** Outlier detection has ejected a host, for so long. */
  readonly onEjected?: ((host: Host, forMs: number) => void) | undefined;
  /** The cluster that this proxy is one of, and its own locality: what zone-aware routing needs. */
  readonly local?: { readonly cluster: string; readonly locality: Pick<RuntimeLocality, 'region' | 'zone' | 'subZone'> };
}

/** The configuration in force on one thread, empty at first. `random` spreads where round robin starts. */
export function createRuntimeState(random: () => number, place: RuntimePlace = {}): RuntimeState {
  const listeners = new Map<string, CompiledListener>();
  const routes = new Map<string, CompiledRoutes>();
  const clusters = new Map<string, CompiledCluster>();
  const endpoints = new Map<string, RuntimeEndpoints>();
  const secrets = new Map<string, RuntimeSecret>();
  const lookupRoutes = (name: string): CompiledRoutes | undefined => routes.get(name);
  let byAddress = new Map<string, CompiledListener>();
  const context: ClusterContext = {
    random,
    now: place.now ?? (() => NaN),
    zone: place.local === undefined ? undefined : createZone(place.local, (name) => clusters.get(name)),
    cluster: (name) => clusters.get(name),
    shared: place.shared,
    onEjected: place.onEjected,
  };

  const applyClusters = (delta: RuntimeDelta, gone: Host[], outdated: Host[]): void => {
    for (const item of delta.endpoints ?? []) endpoints.set(item.cluster, item);
    for (const config of touchedClusters(delta, clusters.values())) {
      const before = clusters.get(config.name);
      const after = compileCluster(config, endpointsOf(config, endpoints), before, context);
      clusters.set(config.name, after);
      markRemoved(before?.hosts() ?? [], new Set(after.hosts()), gone);
      if (before !== undefined && !sameConnections(before.config, config)) outdated.push(...before.hosts().filter((host) => !host.removed));
      // The zones of the others are shared out by where the local cluster's hosts are.
      if (config.name === place.local?.cluster) for (const other of clusters.values()) if (isZoneAware(other.config)) other.refresh(context.now());
    }
  };

  const remove = ({ removed = {} }: RuntimeDelta, gone: Host[]): void => {
    for (const name of removed.clusters ?? []) markRemoved(clusters.get(name)?.hosts() ?? [], new Set(), gone);
    for (const [kind, map] of Object.entries({ listeners, routes, secrets, endpoints, clusters })) {
      for (const name of removed[kind as keyof typeof removed] ?? []) map.delete(name);
    }
  };

  return {
    apply(delta): RuntimeChange {
      const [gone, outdated]: [Host[], Host[]] = [[], []];
      applyClusters(delta, gone, outdated);
      for (const secret of delta.secrets ?? []) secrets.set(secret.name, secret);
      for (const table of delta.routes ?? []) routes.set(table.name, compileRoutes(table));
      const changed = (delta.listeners ?? []).map((config) => compileListener(config, lookupRoutes));
      for (const listener of changed) listeners.set(listener.config.name, listener);
      remove(delta, gone);
      const removedListeners = delta.removed?.listeners ?? [];
      if (changed.length + removedListeners.length > 0) byAddress = indexAddresses(listeners.values());
      return { listeners: changed, removedListeners, secrets: changedSecrets(delta), removedHosts: gone, outdatedHosts: outdated };
    },
    listener: (name) => listeners.get(name),
    listeners: () => listeners.values(),
    findListener: (destination) => byAddress.get(formatAddress(destination)) ?? byAddress.get(anyAddress(destination)),
    routes: lookupRoutes,
    cluster: (name) => clusters.get(name),
    clusters: () => clusters.values(),
    secret: (name) => secrets.get(name),
  };
}

function createZone(local: NonNullable<RuntimePlace['local']>, cluster: (name: string) => CompiledCluster | undefined): LocalZone {
  return {
    own: local.locality,
    hosts(nowMs) {
      const hosts = cluster(local.cluster)?.hosts() ?? [];
      const localities = hosts.map((host) => ({ ...host.locality, priority: 0, weight: 0, hosts: [host] }));
      return hosts.length === 0 ? undefined : buildHostSets(localities, false, nowMs)[0];
    },
  };
}

/** What a connection was made with, or is kept by. */
function sameConnections(a: RuntimeCluster, b: RuntimeCluster): boolean {
  return a === b || connectionSettings(a) === connectionSettings(b);
}

function connectionSettings({ http, tcpKeepalive, bindAddress }: RuntimeCluster): string {
  return JSON.stringify([http, tcpKeepalive, bindAddress]);
}

function isZoneAware({ locality }: RuntimeCluster): boolean {
  return locality.t === 'zone-aware' && locality.enabled > 0;
}

/** Clusters that the delta brings, and those whose endpoints it brings. */
function touchedClusters(delta: RuntimeDelta, known: Iterable<CompiledCluster>): Iterable<RuntimeCluster> {
  const touched = new Map((delta.clusters ?? []).map((config) => [config.name, config]));
  const changed = new Set((delta.endpoints ?? []).map((item) => item.cluster));
  if (changed.size === 0) return touched.values();
  for (const { config } of known) if (changed.has(endpointKey(config)) && !touched.has(config.name)) touched.set(config.name, config);
  return touched.values();
}

function changedSecrets(delta: RuntimeDelta): readonly string[] {
  return [...(delta.secrets ?? []).map((secret) => secret.name), ...(delta.removed?.secrets ?? [])];
}

/** Under which name a cluster's endpoints come. */
export function endpointKey(config: RuntimeCluster): string {
  return config.discovery.t === 'eds' ? config.discovery.service : config.name;
}

function endpointsOf(config: RuntimeCluster, endpoints: ReadonlyMap<string, RuntimeEndpoints>): RuntimeEndpoints {
  const { discovery } = config;
  if (discovery.t === 'static') return discovery.endpoints;
  if (discovery.t === 'original-dst' || discovery.t === 'aggregate' || discovery.t === 'dynamic') return NOTHING;
  // A DNS cluster's names are not addresses: until the resolver has spoken there are no hosts.
  return endpoints.get(endpointKey(config)) ?? NOTHING;
}

function markRemoved(before: readonly Host[], after: ReadonlySet<Host>, gone: Host[]): void {
  for (const host of before) {
    if (after.has(host)) continue;
    host.removed = true;
    gone.push(host);
  }
}

function anyAddress(destination: SocketAddress): string {
  return destination.address.includes(':') ? `[::]:${destination.port}` : `0.0.0.0:${destination.port}`;
}

/** The listener that hands over is no goal of a handover: that would be a loop. */
function indexAddresses(listeners: Iterable<CompiledListener>): Map<string, CompiledListener> {
  const index = new Map<string, CompiledListener>();
  for (const listener of listeners) {
    if (listener.config.useOriginalDst) continue;
    for (const address of listener.config.addresses) index.set(formatAddress(address), listener);
  }
  return index;
}
