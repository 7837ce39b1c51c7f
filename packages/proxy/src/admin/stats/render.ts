import { approximateSum, binRange, cumulative, quantile, STAT_BOUNDS, type Histogram } from '@meltemi/runtime';
import type { Stat } from './collect.ts';

/** How histograms are shown (`?histogram_buckets=`); `summary` = quantiles. */
export const BUCKET_MODES = ['cumulative', 'disjoint', 'detailed', 'summary'] as const;
export type BucketMode = (typeof BUCKET_MODES)[number];

const QUANTILES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1] as const;
const PERCENTS = QUANTILES.map((share) => Number((share * 100).toPrecision(4)));

/** Counters and gauges first, then histograms, one line each. The second number of each pair is that of the present interval: there are none here. */
export function statsText(stats: readonly Stat[], mode: BucketMode): string {
  const numbers = stats.filter(({ kind }) => kind !== 'histogram').map(({ name, value }) => `${name}: ${value}\n`);
  const histograms = stats.flatMap(({ name, histogram }) => (histogram === undefined ? [] : [`${name}: ${histogramText(histogram, mode)}\n`]));
  return numbers.join('') + histograms.join('');
}

function histogramText(histogram: Histogram, mode: BucketMode): string {
  if (histogram.count === 0) return 'No recorded values';
  if (mode === 'summary') return summaryText(histogram);
  if (mode === 'detailed') {
    const totals = filledBins(histogram).map(({ lower, width, count }) => `${lower},${width}:${count}`);
    return `\n  totals=${totals.join(', ')}\n  intervals=\n  summary=${summaryText(histogram)}`;
  }
  const counts = mode === 'cumulative' ? cumulative(histogram) : disjoint(histogram);
  return STAT_BOUNDS.map((bound, index) => `B${short(bound)}(0,${counts[index]})`).join(' ');
}

function summaryText(histogram: Histogram): string {
  return QUANTILES.map((share, index) => `P${PERCENTS[index]}(nan,${short(quantile(histogram, share) ?? 0)})`).join(' ');
}

/** `%g`: six digits, and powers of ten from a million on. */
function short(value: number): string {
  if (value >= 1e6) return value.toExponential().replace(/e\+(\d)$/, 'e+0$1');
  return String(Number(value.toPrecision(6)));
}

function disjoint(histogram: Histogram): number[] {
  const counts = cumulative(histogram);
  return counts.map((count, index) => count - (counts[index - 1] ?? 0));
}

function filledBins({ bins }: Histogram): readonly { readonly lower: number; readonly width: number; readonly count: number }[] {
  return bins.flatMap((count, bin) => (count === 0 ? [] : [{ ...binRange(bin), count }]));
}

/** Envoy's `{"stats":[…]}`: numbers by name, and all histograms in one entry. */
export function statsJson(stats: readonly Stat[], mode: BucketMode): object {
  const numbers = stats.filter(({ kind }) => kind !== 'histogram').map(({ name, value }) => ({ name, value }));
  const histograms = stats.flatMap(({ name, histogram }) => (histogram === undefined ? [] : [{ name, histogram }]));
  return { stats: histograms.length === 0 ? numbers : [...numbers, { histograms: histogramsJson(histograms, mode) }] };
}

interface Named {
  readonly name: string;
  readonly histogram: Histogram;
}

function histogramsJson(histograms: readonly Named[], mode: BucketMode): object {
  if (mode === 'summary')
    return { supported_quantiles: PERCENTS, computed_quantiles: histograms.map(({ name, histogram }) => ({ name, values: quantiles(histogram) })) };
  if (mode === 'detailed') {
    const details = histograms.map(({ name, histogram }) => ({
      name,
      totals: filledBins(histogram).map(({ lower, width, count }) => ({ lower_bound: lower, width, count })),
      intervals: [],
      percentiles: quantiles(histogram),
    }));
    return { supported_percentiles: PERCENTS, details };
  }
  return histograms.map(({ name, histogram }) => {
    const counts = mode === 'cumulative' ? cumulative(histogram) : disjoint(histogram);
    return { name, buckets: STAT_BOUNDS.map((bound, index) => ({ upper_bound: bound, interval: 0, cumulative: counts[index] })) };
  });
}

