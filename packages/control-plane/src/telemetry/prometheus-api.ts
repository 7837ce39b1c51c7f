import { json, type HttpRequest, type HttpResponse, type Route } from '@meltemi/http';
import {
  formatValue,
  labelOf,
  parseDuration,
  parseUtc,
  PromqlError,
  STANDARD_METRICS,
  type LabelMatcher,
  type QueryResult,
} from '@meltemi/telemetry';
import type { TelemetryStore } from '@meltemi/telemetry-store';
import type { QueryEngine } from './engine.ts';

export interface PrometheusApiDeps {
  readonly store: TelemetryStore;
  readonly engine: QueryEngine;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly meltemiVersion: string;
  readonly retentionMs: number;
}

/** A request that makes no sense; Prometheus' `bad_data`. */
class BadData extends Error {}

const MAX_FORM_BYTES = 1 << 20;

/** Prometheus' HTTP API (v1) as far as consoles, Grafana and Kiali ask it. Forms may come in the query or, for POST, in the body. */
export function prometheusRoutes(deps: PrometheusApiDeps, prefix = '/prometheus/api/v1'): readonly Route[] {
  const both = (path: string, run: (form: URLSearchParams) => unknown): Route[] =>
    (['GET', 'POST'] as const).map((method) => ({
      method,
      path: `${prefix}${path}`,
      access: 'read',
      maxBodyBytes: MAX_FORM_BYTES,
      handler: async (request) => answer(async () => run(await form(request))),
    }));
  const get = (path: string, run: (request: HttpRequest) => unknown): Route => ({
    method: 'GET',
    path: `${prefix}${path}`,
    handler: (request) => answer(() => run(request)),
  });
  return [
    ...both('/query', (query) => resultJson(deps.engine.instant(required(query, 'query'), timeOf(query, 'time', deps.now())))),
    ...both('/query_range', (query) =>
      resultJson(
        deps.engine.range(required(query, 'query'), { startMs: timeOf(query, 'start'), endMs: timeOf(query, 'end'), stepMs: stepOf(query) }),
      ),
    ),
    ...both('/series', (query) => series(deps, query, true)),
    ...both('/labels', (query) => labelNames(deps, query)),
    get('/label/:name/values', (request) => labelValues(deps, request)),
    get('/metadata', (request) => metadata(request.query)),
    get('/targets', () => targets(deps)),
    get('/rules', () => ({ groups: [] })),
    get('/alerts', () => ({ alerts: [] })),
    ...both('/query_exemplars', () => []),
    get('/status/buildinfo', () => ({
      version: '3.0.0',
      revision: `meltemi-${deps.meltemiVersion}`,
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: '',
    })),
    get('/status/runtimeinfo', () => ({
      storageRetention: `${Math.round(deps.retentionMs / 1000)}s`,
      timeSeriesCount: deps.store.stats.series,
      reloadConfigSuccess: true,
    })),
    get('/status/flags', () => ({ 'storage.tsdb.retention.time': `${Math.round(deps.retentionMs / 1000)}s` })),
    get('/status/config', () => ({ yaml: 'global:\n  scrape_interval: 1s\n' })),
  ];
}

async function form(request: HttpRequest): Promise<URLSearchParams> {
  if (request.method !== 'POST') return request.query;
  const body = new URLSearchParams(await request.text());
  for (const [key, value] of request.query) body.append(key, value);
  return body;
}

async function answer(run: () => unknown): Promise<HttpResponse> {
  try {
    return json(200, { status: 'success', data: await run() });
  } catch (error) {
    if (error instanceof BadData) return json(400, { status: 'error', errorType: 'bad_data', error: error.message });
    if (!(error instanceof PromqlError)) throw error;
    const isParse = error.code === 'promql/parse';
    return json(isParse ? 400 : 422, {
      status: 'error',
      errorType: isParse ? 'bad_data' : 'execution',
      error: isParse ? `invalid parameter "query": ${error.message}` : error.message,
    });
  }
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null || value === '') throw new BadData(`invalid parameter "${name}": it is missing`);
  return value;
}

/** The last moment that a Date can show. */
const MAX_TIME_MS = 8.64e15;

