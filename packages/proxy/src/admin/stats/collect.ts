import type { Histogram } from '@meltemi/runtime';
import type { OverloadFigures } from '../../core/overload.ts';
import type { BreakerSnapshot, ClusterSnapshot, EngineSnapshot } from '../../main/engine.ts';
import { scopePrefix, type StatScope } from '../../stats/scopes.ts';
import { certificateEnds } from '../certs.ts';
import type { DnsCounts } from '../../config/dns-clusters.ts';
import type { AdminContext } from '../context.ts';

/** One statistic. */
export interface Stat {
  /** Its whole name, as `/stats` tells it. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly value: number;
  readonly histogram?: Histogram;
  /** What it belongs to: its labels in Prometheus. */
  readonly scope: Pick<StatScope, 'kind' | 'of'>;
}

const OTHER: Stat['scope'] = { kind: 'other', of: [] };

/** Every statistic under Envoy's name, sorted by it. */
export function collectStats(context: AdminContext, snapshot: EngineSnapshot): readonly Stat[] {
  const stats = [
    ...snapshot.stats.flatMap(scopeStats),
    ...snapshot.clusters.flatMap(clusterStats),
    ...context.dnsCounts().flatMap(dnsStats),
    ...ownStats(context, snapshot).map(([kind, name, value]): Stat => ({ kind, name, value, scope: OTHER })),
  ];
  return stats.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function scopeStats(scope: StatScope): readonly Stat[] {
  const prefix = scopePrefix(scope);
  const numbers = (kind: 'counter' | 'gauge', of: Readonly<Record<string, number>>): readonly Stat[] =>
    Object.entries(of).map(([name, value]) => ({ kind, name: prefix + name, value, scope }));
  const histograms = Object.entries(scope.histograms).map(([name, histogram]): Stat => ({
    kind: 'histogram',
    name: prefix + name,
    value: histogram.count,
    histogram,
    scope,
  }));
  return [...numbers('counter', scope.counters), ...numbers('gauge', scope.gauges), ...histograms];
}

function ownStats(context: AdminContext, snapshot: EngineSnapshot): readonly (readonly ['counter' | 'gauge', string, number])[] {
  const { connected, pending, rejected, unknownFields } = context.configState();
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return [
    ['gauge', 'cluster_manager.active_clusters', snapshot.clusters.length],
    ['gauge', 'cluster_manager.warming_clusters', pending.clusters.length],
    ['gauge', 'control_plane.connected_state', connected ? 1 : 0],
    ['counter', 'control_plane.rejected_resources', rejected],
    ['gauge', 'listener_manager.total_listeners_active', snapshot.listeners.filter(({ state }) => state === 'active').length],
    ['gauge', 'listener_manager.total_listeners_draining', snapshot.listeners.filter(({ state }) => state === 'draining').length],
    ['gauge', 'listener_manager.total_listeners_warming', pending.listeners.length],
    ...overloadStats(snapshot.overload),
    ['gauge', 'server.days_until_first_cert_expiring', daysUntilExpiry(context)],
    ['counter', 'server.dynamic_unknown_fields', unknownFields],
    ['gauge', 'server.hot_restart_epoch', context.epoch],
    ['gauge', 'server.live', context.state() === 'LIVE' ? 1 : 0],
    ['gauge', 'server.memory_allocated', heapUsed],
    ['gauge', 'server.memory_heap_size', heapTotal],
    ['gauge', 'server.memory_physical_size', rss],
    ['gauge', 'server.state', STATES[context.state()]],
    ['gauge', 'server.total_connections', snapshot.connections],
    ['gauge', 'server.uptime', Math.floor(context.uptimeMs() / 1_000)],
  ];
}

/** Under the names of Envoy's overload manager; figures of resources are in percent. The lag of the event loop is ours. */
function overloadStats({ memory, lag, lagMs, shedShare, refusesConnections }: OverloadFigures): readonly (readonly ['gauge', string, number])[] {
  const actions = 'overload.envoy.overload_actions';
  return [
    ['gauge', 'overload.envoy.resource_monitors.fixed_heap.pressure', Math.floor(memory * 100)],
    ['gauge', 'overload.meltemi.resource_monitors.loop_lag.pressure', Math.floor(lag * 100)],
    ['gauge', `${actions}.stop_accepting_requests.active`, shedShare >= 1 ? 1 : 0],
    ['gauge', `${actions}.stop_accepting_requests.scale_percent`, Math.floor(shedShare * 100)],
    ['gauge', `${actions}.stop_accepting_connections.active`, refusesConnections ? 1 : 0],
    ['gauge', 'server.loop_lag_ms', Math.round(lagMs)],
  ];
}

/** As Envoy numbers them. */
const STATES = { LIVE: 0, DRAINING: 1, INITIALIZING: 3 } as const;

/** How Envoy says that no certificate is in use. */
const NEVER = 4_294_967_295;

function daysUntilExpiry(context: AdminContext): number {
  const ends = certificateEnds(context);
  return ends.length === 0 ? NEVER : Math.max(0, Math.floor((Math.min(...ends) - context.nowMs()) / 86_400_000));
}

const ejections = (hosts: ClusterSnapshot['hosts']): readonly Gauge[] => [
  ['outlier_detection.ejections_active', hosts.filter(({ flags }) => flags.includes('failed_outlier_check')).length],
];

function clusterStats({ statName, breakers, hosts, outlier }: ClusterSnapshot): readonly Stat[] {
  const { usage } = breakers.default;
  const high = breakers.high.usage;
  const degraded = hosts.filter(({ flags }) => flags.length > 0 && flags.every((flag) => flag.startsWith('degraded'))).length;
  const gauges: readonly Gauge[] = [
    ['upstream_cx_active', usage.connections + high.connections],
    ['upstream_rq_active', usage.requests + high.requests],
    ['upstream_rq_pending_active', usage.pending + high.pending],
    ['membership_total', hosts.length],
    ['membership_healthy', hosts.filter(({ flags }) => flags.length === 0).length],
    ['membership_degraded', degraded],
    ['membership_excluded', hosts.filter(({ flags }) => flags.some((flag) => flag === 'pending_active_hc' || flag.startsWith('excluded'))).length],
    ...(outlier ? ejections(hosts) : []),
    ...Object.entries(breakers).flatMap(([priority, breaker]) => breakerStats(`circuit_breakers.${priority}.`, breaker)),
  ];
  const scope = { kind: 'cluster', of: [statName] } as const;
  return gauges.map(([name, value]) => ({ kind: 'gauge', name: scopePrefix(scope) + name, value, scope }));
}

/** Envoy's names, and one of ours: `dns_stale` = the addresses are those of an earlier lookup, for the last one failed. */
function dnsStats({ statName, attempts, successes, failures, stale }: DnsCounts): readonly Stat[] {
  const scope = { kind: 'cluster', of: [statName] } as const;
  const stat = (kind: 'counter' | 'gauge', name: string, value: number): Stat => ({ kind, name: scopePrefix(scope) + name, value, scope });
  return [
    stat('counter', 'update_attempt', attempts),
    stat('counter', 'update_success', successes),
    stat('counter', 'update_failure', failures),
    stat('gauge', 'dns_stale', stale ? 1 : 0),
  ];
}

type Gauge = readonly [name: string, value: number];

/** Which circuit breakers are open, and, where the configuration asks for it, how much is left. */
function breakerStats(prefix: string, { usage, limits }: BreakerSnapshot): readonly Gauge[] {
  const kinds = [
    ['cx', usage.connections, limits.maxConnections],
    ['rq_pending', usage.pending, limits.maxPendingRequests],
    ['rq', usage.requests, limits.maxRequests],
    ['rq_retry', usage.retries, limits.maxRetries],
  ] as const;
  const remaining = { cx: 'remaining_cx', rq_pending: 'remaining_pending', rq: 'remaining_rq', rq_retry: 'remaining_retries' } as const;
  return kinds.flatMap(([kind, used, max]): readonly Gauge[] => {
    const open: Gauge = [`${prefix}${kind}_open`, used >= max ? 1 : 0];
    return limits.trackRemaining && max !== Infinity ? [open, [prefix + remaining[kind], Math.max(0, max - used)]] : [open];
  });
}
