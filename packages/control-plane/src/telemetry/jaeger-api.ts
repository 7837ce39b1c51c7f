import { HttpError, json, type HttpRequest, type Route } from '@meltemi/http';
import type { StoredSpan, TelemetryStore, Trace } from '@meltemi/telemetry-store';

export interface JaegerApiDeps {
  readonly store: TelemetryStore;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

/** Jaeger's query API, as its UI and Kiali ask it. Times are microseconds. */
export function jaegerRoutes(deps: JaegerApiDeps, prefix = '/jaeger/api'): readonly Route[] {
  const { traces } = deps.store;
  const get = (path: string, run: (request: HttpRequest) => readonly unknown[]): Route => ({
    method: 'GET',
    path: `${prefix}${path}`,
    handler(request) {
      const data = run(request);
      return json(200, { data, total: data.length, limit: 0, offset: 0, errors: null });
    },
  });
  return [
    get('/services', () => traces.services()),
    get('/services/:service/operations', ({ params }) => [...new Set(traces.operations(params['service'] ?? '').map((one) => one.name))]),
    get('/operations', ({ query }) =>
      traces.operations(query.get('service') ?? '').map((one) => ({ name: one.name, spanKind: one.kind.toLowerCase() })),
    ),
    get('/traces', ({ query }) => search(deps, query)),
    get('/traces/:trace', ({ params }) => {
      const id = (params['trace'] ?? '').toLowerCase().padStart(32, '0');
      const trace = traces.get(id);
      if (trace === undefined)
        throw new HttpError(404, 'jaeger/no-trace', `no trace ${id} is kept: it may be older than what fits, or was not sampled`);
      return [traceJson(trace)];
    }),
    get('/dependencies', ({ query }) => {
      const endMs = numberOf(query, 'endTs') ?? deps.now();
      const lookbackMs = numberOf(query, 'lookback') ?? 86_400_000;
      return traces.dependencies((endMs - lookbackMs) * 1000, endMs * 1000);
    }),
  ];
}

function search(deps: JaegerApiDeps, query: URLSearchParams): object[] {
  // Each once: a long address could ask for a large trace a thousand times.
  const ids = new Set(query.getAll('traceID').map((id) => id.toLowerCase().padStart(32, '0')));
  if (ids.size > 0) return [...ids].flatMap((id) => deps.store.traces.get(id) ?? []).map(traceJson);
  const service = query.get('service') ?? '';
  if (service === '') throw new HttpError(400, 'jaeger/no-service', "parameter 'service' is required");
  const found = deps.store.traces.search({
    service,
    operation: query.get('operation') || undefined,
    tags: tagsOf(query),
    startUs: numberOf(query, 'start'),
    endUs: numberOf(query, 'end'),
    minDurationUs: durationUs(query, 'minDuration'),
    maxDurationUs: durationUs(query, 'maxDuration'),
    limit: limitOf(query),
  });
  return found.map(traceJson);
}

/** As Jaeger's UI bounds it. */
const MAX_TRACES = 1500;

function limitOf(query: URLSearchParams): number {
  const limit = numberOf(query, 'limit') ?? 20;
  if (!(limit >= 1)) throw new HttpError(400, 'jaeger/bad-number', `parameter 'limit' must be at least 1, it is ${limit}`);
  return Math.min(Math.floor(limit), MAX_TRACES);
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new HttpError(400, 'jaeger/bad-number', `parameter '${name}' is not a number: ${text}`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 };

function durationUs(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const match = /^([\d.]+)(us|µs|ms|s|m|h)$/.exec(text);
  const value = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? NaN);
  if (Number.isNaN(value)) throw new HttpError(400, 'jaeger/bad-duration', `parameter '${name}' is not a duration such as 100ms: ${text}`);
  return value;
}

function tagsOf(query: URLSearchParams): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const one of query.getAll('tag')) {
    const at = one.indexOf(':');
    if (at > 0) tags[one.slice(0, at)] = one.slice(at + 1);
  }
  const text = query.get('tags');
  if (text === null || text === '') return tags;
  try {
    for (const [key, value] of Object.entries(JSON.parse(text) as Record<string, unknown>)) tags[key] = String(value);
  } catch {
    throw new HttpError(400, 'jaeger/bad-tags', `parameter 'tags' is not a JSON object of texts: ${text}`);
  }
  return tags;
}

function traceJson(trace: Trace): object {
  const services = [...new Set(trace.spans.map((span) => span.service))];
  const process = (service: string): string => `p${services.indexOf(service) + 1}`;
  return {
    traceID: trace.traceId,
    spans: trace.spans.map((span) => spanJson(span, process(span.service))),
    processes: Object.fromEntries(services.map((service) => [process(service), { serviceName: service, tags: [] }])),
    warnings: null,
  };
}

function spanJson(span: StoredSpan, processID: string): object {
  const tags = [
    ...Object.entries(span.tags).map(([key, value]) => ({ key, type: 'string', value })),
    { key: 'span.kind', type: 'string', value: span.kind.toLowerCase() },
  ];
  return {
    traceID: span.traceId,
    spanID: span.spanId,
    operationName: span.name,
    references: span.parentSpanId === '' ? [] : [{ refType: 'CHILD_OF', traceID: span.traceId, spanID: span.parentSpanId }],
    startTime: span.startUs,
    duration: span.durationUs,
    tags: span.error ? [...tags, { key: 'error', type: 'bool', value: true }] : tags,
    logs: [],
    processID,
    warnings: null,
  };
}
