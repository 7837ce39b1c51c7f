import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBatchEncoder } from './batch.ts';
import { formatFamilies, writeExposition } from './exposition.ts';
import { parseExposition } from './exposition-parse.ts';
import { createPeer, resolvePeer } from './peer.ts';
import { createStandardMetrics } from './recorder.ts';
import { createMetricRegistry, observe } from './registry.ts';
import { REQUEST_LABELS, workloadLabels } from './standard.ts';

const local = workloadLabels('productpage-v1', 'bookinfo', { app: 'productpage', version: 'v1' }, 'meltemi');
const service = { host: 'reviews.bookinfo.svc.cluster.local', name: 'reviews', namespace: 'bookinfo' };

test('request metrics carry exactly the labels of Istio, gRPC one more, TCP two fewer', () => {
  const registry = createMetricRegistry();
  const metrics = createStandardMetrics({ registry, local, now: () => 0 });
  const peer = createPeer(
    0,
    workloadLabels('reviews-v2', 'bookinfo', { app: 'reviews', version: 'v2' }, 'meltemi'),
    'spiffe://cluster.local/ns/bookinfo/sa/reviews',
  );
  metrics
    .edge({ reporter: 'source', peer, service, protocol: 'http', security: 'unknown' })
    .request({ responseCode: 200, flags: '', grpcStatus: undefined, durationMs: 7, requestBytes: 0, responseBytes: 10 });
  metrics
    .edge({ reporter: 'source', peer, service, protocol: 'grpc', security: 'unknown' })
    .request({ responseCode: 200, flags: '-', grpcStatus: 14, durationMs: 7, requestBytes: 0, responseBytes: 10 });
  metrics.edge({ reporter: 'destination', peer, service, protocol: 'tcp', security: 'mutual_tls', sourcePrincipal: 'spiffe://a' }).tcpBytes(5, 6);
  const rows = new Map<string, Record<string, string>>();
  registry.collect(0, (row) => void rows.set(`${row.name} ${row.labels['request_protocol']}`, row.labels));
  const all = [...REQUEST_LABELS];
  assert.deepEqual(Object.keys(rows.get('istio_requests_total grpc') ?? {}).toSorted(), all.toSorted());
  assert.deepEqual(Object.keys(rows.get('istio_requests_total http') ?? {}).toSorted(), all.filter((l) => l !== 'grpc_response_status').toSorted());
  const tcp = rows.get('istio_tcp_sent_bytes_total tcp') ?? {};
  assert.deepEqual(Object.keys(tcp).toSorted(), all.filter((l) => !['grpc_response_status', 'response_code'].includes(l)).toSorted());
  assert.deepEqual(
    [tcp['source_workload'], tcp['destination_workload'], tcp['source_principal'], tcp['destination_principal']],
    ['reviews-v2', 'productpage-v1', 'spiffe://a', 'unknown'],
  );
});

test('labels learnt after `unknown` was exported begin a new series, the old one stands', () => {
  const registry = createMetricRegistry();
  const peer = createPeer(0);
  const edge = createStandardMetrics({ registry, local, now: () => 0 }).edge({
    reporter: 'source',
    peer,
    service,
    protocol: 'http',
    security: 'unknown',
  });
  const seen = (nowMs: number): Record<string, number> => {
    const values: Record<string, number> = {};
    registry.collect(nowMs, (row) => {
      if (row.name === 'istio_requests_total') values[row.labels['destination_workload'] ?? ''] = row.value;
    });
    return values;
  };
  edge.request({ responseCode: 200, flags: '-', grpcStatus: undefined, durationMs: 1, requestBytes: 0, responseBytes: 0 });
  assert.deepEqual(seen(1999), {});
  assert.deepEqual(seen(2000), { unknown: 1 });
  resolvePeer(peer, local);
  edge.request({ responseCode: 200, flags: '-', grpcStatus: undefined, durationMs: 1, requestBytes: 0, responseBytes: 0 });
  assert.deepEqual(seen(2500), { unknown: 1, 'productpage-v1': 1 });
});

