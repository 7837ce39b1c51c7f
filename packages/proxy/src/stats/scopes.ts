import { CLUSTER_COUNTERS, type ClusterCounts, type CompiledCluster, type Histogram } from '@meltemi/runtime';
import {
  CLASS_COUNTERS,
  HTTP_COUNTERS,
  HTTP_GAUGES,
  LISTENER_COUNTERS,
  TCP_COUNTERS,
  type ClassCounts,
  type HttpCounts,
  type ListenerCounts,
  type TcpCounts,
} from './http-counts.ts';
import type { Counters } from './counters.ts';
import type { ProxyStats } from './proxy-stats.ts';

/** Statistics of one thing: their full names are the scope's with a dot, then the name here. Plain data: it crosses threads. */
export interface StatScope {
  /** What the scope is of, for labels; `other` = names are whole. */
  readonly kind: 'cluster' | 'http' | 'listener' | 'listener-http' | 'tcp' | 'other';
  /** `['outbound|80||a']`; a listener and a connection manager for `listener-http`. */
  readonly of: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, Histogram>>;
}

/** All that a thread has counted. `others` have their whole names. */
export function readScopes(
  stats: ProxyStats,
  clusters: Iterable<CompiledCluster>,
  others: Pick<Counters, 'counters' | 'gauges'>,
): readonly StatScope[] {
  return [
    ...Array.from(clusters, clusterScope),
    ...Array.from(stats.http, ([prefix, counts]) => httpScope(prefix, counts)),
    ...Array.from(stats.listeners, ([name, counts]) => listenerScope(name, counts)),
    ...Array.from(stats.classes, ([name, counts]) => classScope(name, counts)),
    ...Array.from(stats.tcp, ([prefix, counts]) => tcpScope(prefix, counts)),
    { kind: 'other', of: [], counters: others.counters, gauges: others.gauges, histograms: {} },
  ];
}

function named<K extends string>(names: Readonly<Record<K, string>>, counts: Readonly<Record<NoInfer<K>, number>>): Record<string, number> {
  const entries = Object.entries(names) as [K, string][];
  return Object.fromEntries(entries.map(([key, name]) => [name, counts[key]]));
}

function clusterScope({ config, counts }: CompiledCluster): StatScope {
  return {
    kind: 'cluster',
    of: [config.statName],
    counters: {
      ...named(CLUSTER_COUNTERS, counts),
      ...codes('upstream_rq', counts.codes),
      ...codes('external.upstream_rq', counts.externalCodes),
      ...codes('internal.upstream_rq', counts.internalCodes),
      ...codes('retry.upstream_rq', counts.retriedCodes),
      ...Object.fromEntries(counts.events ?? []),
    },
    gauges: {},
    histograms: clusterHistograms(counts),
  };
}

/** Those that have values; of a cluster that is never used there is none. */
function clusterHistograms({ rqTime, connectTime, cxLength }: ClusterCounts): Record<string, Histogram> {
  const all = { upstream_rq_time: rqTime, upstream_cx_connect_ms: connectTime, upstream_cx_length_ms: cxLength };
  return Object.fromEntries(Object.entries(all).filter(([, histogram]) => histogram.count > 0));
}

function codes(prefix: string, of: ReadonlyMap<number, number> | undefined): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const [code, count] of of ?? []) {
    counters[`${prefix}_${code}`] = count;
    const kind = `${prefix}_${Math.floor(code / 100)}xx`;
    counters[kind] = (counters[kind] ?? 0) + count;
    counters[`${prefix}_completed`] = (counters[`${prefix}_completed`] ?? 0) + count;
  }
  return counters;
}

function httpScope(prefix: string, counts: HttpCounts): StatScope {
  const { rqTime, cxLength } = counts;
  return {
    kind: 'http',
    of: [prefix],
    counters: named(HTTP_COUNTERS, counts),
    gauges: named(HTTP_GAUGES, counts),
    histograms: { downstream_rq_time: rqTime, downstream_cx_length_ms: cxLength },
  };
}

function listenerScope(name: string, counts: ListenerCounts): StatScope {
  return {
    kind: 'listener',
    of: [name],
    counters: named(LISTENER_COUNTERS, counts),
    gauges: { downstream_cx_active: counts.cxActive },
    histograms: { downstream_cx_length_ms: counts.cxLength },
  };
}

function classScope(name: string, counts: ClassCounts): StatScope {
  const at = name.lastIndexOf('.http.');
  return {
    kind: 'listener-http',
    of: [name.slice(0, at), name.slice(at + '.http.'.length)],
    counters: named(CLASS_COUNTERS, counts),
    gauges: {},
    histograms: {},
  };
}

function tcpScope(prefix: string, counts: TcpCounts): StatScope {
  return { kind: 'tcp', of: [prefix], counters: named(TCP_COUNTERS, counts), gauges: {}, histograms: {} };
}

/** What several threads have counted, together. */
export function joinScopes(a: readonly StatScope[], b: readonly StatScope[]): readonly StatScope[] {
  const joined = new Map(a.map((scope) => [scopeKey(scope), scope]));
  for (const scope of b) {
    const known = joined.get(scopeKey(scope));
    joined.set(scopeKey(scope), known === undefined ? scope : addScopes(known, scope));
  }
  return [...joined.values()];
}

const scopeKey = ({ kind, of }: StatScope): string => [kind, ...of].join('\n');

function addScopes(a: StatScope, b: StatScope): StatScope {
  const histograms: Record<string, Histogram> = { ...a.histograms };
  for (const [name, histogram] of Object.entries(b.histograms)) {
    const known = histograms[name];
    histograms[name] = known === undefined ? histogram : addHistograms(known, histogram);
  }
  return { ...a, counters: addNumbers(a.counters, b.counters), gauges: addNumbers(a.gauges, b.gauges), histograms };
}

function addNumbers(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sums = new Map(Object.entries(a));
  for (const [name, value] of Object.entries(b)) sums.set(name, (sums.get(name) ?? 0) + value);
  return Object.fromEntries(sums);
}

function addHistograms(a: Histogram, b: Histogram): Histogram {
  const bins = Array.from({ length: Math.max(a.bins.length, b.bins.length) }, (_, bin) => (a.bins[bin] ?? 0) + (b.bins[bin] ?? 0));
  return { bins, count: a.count + b.count };
}

/** `cluster.<name>.`, `listener.<address>.http.<prefix>.` and so on. */
export function scopePrefix({ kind, of }: Pick<StatScope, 'kind' | 'of'>): string {
  if (kind === 'other') return '';
  return kind === 'listener-http' ? `listener.${of[0]}.http.${of[1]}.` : `${kind}.${of[0]}.`;
}