/** Seconds since the epoch with a fraction, or RFC 3339; answered in milliseconds. */
function timeOf(query: URLSearchParams, name: string, fallbackMs?: number): number {
  const text = query.get(name);
  if (text === null || text === '') {
    if (fallbackMs !== undefined) return fallbackMs;
    throw new BadData(`invalid parameter "${name}": it is missing`);
  }
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? Math.round(seconds * 1000) : parseUtc(text);
  if (ms === undefined || Math.abs(ms) > MAX_TIME_MS)
    throw new BadData(`invalid parameter "${name}": cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  return ms;
}

function stepOf(query: URLSearchParams): number {
  const text = required(query, 'step');
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : parseDuration(text);
  if (ms === undefined) throw new BadData(`invalid parameter "step": cannot parse ${JSON.stringify(text)} to a valid duration`);
  return Math.round(ms);
}

/** Values are texts, times seconds, as Prometheus writes them. */
function resultJson(result: QueryResult): object {
  const point = (timeMs: number, value: number): [number, string] => [timeMs / 1000, formatValue(value)];
  switch (result.t) {
    case 'scalar':
      return { resultType: 'scalar', result: point(result.timeMs, result.value) };
    case 'string':
      return { resultType: 'string', result: [result.timeMs / 1000, result.value] };
    case 'vector':
      return { resultType: 'vector', result: result.samples.map((one) => ({ metric: one.labels, value: point(one.timeMs, one.value) })) };
    case 'matrix':
      return {
        resultType: 'matrix',
        result: result.series.map((one) => ({ metric: one.labels, values: one.points.map(([timeMs, value]) => point(timeMs, value)) })),
      };
  }
}

function selectors(deps: PrometheusApiDeps, query: URLSearchParams): (readonly LabelMatcher[])[] {
  return query.getAll('match[]').map((text) => {
    const expr = deps.engine.parse(text);
    if (expr.t !== 'selector') throw new BadData(`invalid parameter "match[]": ${JSON.stringify(text)} is not a series selector`);
    return expr.matchers;
  });
}

function series(deps: PrometheusApiDeps, query: URLSearchParams, isRequired: boolean): Readonly<Record<string, string>>[] {
  const lists = selectors(deps, query);
  if (isRequired && lists.length === 0) throw new BadData('no match[] parameter provided');
  const startMs = timeOf(query, 'start', 0);
  const endMs = timeOf(query, 'end', deps.now());
  return [...new Set(lists.flatMap((matchers) => deps.store.metrics.find(matchers, startMs - 1, endMs)))];
}

function labelNames(deps: PrometheusApiDeps, query: URLSearchParams): string[] {
  if (!query.has('match[]')) return deps.store.metrics.labelNames();
  return [...new Set(series(deps, query, false).flatMap((labels) => Object.keys(labels)))].toSorted();
}

function labelValues(deps: PrometheusApiDeps, request: HttpRequest): string[] {
  const name = request.params['name'] ?? '';
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw new BadData(`invalid label name: ${JSON.stringify(name)}`);
  if (!request.query.has('match[]')) return deps.store.metrics.labelValues(name);
  return [...new Set(series(deps, request.query, false).flatMap((labels) => labelOf(labels, name) ?? []))].toSorted();
}

function metadata(query: URLSearchParams): object {
  const wanted = query.get('metric');
  const listed = STANDARD_METRICS.filter((one) => wanted === null || one.name === wanted);
  return Object.fromEntries(listed.map((one) => [one.name, [{ type: one.type, help: one.help, unit: one.unit }]]));
}

function targets({ store, now }: PrometheusApiDeps): object {
  const active = [...store.metrics.targets()].map((target) => {
    const lastMs = target.raw.lastTimeMs ?? 0;
    return {
      labels: target.labels,
      discoveredLabels: target.labels,
      scrapePool: target.labels['job'] ?? '',
      scrapeUrl: '',
      lastScrape: new Date(lastMs).toISOString(),
      health: now() - lastMs < 15_000 ? 'up' : 'down',
      lastError: '',
    };
  });
  return { activeTargets: active, droppedTargets: [] };
}
