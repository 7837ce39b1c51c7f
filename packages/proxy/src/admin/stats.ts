import { EXPOSITION_CONTENT_TYPE, writeExposition } from '@meltemi/telemetry/recording';
import type { BreakerSnapshot, ClusterSnapshot, EngineSnapshot } from '../main/engine.ts';
import { json, text, type AdminContext, type AdminEndpoint, type AdminResponse } from './context.ts';
import { nameFilter } from './name-filter.ts';

type Stat = readonly [name: string, value: number];

/** Envoy's names for the state of the proxy itself. Requests are counted by Istio's metrics, in `/stats/prometheus`. */
export const statsEndpoint: AdminEndpoint = {
  path: '/stats',
  help: 'counters and gauges of the proxy itself (?filter=regex, ?format=json|prometheus)',
  write: false,
  async handle(context, { query }) {
    const format = query.get('format');
    if (format === 'prometheus') return prometheus(context);
    const named = nameFilter(query.get('filter'));
    if (named === undefined) return text('filter is no regular expression\n', 400);
    const stats = collectStats(context, await context.snapshot()).filter(([name]) => named(name));
    if (format === 'json') return json({ stats: stats.map(([name, value]) => ({ name, value })) });
    return text(stats.map(([name, value]) => `${name}: ${value}\n`).join(''));
  },
};

export const prometheusEndpoint: AdminEndpoint = {
  path: '/stats/prometheus',
  help: "Istio's standard metrics and the proxy's own, in Prometheus' text format",
  write: false,
  handle: (context) => prometheus(context),
};

/** Istio's metrics, then the proxy's own under Envoy's names. */
async function prometheus(context: AdminContext): Promise<AdminResponse> {
  await context.collect();
  const own = collectStats(context, await context.snapshot()).filter(([name]) => !name.startsWith('cluster.'));
  const lines = own.map(([name, value]) => {
    const metric = `envoy_${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;
    return `# TYPE ${metric} gauge\n${metric} ${value}\n`;
  });
  return { status: 200, type: EXPOSITION_CONTENT_TYPE, body: writeExposition(context.registry, context.nowMs()) + lines.join('') };
}

function collectStats(context: AdminContext, snapshot: EngineSnapshot): Stat[] {
  const { connected, pending, rejected } = context.configState();
  const stats: Stat[] = [
    ['cluster_manager.active_clusters', snapshot.clusters.length],
    ['cluster_manager.warming_clusters', pending.clusters.length],
    ['control_plane.connected_state', connected ? 1 : 0],
    ['control_plane.rejected_resources', rejected],
    ['http.active_requests', snapshot.requests],
    ['listener_manager.total_listeners_active', snapshot.listeners.length],
    ['listener_manager.total_listeners_warming', pending.listeners.length],
    ['server.live', context.state() === 'LIVE' ? 1 : 0],
    ['server.memory_allocated', process.memoryUsage.rss()],
    ['server.total_connections', snapshot.connections],
    ['server.uptime', Math.floor(context.uptimeMs() / 1_000)],
    ['tcp.active_connections', snapshot.openTcp],
  ];
  for (const cluster of snapshot.clusters) stats.push(...clusterStats(cluster));
  stats.push(...Object.entries(snapshot.counters));
  return stats.sort(([a], [b]) => (a < b ? -1 : 1));
}

function clusterStats({ name, breakers, hosts }: ClusterSnapshot): readonly Stat[] {
  const { usage } = breakers.default;
  const high = breakers.high.usage;
  const degraded = hosts.filter(({ flags }) => flags.length > 0 && flags.every((flag) => flag.startsWith('degraded'))).length;
  const stats: readonly Stat[] = [
    ['upstream_cx_active', usage.connections + high.connections],
    ['upstream_rq_active', usage.requests + high.requests],
    ['upstream_rq_pending_active', usage.pending + high.pending],
    ['upstream_rq_retry_active', usage.retries + high.retries],
    ['membership_total', hosts.length],
    ['membership_healthy', hosts.filter(({ flags }) => flags.length === 0).length],
    ['membership_degraded', degraded],
    ['outlier_detection.ejections_active', hosts.filter(({ flags }) => flags.includes('failed_outlier_check')).length],
    ...Object.entries(breakers).flatMap(([priority, breaker]) => breakerStats(`circuit_breakers.${priority}.`, breaker)),
  ];
  return stats.map(([stat, value]) => [`cluster.${name}.${stat}`, value] as const);
}

/** Which circuit breakers are open, and, where the configuration asks for it, how much is left. */
function breakerStats(prefix: string, { usage, limits }: BreakerSnapshot): readonly Stat[] {
  const kinds = [
    ['cx', usage.connections, limits.maxConnections],
    ['rq_pending', usage.pending, limits.maxPendingRequests],
    ['rq', usage.requests, limits.maxRequests],
    ['rq_retry', usage.retries, limits.maxRetries],
  ] as const;
  const remaining = { cx: 'remaining_cx', rq_pending: 'remaining_pending', rq: 'remaining_rq', rq_retry: 'remaining_retries' } as const;
  return kinds.flatMap(([kind, used, max]): readonly Stat[] => {
    const open: Stat = [`${prefix}${kind}_open`, used >= max ? 1 : 0];
    return limits.trackRemaining && max !== Infinity ? [open, [prefix + remaining[kind], Math.max(0, max - used)]] : [open];
  });
}
