import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { GraphEvent } from '@meltemi/console-api';
import { parseAccessLogLine, type AccessLogEntry } from '@meltemi/telemetry';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startDemo, type Demo } from '../testkit/demo.ts';
import { burst, eventually, get } from '../testkit/load.ts';
import { controlPlaneOf } from '../testkit/processes.ts';
import { query, queryValue } from '../testkit/prometheus.ts';

const REQUESTS = 60;
const TOLD_MS = 10_000;

/** What a mesh tells of itself: metrics, traces, access logs, live graph, and what a killed control plane still knows. One demo for all of it. */
for (const { dataPlane, accessLog } of [
  { dataPlane: 'embedded', accessLog: 'text' },
  { dataPlane: 'envoy', accessLog: 'json' },
] as const) {
  const envoy = dataPlane === 'envoy' ? findEnvoy() : '';
  describe(`telemetry, ${dataPlane}`, { skip: envoy === undefined && NO_ENVOY }, () => {
    let started: Demo | undefined;
    const demo = (): Demo => started ?? assert.fail('no demo');
    before(async () => {
      const args = ['--data-plane', dataPlane, '--access-log', accessLog, '--interception', 'ports', '--load', '0'];
      started = await startDemo(args, envoy === undefined || envoy === '' ? {} : { MELTEMI_ENVOY: envoy });
    });
    after(() => started?.[Symbol.asyncDispose]());
    metrics(demo);
    traces(demo);
    accessLogs(demo);
    liveGraph(demo);
    survival(demo);
  });
}

const HTTP_EDGES: readonly (readonly [from: string, service: string])[] = [
  ['istio-ingressgateway', 'productpage'],
  ['productpage-v1', 'details'],
  ['productpage-v1', 'reviews'],
  ['reviews-v2', 'ratings'],
  ['reviews-v3', 'ratings'],
];
const HTTP_METRICS = [
  'istio_requests_total',
  'istio_request_duration_milliseconds_count',
  'istio_request_duration_milliseconds_bucket',
  'istio_request_bytes_count',
  'istio_response_bytes_sum',
];
const TCP_METRICS = [
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_closed_total',
  'istio_tcp_sent_bytes_total',
  'istio_tcp_received_bytes_total',
];
const SIDES = ['source', 'destination'].flatMap((side) =>
  ['workload', 'workload_namespace', 'principal', 'app', 'version', 'canonical_service', 'canonical_revision', 'cluster'].map(
    (name) => `${side}_${name}`,
  ),
);
const LABELS = [
  ...SIDES,
  'reporter',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'request_protocol',
  'response_flags',
  'connection_security_policy',
];

function metrics(demo: () => Demo): void {
  test('every standard metric is there with all its labels, and both ends tell the same numbers', async () => {
    const { statuses, errors } = await burst(`${demo().urls.gateway}/productpage`, REQUESTS);
    assert.deepEqual([[...statuses], errors], [[[200, REQUESTS]], []]);
    for (const [from, service] of HTTP_EDGES) {
      const least = service === 'ratings' ? 1 : REQUESTS;
      await bothEnds(demo(), 'istio_requests_total', `source_workload="${from}",destination_service_name="${service}"`, least);
    }
    for (const metric of HTTP_METRICS) {
      // They do not see the same durations, so that their buckets differ but for the last.
      const le = metric.endsWith('_bucket') ? ',le="+Inf"' : '';
      await bothEnds(demo(), metric, `source_workload="productpage-v1",destination_service_name="reviews"${le}`);
      await checkLabels(demo(), metric, 'source_workload="productpage-v1",destination_workload="reviews-v2"', ['response_code']);
    }
    for (const metric of TCP_METRICS) {
      await bothEnds(demo(), metric, 'destination_service_name="postgresdb"');
      await checkLabels(demo(), metric, 'destination_service_name="postgresdb"', []);
    }
    const edge = '{reporter="source",source_workload="productpage-v1",destination_service_name="reviews"}';
    const duration = `istio_request_duration_milliseconds`;
    const mean = await queryValue(demo(), `sum(${duration}_sum${edge}) / sum(${duration}_count${edge})`);
    assert.ok(mean > 0.2 && mean < 2000, `reviews answered within ${mean} ms on average`);
    const size = await queryValue(demo(), `sum(istio_response_bytes_sum${edge}) / sum(istio_response_bytes_count${edge})`);
    assert.ok(size > 200 && size < 2000, `an answer of reviews has ${size} bytes on average`);
  });

  test("Prometheus' API lists what there is", async () => {
    const ask = async <T>(path: string): Promise<T> =>
      ((await (await fetch(`${demo().urls.console}/prometheus/api/v1/${path}`)).json()) as { data: T }).data;
    const names = await ask<string[]>('label/__name__/values');
    assert.deepEqual(
      [...HTTP_METRICS, ...TCP_METRICS].filter((name) => !names.includes(name)),
      [],
    );
    const labels = await ask<string[]>('labels');
    assert.deepEqual(
      [...LABELS, 'response_code', 'le'].filter((name) => !labels.includes(name)),
      [],
    );
    const selector = encodeURIComponent('istio_tcp_connections_opened_total{reporter="source",destination_service_name="postgresdb"}');
    assert.equal((await ask<unknown[]>(`series?match[]=${selector}`)).length, 1);
    const metadata = await ask<Record<string, { type: string }[]>>('metadata');
    assert.equal(metadata['istio_request_duration_milliseconds']?.[0]?.type, 'histogram');
    const end = Date.now() / 1000;
    const total = encodeURIComponent('sum(istio_requests_total{destination_service_name="details",reporter="destination"})');
    const range = await ask<{ result: { values: [number, string][] }[] }>(`query_range?query=${total}&start=${end - 5}&end=${end}&step=1`);
    assert.ok((range.result[0]?.values.length ?? 0) > 1);
  });
}