function quantiles(histogram: Histogram): readonly object[] {
  return QUANTILES.map((share) => ({ cumulative: quantile(histogram, share) ?? null, interval: null }));
}

/** Prometheus' text with Envoy's metric names and labels. */
export function statsPrometheus(stats: readonly Stat[], summary: boolean): string {
  const metrics = new Map<string, { readonly kind: Stat['kind']; readonly lines: string[] }>();
  for (const stat of stats) {
    const { metric, labels } = metricOf(stat);
    let known = metrics.get(metric);
    if (known === undefined) metrics.set(metric, (known = { kind: stat.kind, lines: [] }));
    const lines =
      stat.histogram === undefined ? [`${metric}${braces(labels)} ${stat.value}`] : histogramLines(metric, labels, stat.histogram, summary);
    known.lines.push(...lines);
  }
  const type = (kind: Stat['kind']): string => (kind === 'histogram' && summary ? 'summary' : kind);
  return [...metrics].map(([metric, { kind, lines }]) => `# TYPE ${metric} ${type(kind)}\n${lines.join('\n')}\n`).join('');
}

type Labels = readonly (readonly [string, string])[];

function histogramLines(metric: string, labels: Labels, histogram: Histogram, summary: boolean): readonly string[] {
  const end = [`${metric}_sum${braces(labels)} ${approximateSum(histogram)}`, `${metric}_count${braces(labels)} ${histogram.count}`];
  if (summary)
    return [
      ...QUANTILES.map((share) => `${metric}${braces([...labels, ['quantile', String(share)]])} ${quantile(histogram, share) ?? 'nan'}`),
      ...end,
    ];
  const counts = cumulative(histogram);
  const bucket = (le: string, count: number | undefined): string => `${metric}_bucket${braces([...labels, ['le', le]])} ${count}`;
  return [...STAT_BOUNDS.map((bound, index) => bucket(String(bound), counts[index])), bucket('+Inf', histogram.count), ...end];
}

const SCOPE_LABELS = {
  cluster: ['envoy_cluster_name'],
  http: ['envoy_http_conn_manager_prefix'],
  listener: ['envoy_listener_address'],
  'listener-http': ['envoy_listener_address', 'envoy_http_conn_manager_prefix'],
  tcp: ['envoy_tcp_prefix'],
  other: [],
} as const;
const SCOPE_NAMES = { cluster: 'cluster_', http: 'http_', listener: 'listener_', 'listener-http': 'listener_http_', tcp: 'tcp_', other: '' } as const;

/** Envoy takes some parts of names out as labels: what the scope is of, codes and their classes. */
function metricOf({ name, scope }: Stat): { readonly metric: string; readonly labels: Labels } {
  const { kind, of } = scope;
  const whole = kind === 'listener-http' ? `listener.${of[0]}.http.${of[1]}.` : kind === 'other' ? '' : `${kind}.${of[0]}.`;
  const labels: (readonly [string, string])[] = SCOPE_LABELS[kind].map((label, index) => [label, of[index] ?? '']);
  const code = /_rq_(\d)xx$|_rq_(\d{3})$/.exec(name);
  let rest = name.slice(whole.length);
  if (code?.[1] !== undefined) {
    rest = rest.replace(/_\dxx$/, '_xx');
    labels.unshift(['envoy_response_code_class', code[1]]);
  } else if (code?.[2] !== undefined) {
    rest = rest.replace(/_\d{3}$/, '');
    labels.unshift(['envoy_response_code', code[2]]);
  }
  return { metric: `envoy_${SCOPE_NAMES[kind]}${rest.replaceAll(/[^A-Za-z0-9_]/g, '_')}`, labels };
}

function braces(labels: Labels): string {
  if (labels.length === 0) return '';
  const text = labels.map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`);
  return `{${text.join(',')}}`;
}
