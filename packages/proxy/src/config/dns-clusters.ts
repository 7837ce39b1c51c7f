import type { Log, Random, Timer, Timers } from '@meltemi/base';
import type { RuntimeCluster, RuntimeEndpoint, RuntimeEndpoints, SocketAddress } from '@meltemi/runtime';
import { isIP } from 'node:net';
import { failureWait } from '../dns/failure-wait.ts';
import { lookup } from '../dns/lookup.ts';
import type { Resolve } from '../dns/resolve-name.ts';

export interface DnsClustersOptions {
  /** A resolver that asks these servers; none = the system's. */
  readonly resolver: (servers: readonly SocketAddress[]) => Resolve;
  /** New addresses of a cluster, under the cluster's own name. */
  readonly onEndpoints: (endpoints: RuntimeEndpoints) => void;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** Resolves the names of DNS clusters again and again. A lookup that fails changes nothing: the last addresses stay. */
export interface DnsClusters extends Disposable {
  update(clusters: readonly RuntimeCluster[], removed: readonly string[]): void;
  /** Of each cluster that is resolved here. */
  counts(): readonly DnsCounts[];
}

/** How looking up the names of a cluster has gone so far. */
export interface DnsCounts {
  /** Under which the cluster's statistics stand. */
  readonly statName: string;
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  /** The last lookup failed: what is in use are addresses of an earlier one, if there was one. */
  readonly stale: boolean;
}

interface Watch {
  readonly cluster: RuntimeCluster;
  readonly resolve: Resolve;
  readonly counts: { attempts: number; successes: number; failures: number; stale: boolean };
  /** Lookups in a row that failed. */
  failed: number;
  timer: Timer | undefined;
  stopped: boolean;
  last: string;
}

const MIN_REFRESH_MS = 1_000;

export function createDnsClusters(options: DnsClustersOptions): DnsClusters {
  const watches = new Map<string, Watch>();

  const stop = (name: string): void => {
    const watch = watches.get(name);
    if (watch === undefined) return;
    watch.stopped = true;
    watch.timer?.cancel();
    watches.delete(name);
  };

  const refresh = async (watch: Watch): Promise<void> => {
    const { discovery, name } = watch.cluster;
    if (discovery.t !== 'dns') return;
    const { counts } = watch;
    const jitter = 0.9 + options.random.next() * 0.2;
    let waitMs = Math.max(MIN_REFRESH_MS, discovery.refreshMs) * jitter;
    counts.attempts++;
    try {
      const { endpoints, ttlMs } = await resolveEndpoints(discovery, watch.resolve);
      if (discovery.respectTtl && ttlMs < Infinity) waitMs = Math.max(MIN_REFRESH_MS, ttlMs) * jitter;
      watch.failed = 0;
      counts.successes++;
      counts.stale = false;
      if (watch.stopped) return;
      const text = JSON.stringify(endpoints);
      if (text !== watch.last) options.onEndpoints({ ...endpoints, cluster: name });
      watch.last = text;
    } catch (error) {
      counts.failures++;
      counts.stale = true;
      if (discovery.failure !== undefined) waitMs = failureWait(discovery.failure, ++watch.failed, options.random.next());
      options.log.warn("a cluster's name cannot be resolved; its last addresses stay", { cluster: name, error: String(error) });
    }
    if (watch.stopped) return;
    watch.timer = options.timers.after(waitMs, () => void refresh(watch));
  };

  return {
    update(clusters, removed) {
      for (const name of removed) stop(name);
      for (const cluster of clusters) {
        const before = watches.get(cluster.name);
        stop(cluster.name);
        if (cluster.discovery.t !== 'dns') continue;
        const counts = before?.counts ?? { attempts: 0, successes: 0, failures: 0, stale: false };
        const resolve = options.resolver(cluster.discovery.servers);
        const watch: Watch = { cluster, resolve, counts, failed: 0, timer: undefined, stopped: false, last: '' };
        watches.set(cluster.name, watch);
        void refresh(watch);
      }
    },
    counts: () => Array.from(watches.values(), ({ cluster, counts }) => ({ statName: cluster.statName, ...counts })),
    [Symbol.dispose]() {
      for (const name of watches.keys()) stop(name);
    },
  };
}

type DnsDiscovery = RuntimeCluster['discovery'] & { t: 'dns' };

async function resolveEndpoints(
  discovery: DnsDiscovery,
  resolve: Resolve,
): Promise<{ readonly endpoints: RuntimeEndpoints; readonly ttlMs: number }> {
  let ttlMs = Infinity;
  const expand = async (endpoint: RuntimeEndpoint): Promise<readonly RuntimeEndpoint[]> => {
    const { address } = endpoint;
    if (address.t !== 'socket' || isIP(address.address) !== 0) return [endpoint];
    const found = await lookup(address.address, discovery.family, resolve);
    for (const item of found) ttlMs = Math.min(ttlMs, item.ttl * 1_000);
    // A logical cluster talks to one address at a time, the first.
    const used = discovery.mode === 'logical' ? found.slice(0, 1) : found;
    const hostname = endpoint.hostname === '' ? address.address : endpoint.hostname;
    return used.map((item) => ({ ...endpoint, hostname, address: { t: 'socket', address: item.address, port: address.port } }));
  };
  const localities = [];
  for (const locality of discovery.endpoints.localities) {
    const expanded = await Promise.all(locality.endpoints.map(expand));
    localities.push({ ...locality, endpoints: expanded.flat() });
  }
  return { endpoints: { ...discovery.endpoints, localities }, ttlMs };
}