/** The sum that both ends report, once they agree on what is at least so much. */
function bothEnds(demo: Demo, metric: string, edge: string, least = 1): Promise<number> {
  const ask = (reporter: string): Promise<number> => queryValue(demo, `sum(${metric}{reporter="${reporter}",${edge}})`);
  return eventually(`both ends agree on ${metric}{${edge}}`, TOLD_MS, async () => {
    const [source, destination] = [await ask('source'), await ask('destination')];
    if (source !== destination || source < least) throw new Error(`source ${source}, destination ${destination}`);
    return source;
  });
}

async function checkLabels(demo: Demo, metric: string, edge: string, more: readonly string[]): Promise<void> {
  for (const reporter of ['source', 'destination']) {
    const found = await query(demo, `${metric}{reporter="${reporter}",response_flags="-",${edge}}`);
    assert.ok(found.length > 0, `${metric} by ${reporter}`);
    for (const { labels } of found) {
      const missing = [...LABELS, ...more].filter((name) => labels[name] === undefined);
      const unknown = SIDES.filter((name) => labels[name] === 'unknown');
      assert.deepEqual([missing, unknown], [[], []], `${metric} by ${reporter}: ${JSON.stringify(labels)}`);
      assert.equal(labels['connection_security_policy'], reporter === 'source' ? 'unknown' : 'mutual_tls');
    }
  }
}

interface Span {
  readonly spanID: string;
  readonly references: readonly { readonly spanID: string }[];
  readonly processID: string;
  readonly duration: number;
}

/** Who calls whom in a trace of the product page, by service. */
const CALLS = [
  'client > istio-ingressgateway',
  'istio-ingressgateway > productpage',
  'productpage > details',
  'productpage > reviews',
  'reviews > ratings',
];

