import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeJson, GraphJson, NodeJson } from '@meltemi/console-api';
import { requestStream } from '@meltemi/http';
import { bookinfoView } from './testdata/bookinfo.ts';
import { setUp } from './testdata/server.ts';

const nodes = (graph: GraphJson): NodeJson[] => graph.elements.nodes.map((one) => one.data);
const edges = (graph: GraphJson): EdgeJson[] => graph.elements.edges.map((one) => one.data);
const called = (node: NodeJson | undefined): string =>
  node === undefined
    ? '?'
    : (node.service ?? (node.version === undefined ? (node.workload ?? node.app ?? node.nodeType) : `${node.app} ${node.version}`));
const pairs = (graph: GraphJson): string[] => {
  const byId = new Map(nodes(graph).map((node) => [node.id, node]));
  return edges(graph)
    .map((edge) => `${called(byId.get(edge.source))} > ${called(byId.get(edge.target))}`)
    .toSorted();
};

/**
 * Nodes of the versioned graph: one app node per version that has traffic (productpage v1; details v1; reviews v1, v2, v3; ratings v1,
 * v2; postgresdb v1) and the gateway, which lies outside of the namespace but sends into it: 9. One service node per service: 5.
 * Edges: traffic of a caller to a service is one edge, however many versions are behind it, and each version has one edge from its
 * service: gateway, productpage to details and to reviews, reviews v2 and v3 to ratings, ratings v2 to postgresdb: 6 into services;
 * and 8 versions behind services: 14. The boxes around reviews and ratings are nodes of type box, and productpage v2 has no traffic.
 */
test('the versioned graph of Bookinfo has 9 apps, 5 services and 14 edges', async (t) => {
  const mesh = await setUp(t);
  mesh.seconds(60, () => mesh.proxies.callAll());
  const graph = await mesh.graph('namespaces=bookinfo&graphType=versionedApp&duration=60s');
  const types = Object.fromEntries([...Map.groupBy(nodes(graph), (node) => node.nodeType)].map(([type, list]) => [type, list.length]));
  assert.deepEqual({ ...types, edges: edges(graph).length }, { app: 9, service: 5, box: 2, edges: 14 });
  assert.deepEqual([graph.graphType, graph.duration, graph.timestamp], ['versionedApp', 60, 1_800_000_060]);
  assert.deepEqual(pairs(graph), [
    'details > details v1',
    'istio-ingressgateway latest > productpage',
    'postgresdb > postgresdb v1',
    'productpage > productpage v1',
    'productpage v1 > details',
    'productpage v1 > reviews',
    'ratings > ratings v1',
    'ratings > ratings v2',
    'ratings v2 > postgresdb',
    'reviews > reviews v1',
    'reviews > reviews v2',
    'reviews > reviews v3',
    'reviews v2 > ratings',
    'reviews v3 > ratings',
  ]);
  const byId = new Map(nodes(graph).map((node) => [node.id, node]));
  const edge = (from: string, to: string): EdgeJson | undefined =>
    edges(graph).find((one) => called(byId.get(one.source)) === from && called(byId.get(one.target)) === to);
  assert.deepEqual(edge('productpage v1', 'reviews')?.traffic, {
    protocol: 'http',
    rates: { http: '3.00', httpPercentReq: '75.0' },
    responses: { 200: { flags: { '-': '100.0' }, hosts: { 'reviews.bookinfo.svc.cluster.local': '100.0' } } },
  });
  assert.deepEqual(edge('reviews', 'reviews v2')?.traffic.rates, { http: '1.00', httpPercentReq: '33.3' });
  assert.deepEqual(edge('ratings v2', 'postgresdb')?.traffic, {
    protocol: 'tcp',
    rates: { tcp: '1000.00' },
    responses: { '-': { flags: { '-': '100.0' }, hosts: { 'postgresdb.bookinfo.svc.cluster.local': '100.0' } } },
  });
  for (const one of edges(graph)) assert.equal(one.isMTLS, '100', `${called(byId.get(one.source))} > ${called(byId.get(one.target))}`);
  const last = edge('productpage v1', 'reviews');
  assert.deepEqual(
    [last?.sourcePrincipal, last?.destPrincipal, last?.healthStatus, last?.responseTime],
    ['spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage', 'spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews', 'Healthy', '24'],
  );
  const find = (name: string): NodeJson | undefined => nodes(graph).find((node) => called(node) === name && node.isBox === undefined);
  assert.deepEqual(
    [find('istio-ingressgateway latest')?.isOutside, find('istio-ingressgateway latest')?.isRoot, find('istio-ingressgateway latest')?.isGateway],
    [true, true, { ingressInfo: { hostnames: ['*'] } }],
  );
  assert.deepEqual(
    [find('reviews')?.hasVS, find('reviews')?.hasTrafficShifting, find('reviews')?.hasRequestTimeout, find('reviews')?.hasCB],
    [{ hostnames: ['reviews'] }, true, true, true],
  );
  assert.deepEqual([find('reviews v3')?.hasCB, find('reviews v2')?.hasCB], [true, undefined]);
  assert.deepEqual(find('reviews v1')?.traffic, [{ protocol: 'http', rates: { httpIn: '1.00' } }]);
  assert.equal(find('productpage v1')?.healthStatus, 'Healthy');
  assert.equal(find('reviews v1')?.parent, nodes(graph).find((node) => node.isBox === 'app' && node.app === 'reviews')?.id);
});

