import type { CompiledCluster, CompiledForward, Host } from '../compiled.ts';
import { healthFlags, isUsable } from '../lb/health.ts';
import type { DecisionHost, Outcome } from './types.ts';
import type { Trail } from './index.ts';

/** Where a cluster sends the call, or why it cannot. */
export type ClusterDecision =
  | { readonly t: 'host'; readonly hostname: string; readonly forward: Omit<Outcome & { t: 'forward' }, 'path' | 'authority'> }
  | { readonly t: 'none'; readonly flag: string; readonly details: string };

/** The moment that decisions are made for: no host is ejected then. */
const NOW = Infinity;

export function decideCluster(trail: Trail, name: string, action?: CompiledForward): ClusterDecision {
  const cluster = trail.state.cluster(name);
  if (cluster === undefined) return { t: 'none', flag: 'NC', details: 'cluster_not_found' };
  const { config } = cluster;
  const host = pickHost(trail, cluster);
  const loads = cluster.loads(NOW);
  trail.steps.push({
    t: 'endpoints',
    cluster: name,
    policy: config.lb.t,
    priorities: loads.healthy.map((healthy, index) => ({ healthy, degraded: loads.degraded[index] ?? 0, panic: loads.panic[index] ?? false })),
    hosts: cluster.hosts().map((item) => describeHost(cluster, item)),
    ...(config.origin === undefined ? {} : { origin: config.origin }),
  });
  trail.steps.push({
    t: 'policy',
    timeoutMs: action?.timeoutMs ?? 0,
    ...(action?.retry === undefined ? {} : { retry: action.retry.config }),
    limits: config.limits,
    connectTimeoutMs: config.connectTimeoutMs,
  });
  if (cluster.drop(trail.random())) return { t: 'none', flag: 'DO', details: 'drop_overload' };
  if (host === undefined) return { t: 'none', flag: 'UH', details: 'no_healthy_upstream' };
  const tls = host.transport.t === 'tls';
  const sni = host.transport.t === 'tls' ? host.transport.tls.sni : '';
  return { t: 'host', hostname: host.endpoint.hostname, forward: { t: 'forward', cluster: name, host: host.key, tls, sni } };
}

function pickHost(trail: Trail, cluster: CompiledCluster): Host | undefined {
  if (cluster.config.discovery.t === 'original-dst') return cluster.originalDst(trail.request.connection.destination);
  return cluster.pick(trail.random, NOW);
}

function describeHost(cluster: CompiledCluster, host: Host): DecisionHost {
  const { discovery } = cluster.config;
  return {
    address: host.key,
    health: healthText(host),
    priority: host.priority,
    flags: healthFlags(host, NOW),
    usable: discovery.t === 'original-dst' || isUsable(host, NOW),
    tls: host.transport.t === 'tls',
    workload: host.endpoint.workload?.name ?? '',
  };
}

/** What the resource says in the words of traffic: an endpoint of which nothing is said is as good as a healthy one. */
function healthText({ endpoint }: Host): string {
  if (endpoint.health === 'unknown') return 'healthy';
  return endpoint.health === 'timeout' ? 'unhealthy' : endpoint.health;
}
