import type { CompiledCluster, Host } from '../compiled.ts';
import type { RuntimeCluster } from '../types/cluster.ts';
import type { SocketAddress } from '../types/common.ts';
import { countEvent } from '../stats/cluster-counts.ts';
import { createBreakers } from './breakers.ts';
import type { ClusterContext } from './cluster.ts';
import { createOutlierDetector } from '../lb/outlier.ts';
import { formatAddress, looseHost } from './hosts-of.ts';

/** Destinations idle and beyond this many are forgotten, oldest first: a scanner must not fill the memory. */
const MAX_ORIGINAL_DESTINATIONS = 1024;
const NO_LOADS = { healthy: [100], degraded: [0], panic: [false] };

/** Hosts are the connections' original destinations, made on first sight. */
export function originalDstCluster(config: RuntimeCluster, before: CompiledCluster | undefined, context: ClusterContext): CompiledCluster {
  const known = new Map((before?.hosts() ?? []).map((host) => [looseId(host.key, host.endpoint.hostname), host]));
  const port = config.discovery.t === 'original-dst' ? config.discovery.portOverride : undefined;
  const hosts = (): readonly Host[] => [...known.values()];
  const breakers = createBreakers(config, before, context.shared);
  const detector =
    config.outlier === undefined
      ? undefined
      : createOutlierDetector(config.outlier, hosts, context.random, {
          startMs: context.now(),
          count: (event) => countEvent(breakers.counts, event),
          shared: context.shared,
          onEjected: context.onEjected,
        });
  const forgotten: Host[] = [];
  return {
    config,
    ...breakers,
    forgotten,
    hash: undefined,
    pick: () => undefined,
    originalDst(destination: SocketAddress, hostname = '') {
      const address = port === undefined ? destination : { address: destination.address, port };
      const id = looseId(formatAddress(address), hostname);
      const old = known.get(id);
      if (old !== undefined) return old;
      if (known.size >= MAX_ORIGINAL_DESTINATIONS) forgetOne(known, forgotten);
      const host = looseHost(config, address, hostname);
      known.set(id, host);
      return host;
    },
    find: (address) => hosts().find((host) => host.key === address),
    drop: () => undefined,
    hosts,
    loads: () => NO_LOADS,
    refresh() {},
    checked() {},
    ejectedElsewhere(host, forMs, nowMs) {
      detector?.adopt(host, forMs, nowMs);
    },
    checkPassed() {},
    observe() {},
    report(host, outcome, nowMs) {
      detector?.advance(nowMs);
      return detector?.report(host, outcome, nowMs) ?? false;
    },
  };
}

/** Two names at one address are two hosts: what is spoken to them need not be the same. */
function looseId(key: string, hostname: string): string {
  return hostname === '' ? key : `${hostname}|${key}`;
}

function forgetOne(known: Map<string, Host>, forgotten: Host[]): void {
  for (const [id, host] of known) {
    if (host.active > 0) continue;
    host.removed = true;
    known.delete(id);
    forgotten.push(host);
    return;
  }
}