function traces(demo: () => Demo): void {
  for (const format of ['w3c', 'b3', 'b3-multi'] as const) {
    test(`a request with ${format} context is one trace: each span below the one that caused it`, async () => {
      const calls = await eventually('a trace with all services', 30_000, async () => {
        const traceId = randomBytes(16).toString('hex');
        const spanId = randomBytes(8).toString('hex');
        const headers = {
          w3c: { traceparent: `00-${traceId}-${spanId}-01` },
          b3: { b3: `${traceId}-${spanId}-1` },
          'b3-multi': { 'x-b3-traceid': traceId, 'x-b3-spanid': spanId, 'x-b3-sampled': '1' },
        }[format];
        const page = await get(`${demo().urls.gateway}/productpage`, headers);
        // Reviews v1 asks no ratings.
        if (page.status !== 200 || page.body.includes('reviews-v1')) return undefined;
        return eventually('the trace of that page', 8000, () => callsOf(demo(), traceId, spanId));
      });
      // A proxy may make two spans of one request, on its way in and out.
      assert.deepEqual(
        calls.filter((call) => call.split(' > ')[0] !== call.split(' > ')[1]),
        CALLS,
      );
    });
  }

  test("Jaeger's API: services, operations, search, dependencies", async () => {
    const ask = async <T>(path: string): Promise<T> =>
      ((await (await fetch(`${demo().urls.console}/jaeger/api/${path}`)).json()) as { data: T }).data;
    const services = ['details.bookinfo', 'istio-ingressgateway.istio-system', 'productpage.bookinfo', 'ratings.bookinfo', 'reviews.bookinfo'];
    assert.deepEqual(await ask('services'), services);
    const operations = await ask<{ name: string; spanKind: string }[]>('operations?service=details.bookinfo');
    assert.ok(operations.some(({ name, spanKind }) => name.startsWith('details.bookinfo.svc.cluster.local:9080/') && spanKind === 'server'));
    assert.ok((await ask<unknown[]>('traces?service=ratings.bookinfo&limit=1&tags={"http.status_code":"200"}')).length === 1);
    const dependencies = await ask<{ parent: string; child: string }[]>('dependencies?endTs=' + Date.now());
    assert.ok(dependencies.some(({ parent, child }) => parent === 'productpage.bookinfo' && child === 'reviews.bookinfo'));
  });
}

/** `parent > child` of every span; undefined while the trace has not all of its services. `client` is the caller's own span. */
async function callsOf(demo: Demo, traceId: string, clientSpan: string): Promise<readonly string[] | undefined> {
  const response = await fetch(`${demo.urls.console}/jaeger/api/traces/${traceId}`);
  if (response.status !== 200) return undefined;
  const { data } = (await response.json()) as { data: { spans: Span[]; processes: Record<string, { serviceName: string }> }[] };
  const [trace] = data;
  const nameOf = (span: Span | undefined): string => trace?.processes[span?.processID ?? '']?.serviceName.split('.')[0] ?? '?';
  const spans = new Map(trace?.spans.map((span) => [span.spanID, span]));
  const calls = trace?.spans.map((span) => {
    const parent = span.references[0]?.spanID ?? '';
    return `${parent === clientSpan ? 'client' : nameOf(spans.get(parent))} > ${nameOf(span)}`;
  });
  const heard = new Set(calls?.map((call) => call.split(' > ')[1]));
  const isWhole = heard.size === 5 && calls?.every((call) => !call.startsWith('?')) === true && calls.includes('reviews > ratings');
  return isWhole ? [...new Set(calls)].toSorted() : undefined;
}

function accessLogs(demo: () => Demo): void {
  test('a request is in the access log of the gateway and of both sidecars', async () => {
    const id = `access-log-${randomBytes(8).toString('hex')}`;
    await get(`${demo().urls.gateway}/productpage`, { 'user-agent': id });
    const entries = (workload: string, count: number): Promise<readonly AccessLogEntry[]> => logged(demo(), workload, id, count);
    const [atGateway] = await entries('istio-ingressgateway', 1);
    assert.deepEqual([atGateway?.method, atGateway?.path, atGateway?.protocol, atGateway?.responseCode], ['GET', '/productpage', 'HTTP/1.1', 200]);
    assert.equal(atGateway?.responseCodeDetails, 'via_upstream');
    const clusters = (await entries('productpage-v1', 3)).map((entry) => entry.upstreamCluster ?? '').toSorted((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(clusters, [
      'inbound|9080||',
      'outbound|9080||details.bookinfo.svc.cluster.local',
      'outbound|9080||reviews.bookinfo.svc.cluster.local',
    ]);
    const [atDetails] = await entries('details-v1', 1);
    assert.equal(atDetails?.requestId, atGateway?.requestId);
    assert.equal(atDetails?.requestedServerName, 'outbound_.9080_._.details.bookinfo.svc.cluster.local');
  });

  test('a connection to the database is a line of its own, without what only HTTP has', async () => {
    const [connection] = await logged(demo(), 'postgresdb-v1', 'outbound_.5432_._.postgresdb.bookinfo.svc.cluster.local', 1);
    const { method, path, protocol, responseCode, upstreamServiceTime, upstreamCluster } = connection ?? assert.fail();
    assert.deepEqual([method, path, protocol, responseCode, upstreamServiceTime], [undefined, undefined, undefined, 0, undefined]);
    assert.equal(upstreamCluster, 'inbound|5432||');
    assert.ok((connection?.bytesSent ?? 0) > 0 && (connection?.bytesReceived ?? 0) > 0);
  });
}

/** The entries of a workload's log with some text, once there are so many. */
function logged(demo: Demo, workload: string, text: string, count: number): Promise<readonly AccessLogEntry[]> {
  return eventually(`${text} in the log of ${workload}`, TOLD_MS, async () => {
    const lines = readFileSync(join(demo.stateDir, 'logs', `${workload}.log`), 'utf8').split('\n');
    const found = lines.flatMap((line) => (line.startsWith('proxy ') && line.includes(text) ? [parseAccessLogLine(line.slice(6))] : []));
    assert.ok(!found.includes(undefined), 'each such line is in a format of Istio');
    return found.length >= count ? found.filter((entry) => entry !== undefined) : undefined;
  });
}

function liveGraph(demo: () => Demo): void {
  test('a new edge is pushed within 2 s of the first request over it', async () => {
    const leaving = new AbortController();
    const stream = await fetch(
      `${demo().urls.console}/meltemi/v1/stream/graph?namespaces=bookinfo,istio-system&graphType=versionedApp&duration=60s`,
      {
        signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(30_000)]),
      },
    );
    const applied = await demo().cli('apply', '--wait', '-f', 'samples/bookinfo/routing/virtual-service-productpage-v2.yaml');
    assert.equal(applied.code, 0, applied.stderr);
    let sentMs = 0;
    await eventually('a page of version 2', 5000, async () => {
      sentMs = performance.now();
      const page = await get(`${demo().urls.gateway}/productpage`);
      return page.body.includes('productpage v2') ? true : undefined;
    });
    for await (const graph of graphEvents(stream)) if (hasEdge(graph, 'istio-ingressgateway', 'productpage', 'v2')) break;
    const tookMs = performance.now() - sentMs;
    leaving.abort();
    assert.ok(tookMs < 2000, `it took ${Math.round(tookMs)} ms`);
  });
}