test('other graph types, boxes, idle nodes and the graph of one node', async (t) => {
  const mesh = await setUp(t);
  mesh.seconds(60, () => mesh.proxies.callAll());
  const shape = async (query: string): Promise<Record<string, number>> => {
    const graph = await mesh.graph(`namespaces=bookinfo&duration=60s&${query}`);
    return {
      ...Object.fromEntries([...Map.groupBy(nodes(graph), (node) => node.nodeType)].map(([type, list]) => [type, list.length])),
      edges: edges(graph).length,
    };
  };
  assert.deepEqual(await shape('graphType=app'), { app: 6, service: 5, edges: 10 });
  assert.deepEqual(await shape('graphType=workload&injectServiceNodes=false'), { workload: 9, edges: 10 });
  assert.deepEqual(await shape('graphType=service'), { service: 5, workload: 1, edges: 5 });
  assert.deepEqual(await shape('graphType=versionedApp&boxBy=app,namespace,cluster'), { box: 3, app: 9, service: 5, edges: 14 });
  assert.deepEqual(await shape('graphType=versionedApp&appenders=idleNode,health'), { box: 3, app: 10, service: 5, edges: 14 });
  const one = await mesh.get<GraphJson>('/api/namespaces/bookinfo/workloads/ratings-v2/graph?duration=60s&graphType=workload');
  assert.deepEqual(pairs(one), [
    'postgresdb > postgresdb v1',
    'ratings > ratings v2',
    'ratings v2 > postgresdb',
    'reviews v2 > ratings',
    'reviews v3 > ratings',
  ]);
  const services = await mesh.get<GraphJson>('/api/namespaces/bookinfo/services/reviews/graph?duration=60s');
  assert.deepEqual(pairs(services), ['productpage v1 > reviews', 'reviews > reviews v1', 'reviews > reviews v2', 'reviews > reviews v3']);
  assert.match((await mesh.get<{ error: string }>('/api/namespaces/graph?graphType=what')).error, /Invalid graphType \[what\]/);
});

test('errors colour edges, nodes and lists; what never arrived is seen too', async (t) => {
  const mesh = await setUp(t);
  mesh.seconds(60, (second) => {
    mesh.proxies.callAll();
    mesh.proxies.call({ from: 'reviews-v2', to: 'ratings-v1', code: second % 2 === 0 ? 503 : 0, flags: 'UF' });
  });
  const graph = await mesh.graph('namespaces=bookinfo&graphType=versionedApp&duration=60s');
  const byId = new Map(nodes(graph).map((node) => [node.id, node]));
  const bad = edges(graph).find((one) => called(byId.get(one.source)) === 'ratings' && called(byId.get(one.target)) === 'ratings v1');
  assert.equal(bad?.healthStatus, 'Failure');
  const { rates, responses } = bad?.traffic ?? { rates: {}, responses: {} };
  assert.deepEqual(Object.keys(rates), ['http', 'http5xx', 'httpNoResponse', 'httpPercentErr', 'httpPercentReq']);
  assert.deepEqual(Object.keys(responses?.['503']?.flags ?? {}), ['UF']);
  assert.ok('-' in (responses ?? {}));
  interface Health {
    namespaceAppHealth: Record<
      string,
      Record<string, { status: { status: string; errorRatio: number }; requests: { inbound: { http?: Record<string, number> } } }>
    >;
  }
  const health = await mesh.get<Health>('/api/clusters/health?namespaces=bookinfo&type=app&rateInterval=60s');
  const ratings = health.namespaceAppHealth['bookinfo']?.['ratings'];
  assert.equal(ratings?.status.status, 'Failure');
  assert.ok(Math.abs((ratings?.requests.inbound.http?.['200'] ?? 0) - 4) < 0.1, 'both reporters are not added up');
  assert.equal(health.namespaceAppHealth['bookinfo']?.['details']?.status.status, 'Healthy');
});

