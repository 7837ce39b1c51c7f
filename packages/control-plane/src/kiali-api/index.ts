import type { Timers } from '@meltemi/base';
import {
  appDetailsJson,
  appsJson,
  authInfoJson,
  clustersHealthJson,
  configListJson,
  consoleConfigJson,
  gvkJson,
  meshTlsJson,
  namespacesJson,
  namespaceTlsJson,
  serviceDetailsJson,
  servicesJson,
  statusJson,
  validationJson,
  validationSummaries,
  workloadDetailsJson,
  workloadsJson,
  type MeshSource,
} from '@meltemi/console-api';
import { HttpError, json, type HttpRequest, type HttpResponse, type Route } from '@meltemi/http';
import { collectTraffic, PromqlError, type FocusNode, type GraphQuery, type NamespaceTraffic } from '@meltemi/telemetry';
import type { TelemetryStore } from '@meltemi/telemetry-store';
import { createGraphs, type Graphs } from './graphs.ts';
import { durationParameter, graphRequest, namespacesParameter } from './parameters.ts';
import { configStream, graphStream, type StreamsDeps } from './streams.ts';

export interface KialiApiDeps {
  readonly mesh: MeshSource;
  readonly store: TelemetryStore;
  readonly query: GraphQuery;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly retentionMs: number;
}

/** The console's API in Kiali's shapes under `/api/`, and its live streams under `/meltemi/v1/stream/`. */
export interface KialiApi {
  readonly routes: readonly Route[];
}

const DEFAULT_RATE_MS = 60_000;

export function createKialiApi(deps: KialiApiDeps): KialiApi {
  const { mesh, store, now } = deps;
  const room: Room = {
    ...deps,
    graphs: createGraphs({ query: deps.query, mesh, telemetryVersion: () => store.version, now }),
    all: () => mesh.view().namespaces.map((one) => one.name),
  };
  return {
    routes: [...meshRoutes(room), ...configRoutes(room), ...listRoutes(room), ...detailRoutes(room), ...graphRoutes(room), ...ownRoutes(room)],
  };
}

interface Room extends KialiApiDeps {
  readonly graphs: Graphs;
  /** Names of all namespaces. */
  readonly all: () => readonly string[];
}

function get(path: string, run: (request: HttpRequest) => unknown): Route {
  return { method: 'GET', path, handler: (request) => answered(run, request) };
}

function meshRoutes({ mesh, all, retentionMs }: Room): readonly Route[] {
  return [
    get('/api', () => statusJson(mesh.view())),
    get('/api/status', () => statusJson(mesh.view())),
    get('/api/auth/info', ({ caller }) => authInfoJson(caller.t === 'session' ? new Date(caller.untilMs).toISOString() : undefined)),
    get('/api/config', () => consoleConfigJson({ view: mesh.view(), retentionSeconds: Math.round(retentionMs / 1000), intervalSeconds: 1 })),
    get('/api/namespaces', () => namespacesJson(mesh.view())),
    get('/api/mesh/tls', () => meshTlsJson(mesh.view())),
    get('/api/clusters/tls', ({ query }) => namespacesParameter(query, all()).map((one) => namespaceTlsJson(mesh.view(), one))),
    get('/api/namespaces/:namespace/tls', ({ params }) => namespaceTlsJson(mesh.view(), params['namespace'] ?? '')),
  ];
}

function configRoutes({ mesh, all }: Room): readonly Route[] {
  return [
    get('/api/istio/config', ({ query }) =>
      configListJson(mesh.view(), namespacesParameter(query, all()), kindsOf(query), query.get('validate') !== 'false'),
    ),
    get('/api/istio/validations', ({ query }) => validationSummaries(mesh.view(), namespacesParameter(query, all()))),
    get('/api/namespaces/:namespace/istio/:group/:version/:kind/:name', ({ params }) => objectJson(mesh, params)),
  ];
}

function traffic({ query, now }: Room, request: HttpRequest, namespaces: readonly string[]): Promise<NamespaceTraffic> {
  return collectTraffic(query, namespaces, durationParameter(request.query, 'rateInterval', DEFAULT_RATE_MS), timeOf(request.query, now()));
}

function listRoutes(room: Room): readonly Route[] {
  const list = (
    path: string,
    make: (view: ReturnType<MeshSource['view']>, traffic: NamespaceTraffic, namespaces: readonly string[], request: HttpRequest) => object,
  ): Route =>
    get(path, async (request) => {
      const namespaces = namespacesParameter(request.query, room.all());
      return make(room.mesh.view(), await traffic(room, request, namespaces), namespaces, request);
    });
  return [
    list('/api/clusters/apps', appsJson),
    list('/api/clusters/services', servicesJson),
    list('/api/clusters/workloads', workloadsJson),
    list('/api/clusters/health', (view, rates, namespaces, { query }) => clustersHealthJson(view, rates, namespaces, healthType(query))),
  ];
}