test('idle series go, come back, and the number of series is bounded', () => {
  const registry = createMetricRegistry({ maxSeries: 8, idleMs: 1000 });
  const peer = createPeer(0, local);
  const edge = createStandardMetrics({ registry, local, now: () => 0 }).edge({
    reporter: 'source',
    peer,
    service,
    protocol: 'http',
    security: 'unknown',
  });
  const encoder = createBatchEncoder({ registry, node: { workload: 'a' } });
  edge.request({ responseCode: 200, flags: '-', grpcStatus: undefined, durationMs: 1, requestBytes: 0, responseBytes: 0 });
  assert.equal(encoder.next(0).series?.length, 4);
  assert.deepEqual(encoder.next(500), { sequence: 2, time_ms: 500 });
  assert.equal(encoder.next(2000).retired_ids?.length, 4);
  for (let code = 200; code < 300; code++)
    edge.request({ responseCode: code, flags: '-', grpcStatus: undefined, durationMs: 1, requestBytes: 0, responseBytes: 0 });
  assert.ok(registry.size <= 12 && registry.overflowed > 0);
  const total = encoder.next(3000);
  assert.ok(total.series?.some((one) => one.labels?.['overflow'] === 'true'));
});

test('spans and lines are sent again until they are acknowledged, the queue is bounded', () => {
  const encoder = createBatchEncoder({ registry: createMetricRegistry(), node: { workload: 'a' }, maxQueued: 3 });
  for (let i = 0; i < 5; i++) encoder.addLog({ text: `line ${i}` });
  assert.equal(encoder.dropped, 2);
  const texts = (nowMs: number): (string | undefined)[] | undefined => encoder.next(nowMs).logs?.map((line) => line.text);
  assert.deepEqual(texts(1), ['line 2', 'line 3', 'line 4']);
  assert.equal(texts(2), undefined);
  encoder.reset();
  assert.deepEqual(texts(3), ['line 2', 'line 3', 'line 4']);
  encoder.acknowledged(1);
  encoder.reset();
  assert.equal(texts(4), undefined);
});

test('the text format reads back as it was written', () => {
  const text = fc.string({ unit: 'grapheme' });
  const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ name, value: fc.double({ noNaN: true }), labels: fc.dictionary(name, text), help: text }), {
        selector: (one) => one.name,
        maxLength: 5,
      }),
      (metrics) => {
        const registry = createMetricRegistry();
        for (const one of metrics) {
          registry.describe(one.name, one.help);
          registry.gauge(one.name, one.labels, 0).value = one.value;
        }
        const written = writeExposition(registry, 0);
        const parsed = parseExposition(written);
        assert.deepEqual(parsed.errors, []);
        assert.deepEqual(
          parsed.families.map((f) => [f.name, f.type, f.samples[0]?.labels, f.samples[0]?.value]),
          metrics.map((m) => [m.name, 'gauge', { ...m.labels }, m.value === 0 ? 0 : m.value]),
        );
        assert.deepEqual(parseExposition(formatFamilies(parsed.families)), parsed);
      },
    ),
  );
  fc.assert(fc.property(fc.string(), (any) => void parseExposition(any)));
});

test('histograms and what applications write', () => {
  const registry = createMetricRegistry();
  const histogram = registry.histogram('d', { path: '/"x"' }, [1, 10], 0);
  for (const value of [0.5, 1, 5, 100]) observe(histogram, value);
  assert.equal(
    writeExposition(registry, 0),
    '# TYPE d histogram\nd_bucket{path="/\\"x\\"",le="1"} 2\nd_bucket{path="/\\"x\\"",le="10"} 3\nd_bucket{path="/\\"x\\"",le="+Inf"} 4\nd_sum{path="/\\"x\\""} 106.5\nd_count{path="/\\"x\\""} 4\n',
  );
  const parsed = parseExposition(
    '# HELP x a\\nb\n# TYPE x counter\nx_total{a="1",} 3 1700000000000 # {trace_id="z"} 1\nbad{ 1\n# EOF\nnodejs_eventloop_lag NaN\n9bad 1\n',
  );
  assert.deepEqual(
    parsed.families.map((f) => [f.name, f.type, f.samples.length]),
    [
      ['x', 'counter', 1],
      ['nodejs_eventloop_lag', 'untyped', 1],
    ],
  );
  assert.deepEqual(
    parsed.errors.map((e) => e.line),
    [4, 7],
  );
});