test('lists, locks, configuration and details', async (t) => {
  const mesh = await setUp(t);
  mesh.seconds(10, () => mesh.proxies.callAll());
  interface Named {
    name: string;
    namespace: string;
    health: { status: { status: string } };
  }
  const apps = await mesh.get<{ applications: Named[] }>('/api/clusters/apps?namespaces=bookinfo,istio-system&health=true&rateInterval=60s');
  assert.deepEqual(
    apps.applications.map((one) => one.name),
    ['details', 'postgresdb', 'productpage', 'ratings', 'reviews', 'istio-ingressgateway'],
  );
  const services = await mesh.get<{ services: Named[]; validations: { service: Record<string, { valid: boolean; checks: unknown[] }> } }>(
    '/api/clusters/services?namespaces=bookinfo',
  );
  assert.equal(services.services.length, 5);
  assert.equal(services.validations.service['reviews.bookinfo.meltemi']?.checks.length, 1);
  const workloads = await mesh.get<{ workloads: (Named & { podCount: number })[] }>('/api/clusters/workloads?namespaces=bookinfo');
  assert.deepEqual([workloads.workloads.length, workloads.workloads[0]?.podCount], [9, 1]);
  const config = await mesh.get<{
    resources: Record<string, unknown[]>;
    validations: Record<string, Record<string, { valid: boolean; checks: { path: string; origin?: { line: number } }[] }>>;
  }>('/api/istio/config?namespaces=bookinfo');
  assert.deepEqual(Object.keys(config.resources), ['networking.istio.io/v1, Kind=VirtualService', 'networking.istio.io/v1, Kind=DestinationRule']);
  const checked = config.validations['networking.istio.io/v1, Kind=VirtualService']?.['reviews.bookinfo.meltemi'];
  assert.deepEqual([checked?.valid, checked?.checks[0]?.path, checked?.checks[0]?.origin?.line], [true, 'spec/http[0]', 12]);
  assert.deepEqual(await mesh.get('/api/istio/validations?namespaces=bookinfo'), [
    { cluster: 'meltemi', namespace: 'bookinfo', errors: 0, warnings: 1, objectCount: 2 },
  ]);
  assert.equal((await mesh.get<{ mode: string; status: string }>('/api/mesh/tls')).status, 'MTLS_PARTIALLY_ENABLED');
  const strict = {
    group: 'security.istio.io',
    version: 'v1',
    kind: 'PeerAuthentication',
    namespace: 'istio-system',
    name: 'default',
    spec: { mtls: { mode: 'STRICT' } },
    resource: {},
  };
  mesh.mesh.change({ ...bookinfoView, version: '2', objects: [...bookinfoView.objects, strict] });
  assert.equal((await mesh.get<{ status: string }>('/api/mesh/tls')).status, 'MTLS_ENABLED');
  assert.deepEqual(
    (await mesh.get<{ name: string; tls: { status: string } }[]>('/api/namespaces')).map((one) => `${one.name} ${one.tls.status}`),
    ['bookinfo MTLS_ENABLED', 'default MTLS_NOT_ENABLED', 'istio-system MTLS_ENABLED'],
  );
  const service = await mesh.get<{ service: { ports: unknown[] }; workloads: unknown[]; virtualServices: unknown[] }>(
    '/api/namespaces/bookinfo/services/reviews',
  );
  assert.deepEqual([service.workloads.length, service.virtualServices.length], [3, 1]);
  assert.equal((await mesh.get<{ pods: unknown[] }>('/api/namespaces/bookinfo/workloads/reviews-v1')).pods.length, 1);
  assert.equal((await mesh.get<{ serviceNames: string[] }>('/api/namespaces/bookinfo/apps/ratings')).serviceNames[0], 'ratings');
  assert.match((await mesh.get<{ error: string }>('/api/namespaces/bookinfo/apps/none')).error, /not found/);
  for (const path of ['/api/status', '/api/auth/info', '/api/config', '/api/clusters/tls'])
    assert.equal((await fetch(`${mesh.url}${path}`)).status, 200, path);
});