function detailRoutes(room: Room): readonly Route[] {
  const details = (path: string, what: string, make: typeof appDetailsJson): Route =>
    get(path, async (request) => {
      const { namespace = '', name = '' } = request.params;
      const found = make(room.mesh.view(), await traffic(room, request, [namespace]), namespace, name);
      if (found === undefined) throw new HttpError(404, 'kiali/not-found', `${what} [${name}] in namespace [${namespace}] not found`);
      return found;
    });
  return [
    details('/api/namespaces/:namespace/apps/:name', 'Application', appDetailsJson),
    details('/api/namespaces/:namespace/services/:name', 'Service', serviceDetailsJson),
    details('/api/namespaces/:namespace/workloads/:name', 'Workload', workloadDetailsJson),
  ];
}

function graphRoutes({ graphs, all }: Room): readonly Route[] {
  const focused = (path: string, focus: (name: string, version: string) => Omit<FocusNode, 'namespace'>): Route =>
    get(`/api/namespaces/:namespace/${path}/graph`, ({ query, params: { namespace = '', name = '', version = '' } }) =>
      graphs.make(graphRequest(query, all(), { namespace, ...focus(name, version) })),
    );
  return [
    get('/api/namespaces/graph', ({ query }) => graphs.make(graphRequest(query, all()))),
    focused('applications/:name', (app) => ({ app })),
    focused('applications/:name/versions/:version', (app, version) => ({ app, version })),
    focused('workloads/:name', (workload) => ({ workload })),
    focused('services/:name', (service) => ({ service })),
  ];
}

/** What Kiali has no path for. */
function ownRoutes({ mesh, store, graphs, all, now, timers }: Room): readonly Route[] {
  const streams: StreamsDeps = {
    graphs,
    mesh,
    onTelemetry: (listener) => store.onChange(listener),
    seriesCount: () => store.stats.series,
    now,
    timers,
  };
  return [
    { method: 'GET', path: '/meltemi/v1/stream/graph', handler: ({ query }) => orError(() => graphStream(streams, graphRequest(query, all()))) },
    { method: 'GET', path: '/meltemi/v1/stream/config', handler: () => configStream(streams) },
    get('/meltemi/v1/problems', () => ({ problems: mesh.view().problems })),
    get('/meltemi/v1/logs', ({ query }) => logsJson(store, query)),
  ];
}

/** Kiali's shape of an error. Anything but a fault of the request is thrown on. */
function errorJson(error: unknown): HttpResponse {
  if (error instanceof HttpError) return json(error.status, { error: error.message, code: error.code });
  if (error instanceof PromqlError) return json(422, { error: error.message, code: error.code });
  throw error;
}

function orError(run: () => HttpResponse): HttpResponse {
  try {
    return run();
  } catch (error) {
    return errorJson(error);
  }
}

async function answered(run: (request: HttpRequest) => unknown, request: HttpRequest): Promise<HttpResponse> {
  try {
    return json(200, await run(request));
  } catch (error) {
    return errorJson(error);
  }
}

function timeOf(query: URLSearchParams, nowMs: number): number {
  const text = query.get('queryTime');
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) * 1000 : nowMs;
}

function kindsOf(query: URLSearchParams): string[] {
  return (query.get('objects') ?? '')
    .split(/,(?=\S)/)
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '');
}

function healthType(query: URLSearchParams): 'app' | 'service' | 'workload' {
  const type = query.get('type') ?? 'app';
  if (type === 'app' || type === 'service' || type === 'workload') return type;
  throw new HttpError(400, 'kiali/bad-parameter', `Bad request, query parameter 'type' must be one of ['app','service','workload'], it is '${type}'`);
}

function objectJson(mesh: MeshSource, params: HttpRequest['params']): object {
  const view = mesh.view();
  const { namespace = '', group = '', kind = '', name = '' } = params;
  const found = view.objects.find((one) => one.namespace === namespace && one.group === group && one.kind === kind && one.name === name);
  if (found === undefined) throw new HttpError(404, 'kiali/not-found', `${kind} [${name}] in namespace [${namespace}] not found`);
  return {
    namespace: { name: namespace },
    objectGVK: gvkJson(found),
    resource: found.resource,
    validation: validationJson(view, found),
    references: null,
    permissions: { create: true, update: true, delete: true },
    help: [],
    cluster: view.clusterName,
  };
}

function logsJson(store: TelemetryStore, query: URLSearchParams): object {
  const namespace = query.get('namespace') ?? '';
  const workload = query.get('workload') ?? '';
  if (namespace === '' || workload === '') throw new HttpError(400, 'logs/missing', 'name a namespace and a workload');
  const limit = Number(query.get('limit') ?? 500);
  const entries = store.logs.query({
    namespace,
    workload,
    instance: query.get('instance') || undefined,
    sinceMs: Number(query.get('sinceMs') ?? 0) || 0,
    limit: Number.isInteger(limit) && limit > 0 ? Math.min(limit, 10_000) : 500,
  });
  return { instances: store.logs.instances(namespace, workload), entries };
}
