import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GraphEvent, GraphJson } from '@meltemi/console-api';
import { BUSY, bookinfoGraph, type PictureOptions } from './bookinfo-graph.ts';

const DIST = fileURLToPath(new URL('../../apps/console/dist', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The built console before a server that says what a test wants it to say. */
export interface FakeConsole extends AsyncDisposable {
  readonly url: string;
  /** Changes the picture; the stream carries it at its next beat. */
  set(changes: Partial<Omit<PictureOptions, 'endMs'>>): void;
  /** Shows another graph instead of Bookinfo's; undefined goes back to it. */
  show(graph: GraphJson | undefined): void;
  /** Cuts all streams and refuses new connections' answers, or mends it. */
  cut(isCut: boolean): void;
}

const SERVICES = ['productpage', 'details', 'reviews', 'ratings', 'postgresdb'];

function health(errorPercent: number | null): object {
  const status = errorPercent === null ? 'NA' : errorPercent >= 10 ? 'Failure' : errorPercent > 0 ? 'Degraded' : 'Healthy';
  const requests =
    errorPercent === null ? { inbound: {}, outbound: {} } : { inbound: { http: { 200: 100 - errorPercent, 503: errorPercent } }, outbound: {} };
  return { requests, workloadStatuses: [], status: { status, errorRatio: errorPercent, inboundRate: 6, outboundRate: 0 } };
}

const reference = (Kind: string, name: string): object => ({
  objectGVK: { Group: 'networking.istio.io', Version: 'v1', Kind },
  name,
  namespace: 'bookinfo',
  cluster: 'meltemi',
});

function listItem(name: string, app: string, version: string | undefined): object {
  return {
    name,
    namespace: 'bookinfo',
    cluster: 'meltemi',
    istioSidecar: name !== 'legacy',
    labels: { app, ...(version === undefined ? {} : { version }) },
    health: health(app === 'ratings' ? 2.5 : app === 'postgresdb' ? null : 0),
    istioReferences: ['reviews', 'productpage'].includes(app) ? [reference('VirtualService', app), reference('DestinationRule', app)] : [],
    type: 'Process',
    appLabel: true,
    versionLabel: version !== undefined,
    podCount: 1,
  };
}

const object = (kind: string, name: string, group = 'networking.istio.io/v1'): object => ({
  kind,
  apiVersion: group,
  metadata: { name, namespace: 'bookinfo', resourceVersion: '12', creationTimestamp: '2026-11-21T10:00:00Z' },
  spec: {},
});

const PROBLEMS = [
  {
    code: 'MEL0103',
    severity: 'error',
    path: 'spec.http[0].route[0].destination.weight',
    message: 'unknown field "weight": it stands under destination instead of beside it',
    fix: { text: '- destination:\n    host: reviews\n    subset: v2\n  weight: 50' },
    object: { kind: 'VirtualService', namespace: 'bookinfo', name: 'reviews-canary' },
    origin: { source: 'file', file: 'config/reviews-canary.yaml', line: 14, column: 11 },
  },
  {
    code: 'KIA1107',
    severity: 'warning',
    path: 'spec.http[0].route[1].destination.subset',
    message: 'Subset "v4" is not defined by any DestinationRule for host reviews',
    fix: { text: 'Add a subset v4 to DestinationRule bookinfo/reviews, or route to one of v1, v2, v3.' },
    object: { kind: 'VirtualService', namespace: 'bookinfo', name: 'reviews' },
    origin: { source: 'file', file: 'config/reviews.yaml', line: 18, column: 13 },
  },
];

function ranges(query: string, start: number, end: number, step: number): object {
  const line = (metric: Record<string, string>, base: number): object => {
    const values: [number, string][] = [];
    for (let time = start; time <= end; time += step)
      values.push([time, (base * (0.85 + 0.15 * Math.sin(time / 17) + 0.08 * Math.sin(time / 5))).toFixed(3)]);
    return { metric, values };
  };
  if (query.includes('by (destination_workload_namespace'))
    return {
      result: [
        line({ destination_workload_namespace: 'bookinfo', response_code: '200' }, 22),
        line({ destination_workload_namespace: 'bookinfo', response_code: '503' }, 0.7),
      ],
    };
  if (query.includes('by (source_workload_namespace'))
    return { result: [line({ source_workload_namespace: 'istio-system', response_code: '200' }, 6)] };
  if (query.includes('histogram_quantile')) return { result: [line({}, query.includes('0.99') ? 60 : query.includes('0.95') ? 38 : 11)] };
  if (query.includes('duration_milliseconds_sum')) return { result: [line({}, 15)] };
  if (query.includes('tcp')) return { result: [line({}, 340)] };
  return {
    result: [
      line({ response_code: '200', request_protocol: 'http', grpc_response_status: '' }, 20),
      line({ response_code: '503', request_protocol: 'http', grpc_response_status: '' }, 0.6),
    ],
  };
}

const tls = {
  status: 'MTLS_ENABLED',
  mode: 'STRICT',
  autoMTLSEnabled: true,
  minTLS: 'TLSV1_2',
  cluster: 'meltemi',
  reason: 'Mesh-wide mTLS is enabled: PeerAuthentication istio-system/default has mode STRICT, plain text is refused.',
};

function apiAnswer(path: string, query: URLSearchParams): unknown {
  switch (path) {
    case '/api/namespaces':
      return [
        {
          name: 'bookinfo',
          cluster: 'meltemi',
          isControlPlane: false,
          labels: { 'istio-injection': 'enabled' },
          tls: { ...tls, namespace: 'bookinfo' },
        },
        {
          name: 'default',
          cluster: 'meltemi',
          isControlPlane: false,
          isInjected: false,
          labels: {},
          tls: {
            ...tls,
            mode: 'DISABLE',
            status: 'MTLS_NOT_ENABLED',
            autoMTLSEnabled: false,
            reason: 'The namespace is not part of the mesh.',
            namespace: 'default',
          },
        },
        {
          name: 'istio-system',
          cluster: 'meltemi',
          isControlPlane: true,
          labels: {},
          tls: { ...tls, mode: 'PERMISSIVE', status: 'MTLS_PARTIALLY_ENABLED', namespace: 'istio-system' },
        },
      ];
    case '/api/mesh/tls':
      return tls;
    case '/api/auth/info':
      return { strategy: 'anonymous', sessionInfo: {} };
    case '/api/status':
      return { status: { 'Kiali version': '0.1.0', 'Mesh name': 'Meltemi' }, externalServices: [] };
    case '/api/clusters/health': {
      const items = {
        bookinfo: { productpage: health(0), details: health(0), reviews: health(0), ratings: health(2.5), postgresdb: health(null) },
        'istio-system': { 'istio-ingressgateway': health(0) },
        default: {},
      };
      const kind = query.get('type');
      return {
        namespaceAppHealth: kind === 'app' ? items : {},
        namespaceServiceHealth: kind === 'service' ? items : {},
        namespaceWorkloadHealth: kind === 'workload' ? items : {},
      };
    }
    case '/api/clusters/apps':
      return { cluster: 'meltemi', applications: SERVICES.map((name) => listItem(name, name, undefined)) };
    case '/api/clusters/services':
      return { cluster: 'meltemi', services: SERVICES.map((name) => listItem(name, name, undefined)), validations: {} };
    case '/api/clusters/workloads':
      return {
        cluster: 'meltemi',
        workloads: [
          ...['productpage-v1', 'details-v1', 'reviews-v1', 'reviews-v2', 'reviews-v3', 'ratings-v1', 'ratings-v2', 'postgresdb-v1'].map((name) =>
            listItem(name, name.slice(0, -3), name.slice(-2)),
          ),
          listItem('legacy', 'legacy', undefined),
        ],
        validations: {},
      };
    case '/api/istio/config':
      return {
        permissions: {},
        validations: {
          'networking.istio.io/v1, Kind=VirtualService': {
            'reviews.bookinfo.meltemi': {
              name: 'reviews',
              namespace: 'bookinfo',
              cluster: 'meltemi',
              valid: true,
              checks: [{ code: 'KIA1107', message: 'Subset not found', severity: 'warning', path: 'spec/http[0]' }],
              references: [],
            },
          },
        },
        resources: {
          'networking.istio.io/v1, Kind=VirtualService': [object('VirtualService', 'bookinfo'), object('VirtualService', 'reviews')],
          'networking.istio.io/v1, Kind=DestinationRule': ['productpage', 'details', 'reviews', 'ratings'].map((name) =>
            object('DestinationRule', name),
          ),
          'networking.istio.io/v1, Kind=Gateway': [object('Gateway', 'bookinfo-gateway')],
          'security.istio.io/v1, Kind=PeerAuthentication': [object('PeerAuthentication', 'default', 'security.istio.io/v1')],
        },
      };
    case '/meltemi/v1/problems':
      return { problems: PROBLEMS };
    case '/prometheus/api/v1/query_range':
      return {
        status: 'success',
        data: {
          resultType: 'matrix',
          ...ranges(query.get('query') ?? '', Number(query.get('start')), Number(query.get('end')), Number(query.get('step'))),
        },
      };
    default:
      return undefined;
  }
}

function serveFile(path: string, response: ServerResponse): void {
  const file = join(DIST, path);
  const found = path !== '/' && extname(path) !== '' && existsSync(file) ? file : join(DIST, 'index.html');
  response.writeHead(200, { 'content-type': TYPES[extname(found)] ?? 'application/octet-stream' });
  response.end(readFileSync(found));
}

/** Serves the built console on a free port. */
export async function startFakeConsole(): Promise<FakeConsole> {
  const streams = new Set<ServerResponse>();
  let picture: Omit<PictureOptions, 'endMs'> = { ...BUSY };
  let shown: GraphJson | undefined;
  const graphNow = (): GraphJson => shown ?? bookinfoGraph({ ...picture, endMs: Date.now() });
  let isCut = false;
  let sequence = 0;
  const beat = (response: ServerResponse): void => {
    sequence += 1;
    const event: GraphEvent = { sequence, sentAtMs: Date.now(), graph: graphNow() };
    response.write(`event: graph\ndata: ${JSON.stringify(event)}\n\n`);
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://fake.invalid');
    if (isCut && !url.pathname.startsWith('/assets')) {
      request.socket.destroy();
      return;
    }
    if (url.pathname.startsWith('/meltemi/v1/stream/')) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write('retry: 500\n\n');
      if (url.pathname.endsWith('/graph')) {
        streams.add(response);
        beat(response);
      }
      response.on('close', () => streams.delete(response));
      return;
    }
    const answer = url.pathname === '/api/namespaces/graph' ? graphNow() : apiAnswer(url.pathname, url.searchParams);
    if (answer !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    } else if (/^\/(api|meltemi|prometheus)\//.test(url.pathname)) response.writeHead(404).end('{}');
    else serveFile(url.pathname, response);
  };
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const timer = setInterval(() => streams.forEach(beat), 500);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set: (changes) => {
      picture = { ...picture, ...changes };
      streams.forEach(beat);
    },
    show: (graph) => {
      shown = graph;
      streams.forEach(beat);
    },
    cut: (value) => {
      isCut = value;
      if (isCut) server.closeAllConnections();
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