test("Prometheus' API: forms, shapes and errors", async (t) => {
  const mesh = await setUp(t);
  mesh.seconds(60, () => mesh.proxies.callAll());
  interface Answer {
    status: string;
    errorType?: string;
    error?: string;
    data: { resultType: string; result: { metric: Record<string, string>; value: [number, string]; values: [number, string][] }[] };
  }
  const query = 'sum by (destination_workload) (rate(istio_requests_total{reporter="destination",destination_service_name="reviews"}[30s]))';
  const posted = await mesh.get<Answer>('/prometheus/api/v1/query', { method: 'POST', body: new URLSearchParams({ query, time: '1800000060' }) });
  assert.deepEqual(Object.fromEntries(posted.data.result.map((one) => [one.metric['destination_workload'], Number(one.value[1]).toFixed(2)])), {
    'reviews-v1': '1.00',
    'reviews-v2': '1.00',
    'reviews-v3': '1.00',
  });
  const range = await mesh.get<Answer>(
    `/prometheus/api/v1/query_range?${new URLSearchParams({ query, start: '1800000020', end: '1800000060', step: '10s' })}`,
  );
  assert.deepEqual([range.data.resultType, range.data.result[0]?.values.length], ['matrix', 5]);
  const bad = await fetch(`${mesh.url}/prometheus/api/v1/query?query=sum(`);
  assert.equal(bad.status, 400);
  assert.match((await (bad.json() as Promise<Answer>)).error ?? '', /1:5: parse error: unexpected end of input/);
  assert.equal(
    (await fetch(`${mesh.url}/prometheus/api/v1/query?query=${encodeURIComponent('istio_requests_total / on(reporter) istio_requests_total')}`))
      .status,
    422,
  );
  const values = await mesh.get<{ data: string[] }>('/prometheus/api/v1/label/destination_app/values?match[]=istio_tcp_sent_bytes_total');
  assert.deepEqual(values.data, ['postgresdb']);
  assert.equal(
    (await mesh.get<{ data: unknown[] }>(`/prometheus/api/v1/series?match[]=${encodeURIComponent('istio_tcp_sent_bytes_total{reporter="source"}')}`))
      .data.length,
    1,
  );
  assert.equal(
    (await mesh.get<{ data: Record<string, { type: string }[]> }>('/prometheus/api/v1/metadata')).data['istio_requests_total']?.[0]?.type,
    'counter',
  );
  assert.equal((await mesh.get<{ data: { activeTargets: unknown[] } }>('/prometheus/api/v1/targets')).data.activeTargets.length, 10);
  const replaced = await mesh.get<Answer>(
    `/prometheus/api/v1/query?${new URLSearchParams({ query: 'label_replace(sum by (destination_workload) (istio_requests_total{destination_workload="reviews-v1",reporter="source"}), "v", "$2-${app}", "destination_workload", "(?P<app>[a-z]+)-(v\\\\d)")', time: '1800000060' })}`,
  );
  assert.equal(replaced.data.result[0]?.metric['v'], 'v1-reviews');
});

test("Jaeger's API", async (t) => {
  const mesh = await setUp(t);
  const stream = mesh.store.open({ namespace: 'bookinfo', serviceAccount: 'a', principal: 'p' });
  const base = { trace_id: 'a'.repeat(32), start_us: 1_000_000, tags: { 'http.status_code': '500' } };
  stream.ingest({
    sequence: 1,
    time_ms: 1,
    node: { workload: 'a', namespace: 'bookinfo' },
    spans: [
      { ...base, span_id: '1'.repeat(16), name: 'GET', duration_us: 900, service: 'productpage.bookinfo', kind: 'CLIENT' },
      {
        ...base,
        span_id: '2'.repeat(16),
        parent_span_id: '1'.repeat(16),
        name: 'GET',
        duration_us: 500,
        service: 'reviews.bookinfo',
        kind: 'SERVER',
        error: true,
      },
    ],
  });
  assert.deepEqual((await mesh.get<{ data: string[] }>('/jaeger/api/services')).data, ['productpage.bookinfo', 'reviews.bookinfo']);
  interface Traces {
    data: { spans: { references: { spanID: string }[]; processID: string }[]; processes: Record<string, { serviceName: string }> }[];
  }
  const found = await mesh.get<Traces>(
    `/jaeger/api/traces?service=reviews.bookinfo&tags=${encodeURIComponent('{"error":"true"}')}&minDuration=800us&limit=5`,
  );
  assert.deepEqual(
    [found.data.length, found.data[0]?.spans[1]?.references[0]?.spanID, found.data[0]?.processes['p2']?.serviceName],
    [1, '1'.repeat(16), 'reviews.bookinfo'],
  );
  assert.equal((await mesh.get<Traces>(`/jaeger/api/traces/${'a'.repeat(32)}`)).data[0]?.spans.length, 2);
  assert.equal((await fetch(`${mesh.url}/jaeger/api/traces/ff`)).status, 404);
  assert.deepEqual((await mesh.get<{ data: object[] }>('/jaeger/api/dependencies?endTs=2000&lookback=2000')).data, [
    { parent: 'productpage.bookinfo', child: 'reviews.bookinfo', callCount: 1 },
  ]);
});

