import { EXPOSITION_CONTENT_TYPE, writeExposition } from '@meltemi/telemetry/recording';
import { json, text, type AdminContext, type AdminEndpoint, type AdminResponse } from './context.ts';
import { nameFilter } from './name-filter.ts';
import { collectStats, type Stat } from './stats/collect.ts';
import { BUCKET_MODES, statsJson, statsPrometheus, statsText, type BucketMode } from './stats/render.ts';

const KINDS = { Counters: 'counter', Gauges: 'gauge', Histograms: 'histogram' } as const;

/** Envoy's `/stats`. */
export const statsEndpoint: AdminEndpoint = {
  path: '/stats',
  help: 'print server stats',
  params: {
    usedonly: 'Only include stats that are not 0',
    filter: 'Regular expression (Google re2) for filtering stats',
    invert_filter: 'Invert the filter regex',
    format: 'Format to use; One of (text, json, prometheus)',
    type: 'Stat types to include; One of (All, Counters, Histograms, Gauges, TextReadouts)',
    histogram_buckets: 'Histogram bucket display mode; One of (cumulative, disjoint, detailed, summary)',
  },
  write: false,
  async handle(context, { query }) {
    const format = query.get('format') ?? 'text';
    if (format === 'prometheus') return prometheus(context, query, false);
    if (format !== 'text' && format !== 'json') return text('usage: /stats?format=(json|prometheus|text)\n', 400);
    const mode = bucketMode(query, 'summary');
    if (mode === undefined) return text('usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n', 400);
    const wanted = wish(query);
    if (typeof wanted === 'string') return text(wanted, 400);
    const stats = collectStats(context, await context.snapshot()).filter(wanted);
    if (format === 'json') return { ...json(statsJson(stats, mode)), body: JSON.stringify(statsJson(stats, mode)) };
    return text(statsText(stats, mode));
  },
};

/** Istio's metrics, then all of `/stats`. */
export const prometheusEndpoint: AdminEndpoint = {
  path: '/stats/prometheus',
  help: "print Istio's standard metrics and server stats in prometheus format",
  write: false,
  handle: (context, { query }) => prometheus(context, query, false),
};

/** What the metrics port tells: as in Istio, of the proxy itself only what does not grow with the mesh. */
export const metricsEndpoint: AdminEndpoint = { ...prometheusEndpoint, handle: (context, { query }) => prometheus(context, query, true) };

const BRIEF = ['cluster_manager.', 'listener_manager.', 'server.', 'control_plane.'] as const;

async function prometheus(context: AdminContext, query: URLSearchParams, brief: boolean): Promise<AdminResponse> {
  const mode = bucketMode(query, 'cumulative');
  if (mode !== 'cumulative' && mode !== 'summary') return text('usage: /stats/prometheus?histogram_buckets=(cumulative|summary)\n', 400);
  const wanted = wish(query);
  if (typeof wanted === 'string') return text(wanted, 400);
  await context.collect();
  const stats = collectStats(context, await context.snapshot()).filter(
    (stat) => wanted(stat) && (!brief || BRIEF.some((prefix) => stat.name.startsWith(prefix))),
  );
  const standard = query.has('filter') ? '' : writeExposition(context.registry, context.nowMs());
  return { status: 200, type: EXPOSITION_CONTENT_TYPE, body: standard + statsPrometheus(stats, mode === 'summary') };
}

function bucketMode(query: URLSearchParams, fallback: BucketMode): BucketMode | undefined {
  const asked = query.get('histogram_buckets');
  return asked === null ? fallback : BUCKET_MODES.find((mode) => mode === asked);
}

/** Which statistics are asked for; a text says why that cannot be understood. */
function wish(query: URLSearchParams): string | ((stat: Stat) => boolean) {
  const named = nameFilter(query.get('filter'));
  if (named === undefined) return `Invalid re2 regex: ${query.get('filter')}\n`;
  const type = query.get('type') ?? 'All';
  if (type !== 'All' && type !== 'TextReadouts' && !(type in KINDS)) return 'usage: /stats?type=(All|Counters|Gauges|Histograms|TextReadouts)\n';
  const [invert, used] = [query.has('invert_filter'), query.has('usedonly')];
  return ({ name, kind, value }) =>
    named(name) !== invert && (!used || value !== 0) && (type === 'All' || KINDS[type as keyof typeof KINDS] === kind);
}