async function* graphEvents(stream: Response): AsyncGenerator<GraphEvent['graph']> {
  let text = '';
  for await (const chunk of stream.body ?? []) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (/^event: ?graph$/m.test(block) && data !== undefined) yield (JSON.parse(data) as GraphEvent).graph;
    }
  }
}

/** Over the service between them. */
function hasEdge({ elements }: GraphEvent['graph'], from: string, app: string, version: string): boolean {
  const id = (wanted: (node: (typeof elements.nodes)[number]['data']) => boolean): string =>
    elements.nodes.find(({ data }) => wanted(data))?.data.id ?? '-';
  const source = id((node) => node.app === from);
  const service = id((node) => node.nodeType === 'service' && node.service === app);
  const target = id((node) => node.app === app && node.version === version);
  const has = (a: string, b: string): boolean => elements.edges.some(({ data }) => data.source === a && data.target === b);
  return has(source, service) && has(service, target);
}

function survival(demo: () => Demo): void {
  test('a control plane killed with SIGKILL knows what it knew a second before', async () => {
    const selector = 'istio_requests_total{reporter="destination",destination_service_name="productpage"}';
    const total = `sum(${selector})`;
    // What was told two seconds ago is on the disk.
    let before = 0;
    let sinceMs = performance.now();
    await eventually('the count rests', 20_000, async () => {
      const now = await queryValue(demo(), total);
      if (now !== before) sinceMs = performance.now();
      before = now;
      return performance.now() - sinceMs > 2000 ? true : undefined;
    });
    const traces = async (): Promise<number> =>
      ((await (await fetch(`${demo().urls.console}/jaeger/api/traces?service=details.bookinfo&limit=100`)).json()) as { data: unknown[] }).data
        .length;
    const tracesBefore = await traces();
    assert.ok(before >= REQUESTS && tracesBefore > 0);
    const killedAt = Date.now() / 1000;
    process.kill(controlPlaneOf(demo().pid)?.pid ?? assert.fail('no control plane'), 'SIGKILL');
    await eventually('the control plane answers again', 15_000, async () => ((await queryValue(demo(), total)) > 0 ? true : undefined));
    // What was told before the end, as of that moment.
    assert.equal(await queryValue(demo(), `sum(${selector} @ ${killedAt})`), before);
    assert.ok((await traces()) >= tracesBefore);
    await get(`${demo().urls.gateway}/productpage`);
    await eventually('counting goes on', TOLD_MS, async () => ((await queryValue(demo(), total)) >= before + 1 ? true : undefined));
  });
}