test('the graph stream shows a new edge within two seconds and sends signs of life', async (t) => {
  const mesh = await setUp(t, true);
  const stream = await fetch(`${mesh.url}/meltemi/v1/stream/graph?namespaces=bookinfo&duration=60s`);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (wanted: (events: { event: string; data: { graph?: GraphJson } }[]) => boolean): Promise<void> => {
    for (;;) {
      const events = text
        .split('\n\n')
        .slice(0, -1)
        .flatMap((block) => {
          const event = /^event: (.*)$/m.exec(block)?.[1];
          const data = /^data: (.*)$/m.exec(block)?.[1];
          return event === undefined || data === undefined ? [] : [{ event, data: JSON.parse(data) as { graph?: GraphJson } }];
        });
      if (wanted(events)) return;
      const next = await reader?.read();
      if (next === undefined || next.done) throw new Error(`the stream ended: ${text}`);
      text += next.value;
    }
  };
  await until((events) => events.length > 0);
  const timer = setInterval(() => mesh.proxies.report(Date.now()), 300);
  t.after(() => Promise.resolve(clearInterval(timer)));
  await until((events) => events.some((one) => one.event === 'heartbeat'));
  const calledMs = Date.now();
  mesh.proxies.call({ from: 'productpage-v1', to: 'details-v1' });
  await until((events) => events.some((one) => one.data.graph !== undefined && edges(one.data.graph).length === 2));
  assert.ok(Date.now() - calledMs < 2000);
  await reader?.cancel();
});

test('the configuration stream tells of a new snapshot at once', async (t) => {
  const mesh = await setUp(t, true);
  const stream = await requestStream({ url: `${mesh.url}/meltemi/v1/stream/config` });
  let text = '';
  for await (const chunk of stream.chunks) {
    text += chunk.toString();
    if (text.includes('"version":"1"') && !text.includes('"version":"2"')) mesh.mesh.change({ ...bookinfoView, version: '2', problems: [] });
    if (text.includes('"version":"2"')) break;
  }
  stream.close();
  assert.match(text, /"warnings":1,.*"warnings":0,/s);
});

test('a VirtualService of a gateway with host * is on the services it routes to, and on no other', async (t) => {
  const mesh = await setUp(t);
  const entry = {
    group: 'networking.istio.io',
    version: 'v1',
    kind: 'VirtualService',
    namespace: 'bookinfo',
    name: 'entry',
    spec: { hosts: ['*'], gateways: ['bookinfo-gateway'], http: [{ route: [{ destination: { host: 'productpage' } }] }] },
    resource: { kind: 'VirtualService', metadata: { name: 'entry', namespace: 'bookinfo' } },
    origin: { source: 'file', file: 'entry.yaml', line: 3 },
  };
  mesh.mesh.change({ ...bookinfoView, version: '2', objects: [...bookinfoView.objects, entry] });
  mesh.seconds(5, () => mesh.proxies.callAll());
  const graph = await mesh.graph('namespaces=bookinfo&duration=60s');
  const routed = nodes(graph).filter((node) => node.hasVS !== undefined);
  assert.deepEqual(routed.map(called).toSorted(), ['productpage', 'reviews']);
  const services = await mesh.get<{ services: { name: string; istioReferences: { name: string }[] }[] }>(
    '/api/clusters/services?namespaces=bookinfo',
  );
  const referring = services.services.filter((one) => one.istioReferences.some((reference) => reference.name === 'entry'));
  assert.deepEqual(
    referring.map((one) => one.name),
    ['productpage'],
  );
  const config = await mesh.get<{ validations: Record<string, Record<string, { origin?: object }>> }>('/api/istio/config?namespaces=bookinfo');
  const validation = config.validations['networking.istio.io/v1, Kind=VirtualService']?.['entry.bookinfo.meltemi'];
  assert.deepEqual(validation?.origin, { file: 'entry.yaml', line: 3 });
  const { problems } = await mesh.get<{ problems: { code: string }[] }>('/meltemi/v1/problems');
  assert.deepEqual(
    problems.map((one) => one.code),
    ['IST0113'],
  );
});
