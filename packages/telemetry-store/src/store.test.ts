import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import {
  createBatchEncoder,
  createMetricRegistry,
  createPeer,
  createStandardMetrics,
  instantQuery,
  rangeQuery,
  resolvePeer,
  trustedRegex,
  workloadLabels,
  type RequestOutcome,
  type TelemetryBatch,
} from '@meltemi/telemetry';
import fc from 'fast-check';
import { openTelemetryStore, type TelemetryStore, type TelemetryStoreOptions } from './store.ts';

/** Near the present: segments are pruned by the age of their files. */
const T0 = Math.floor(Date.now() / 1000) * 1000;
const identity = { namespace: 'bookinfo', serviceAccount: 'productpage', principal: 'spiffe://cluster.local/ns/bookinfo/sa/productpage' };
const node = {
  workload: 'productpage-v1',
  namespace: 'bookinfo',
  app: 'productpage',
  version: 'v1',
  instance: 'productpage-v1-1',
  address: '10.0.0.2',
  component: 'proxy',
};
const reviews = { host: 'reviews.bookinfo.svc.cluster.local', name: 'reviews', namespace: 'bookinfo' };

function ended(responseCode: number, flags: string, [durationMs, requestBytes, responseBytes]: [number, number, number]): RequestOutcome {
  return { responseCode, flags, grpcStatus: undefined, durationMs, requestBytes, responseBytes };
}

/** A proxy with a real registry and encoder, and a clock that the test turns. */
function sender(store: TelemetryStore, clock: { ms: number }) {
  const registry = createMetricRegistry();
  const metrics = createStandardMetrics({
    registry,
    local: workloadLabels('productpage-v1', 'bookinfo', { app: 'productpage', version: 'v1' }, 'meltemi'),
    now: () => clock.ms,
  });
  const encoder = createBatchEncoder({ registry, node });
  const pods = [0, 1].map(() => createPeer(clock.ms, workloadLabels('reviews-v1', 'bookinfo', { app: 'reviews', version: 'v1' }, 'meltemi')));
  let requests = 0;
  let stream = store.open(identity);
  return {
    encoder,
    /** Two pods of one workload: their series are exported as one. */
    edge: (peer = pods[requests++ % 2] ?? createPeer(clock.ms)) =>
      metrics.edge({ reporter: 'source', peer, service: reviews, protocol: 'http', security: 'unknown', sourcePrincipal: identity.principal }),
    tick(seconds = 1) {
      for (let i = 0; i < seconds; i++) {
        clock.ms += 1000;
        assert.deepEqual(stream.ingest(encoder.next(clock.ms)).refused, undefined);
      }
    },
    reconnect(to: TelemetryStore) {
      stream = to.open(identity);
      encoder.reset();
    },
  };
}

function values(store: TelemetryStore, query: string, atMs: number): number[] {
  const result = instantQuery({ source: store.metrics, regex: trustedRegex }, query, atMs);
  return result.t === 'vector' ? result.samples.map((s) => s.value) : [];
}

function memory(clock: { ms: number }, more: Partial<TelemetryStoreOptions> = {}): TelemetryStore {
  return openTelemetryStore({ now: () => clock.ms, log: silentLog, ...more });
}

test('a first request shows in a rate at the next batch, and a quiet series stays in the answers with rate zero', () => {
  const clock = { ms: T0 };
  const store = memory(clock);
  const proxy = sender(store, clock);
  proxy.tick(2);
  proxy.edge().request(ended(200, '-', [12, 0, 100]));
  proxy.tick();
  const [rate = 0] = values(
    store,
    'rate(istio_requests_total{destination_service_name="reviews",response_code="200",pod="productpage-v1-1"}[60s])',
    clock.ms,
  );
  assert.ok(rate > 0.015 && rate < 0.03, String(rate));
  assert.deepEqual(values(store, 'histogram_quantile(0.5, sum by (le) (istio_request_duration_milliseconds_bucket))', clock.ms), [17.5]);
  proxy.tick(120);
  assert.deepEqual(values(store, 'rate(istio_requests_total[60s])', clock.ms), [0]);
  assert.deepEqual(values(store, 'istio_requests_total', clock.ms), [1]);
  // One change, whatever the number of ticks.
  assert.ok(store.stats.bytes < 20_000, String(store.stats.bytes));
  // The sender is gone: instant selectors lose it after 15 s, not after five minutes.
  assert.deepEqual(values(store, 'istio_requests_total', clock.ms + 14_000), [1]);
  assert.deepEqual(values(store, 'istio_requests_total', clock.ms + 16_000), []);
  store.close();
});

test('labels of a peer that are learnt late are in the first export, at the latest after two seconds', () => {
  const clock = { ms: T0 };
  const store = memory(clock);
  const proxy = sender(store, clock);
  const peer = createPeer(clock.ms);
  proxy.edge(peer).request(ended(200, '-', [1, 0, 0]));
  proxy.tick();
  assert.deepEqual(values(store, 'istio_requests_total', clock.ms), []);
  resolvePeer(peer, workloadLabels('reviews-v2', 'bookinfo', { app: 'reviews', version: 'v2' }, 'meltemi'));
  proxy.tick();
  assert.deepEqual(values(store, 'istio_requests_total{destination_workload="reviews-v2"}', clock.ms), [1]);
  assert.ok((values(store, 'rate(istio_requests_total{destination_workload="reviews-v2"}[60s])', clock.ms)[0] ?? 0) > 0);
  const never = createPeer(clock.ms);
  proxy.edge(never).request(ended(503, 'UF', [1, 0, 0]));
  proxy.tick(2);
  assert.deepEqual(values(store, 'istio_requests_total{destination_workload="unknown",response_flags="UF"}', clock.ms), [1]);
  store.close();
});

test('what was stored survives a restart, also one that tore the last record', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-telemetry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { ms: T0 };
  let store = memory(clock, { folder });
  const proxy = sender(store, clock);
  for (let i = 0; i < 100; i++) {
    proxy.edge().request(ended(200, '-', [i, 0, 100]));
    proxy.encoder.addSpan({
      trace_id: (i + 1).toString(16).padStart(32, '0'),
      span_id: 'a'.repeat(16),
      name: 'GET',
      start_us: clock.ms * 1000 + 1,
      duration_us: 5,
      service: 'productpage.bookinfo',
      kind: 'CLIENT',
    });
    proxy.tick();
  }
  const question = 'sum(increase(istio_requests_total[60s]))';
  const before = values(store, question, clock.ms);
  store.maintain();
  const files = readdirSync(join(folder, 'metrics')).map((name) => join(folder, 'metrics', name));
  store.close();
  for (const file of files) appendFileSync(file, Buffer.from([9, 9, 9, 9, 1, 2, 3]));
  store = memory(clock, { folder });
  assert.deepEqual(values(store, question, clock.ms), before);
  assert.equal(store.traces.search({ service: 'productpage.bookinfo', limit: 1000 }).length, 100);
  // The proxy is still the same: it reconnects, describes everything again, and no jump or zero is seen.
  proxy.reconnect(store);
  for (let i = 0; i < 30; i++) {
    proxy.edge().request(ended(200, '-', [i, 0, 100]));
    proxy.tick();
  }
  assert.ok(Math.abs((values(store, question, clock.ms)[0] ?? 0) - 60) < 2);
  store.close();
  for (const file of files) truncateSync(file, Math.floor(statSync(file).size * 0.6));
  store = memory(clock, { folder });
  assert.ok((values(store, 'sum(max_over_time(istio_requests_total[5m]))', clock.ms)[0] ?? 0) > 40);
  store.close();
  writeFileSync(join(folder, 'metrics', '00009999.seg'), Buffer.concat([Buffer.from('MLTMSEG\0'), Buffer.from([9, 0, 0, 0])]));
  assert.throws(() => memory(clock, { folder }), /format 9, this version reads up to 1/);
});

test('segments rotate, stay within their limit and can be read without those before them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-telemetry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { ms: T0 };
  const store = memory(clock, { folder, maxMetricBytes: 2_000_000 });
  const proxy = sender(store, clock);
  for (let i = 0; i < 200; i++) {
    for (let code = 200; code < 220; code++) proxy.edge().request(ended(code, '-', [(i * 37) % 5000, i % 300, (i * 7) % 9000]));
    proxy.tick();
    store.maintain();
  }
  const files = readdirSync(join(folder, 'metrics')).toSorted();
  assert.ok(files.length > 1, files.join());
  rmSync(join(folder, 'metrics', files[0] ?? ''));
  store.close();
  const again = memory(clock, { folder });
  assert.deepEqual(values(again, 'sum(istio_requests_total)', clock.ms), [4000]);
  again.close();
});

for (const offset of [0, 4, 9, 14]) {
  test(`a rate is the same before, at and after the seam of raw and coarse samples (begun ${offset} s into a slot)`, () => {
    const clock = { ms: Math.floor(T0 / 15_000) * 15_000 + offset * 1000 };
    const store = memory(clock, { retention: { rawMs: 60_000, coarseMs: 600_000, maxBytes: 40_000_000 } });
    const proxy = sender(store, clock);
    for (let i = 0; i < 900; i++) {
      proxy.edge().request(ended(200, '-', [i % 40, 0, 100]));
      proxy.tick();
      store.maintain();
    }
    const range = rangeQuery({ source: store.metrics, regex: trustedRegex }, 'sum(increase(istio_requests_total[60s]))', {
      startMs: clock.ms - 500_000,
      endMs: clock.ms,
      stepMs: 5000,
    });
    const points = range.t === 'matrix' ? (range.series[0]?.points ?? []) : [];
    assert.equal(points.length, 101);
    for (const [, value] of points) assert.ok(Math.abs(value - 60) < 1, String(value));
    assert.equal(store.stats.evictions, 0);
    store.close();
  });
}

test('memory is bounded: raw, then coarse, then less time', () => {
  const clock = { ms: T0 };
  const small = memory(clock, { retention: { maxBytes: 60_000 } });
  const busy = sender(small, clock);
  for (let i = 0; i < 1200; i++) {
    busy.edge().request(ended(200, '-', [i % 400, i % 90, i]));
    busy.tick();
    small.maintain();
  }
  assert.ok(small.stats.evictions > 0 && small.stats.bytes < 80_000 && small.stats.rawMs < 3_600_000, JSON.stringify(small.stats));
  assert.ok((values(small, 'sum(rate(istio_requests_total[10s]))', clock.ms)[0] ?? 0) > 0.9);
  small.close();
});

test('a workload may not claim what its certificate does not say', () => {
  const clock = { ms: T0 };
  const store = memory(clock, { knowsWorkload: (_ns, _sa, workload) => workload === 'productpage-v1' });
  const claim = (labels: Record<string, string>, from = node) =>
    store.open(identity).ingest({
      sequence: 1,
      time_ms: (clock.ms += 1000),
      node: from,
      series: [{ id: 1, name: 'istio_requests_total', labels, created_ms: clock.ms }],
      sample_ids: [1],
      sample_values: [5],
    });
  assert.match(claim({}, { ...node, namespace: 'other' }).reason ?? '', /its certificate says bookinfo/);
  assert.match(claim({}, { ...node, workload: 'stranger' }).reason ?? '', /no workload stranger/);
  assert.match(
    claim({ reporter: 'source', source_workload: 'productpage-v1', source_workload_namespace: 'kube-system' }).reason ?? '',
    /claims namespace kube-system/,
  );
  assert.match(
    claim({ reporter: 'destination', destination_workload: 'reviews-v1', destination_workload_namespace: 'bookinfo' }).reason ?? '',
    /claims workload reviews-v1/,
  );
  const principal = {
    reporter: 'source',
    source_workload: 'productpage-v1',
    source_workload_namespace: 'bookinfo',
    source_principal: 'spiffe://cluster.local/ns/bookinfo/sa/admin',
  };
  assert.match(claim(principal).reason ?? '', /claims principal/);
  assert.match(claim({ __name__: 'x' }).reason ?? '', /not a label's name/);
  assert.deepEqual(values(store, '{job="proxy"}', clock.ms), []);
  // Target labels are ours: a claim of another pod is overwritten.
  assert.equal(claim({ pod: 'other' }).refused, undefined);
  assert.deepEqual(values(store, 'istio_requests_total{pod="productpage-v1-1"}', clock.ms), [5]);
  const span = { trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16), start_us: 1, duration_us: 1, service: 'ratings.other' };
  assert.match(store.open(identity).ingest({ sequence: 1, time_ms: clock.ms, node, spans: [span] }).reason ?? '', /a span of service ratings.other/);
  store.close();
});

test('no batch, however odd, throws or leaves the store unusable', () => {
  const clock = { ms: T0 };
  const store = memory(clock, { retention: { maxSeries: 500 } });
  const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom('NaN', 'Infinity', '-Infinity', 'x', '12'));
  const name = fc.oneof(fc.string(), fc.constantFrom('istio_requests_total', 'a_b'));
  const batch: fc.Arbitrary<TelemetryBatch> = fc.record(
    {
      sequence: fc.nat(),
      time_ms: number,
      node: fc.constant(node),
      series: fc.array(
        fc.record(
          {
            id: fc.nat(5),
            name,
            kind: fc.constantFrom('COUNTER' as const, 'GAUGE' as const, 'HISTOGRAM' as const),
            labels: fc.dictionary(name, fc.string()),
            created_ms: number,
            bounds: fc.array(number, { maxLength: 4 }),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 5 },
      ),
      sample_ids: fc.array(fc.nat(5)),
      sample_values: fc.array(number),
      histograms: fc.array(fc.record({ id: fc.nat(5), sum: number, counts: fc.array(number, { maxLength: 6 }) }, { requiredKeys: [] }), {
        maxLength: 3,
      }),
      retired_ids: fc.array(fc.nat(5)),
      spans: fc.array(
        fc.record(
          {
            trace_id: fc.oneof(fc.string(), fc.constant('a'.repeat(32))),
            span_id: fc.constant('b'.repeat(16)),
            start_us: number,
            duration_us: number,
            service: fc.string(),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
      logs: fc.array(fc.record({ time_ms: number, text: fc.string() }, { requiredKeys: [] }), { maxLength: 3 }),
    },
    { requiredKeys: ['node'] },
  );
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
      const stream = store.open(identity);
      for (const one of batches) {
        clock.ms += 500;
        stream.ingest(one);
      }
      store.maintain();
      instantQuery({ source: store.metrics, regex: trustedRegex }, 'sum({job="proxy"}) or {job="proxy"}', clock.ms);
    }),
    { numRuns: 300 },
  );
  assert.ok(store.stats.series <= 500);
  store.close();
});

test('logs are a ring per instance, traces are found by service, operation, tag and duration', () => {
  const clock = { ms: T0 };
  const store = memory(clock, { traces: { maxSpans: 20 }, logs: { maxLines: 10 } });
  const proxy = sender(store, clock);
  for (let i = 0; i < 30; i++) {
    proxy.encoder.addLog({ time_ms: clock.ms + i, source: 'APPLICATION', text: `line ${i}` });
    proxy.encoder.addSpan({
      trace_id: i.toString(16).padStart(32, 'a'),
      span_id: 'b'.repeat(16),
      name: i % 2 === 0 ? 'GET /a' : 'GET /b',
      start_us: clock.ms * 1000 + i,
      duration_us: i * 100,
      service: 'productpage.bookinfo',
      tags: { 'http.status_code': String(200 + i) },
    });
  }
  proxy.tick();
  assert.deepEqual(
    store.logs.query({ namespace: 'bookinfo', workload: 'productpage-v1', limit: 2 }).map((l) => l.text),
    ['line 28', 'line 29'],
  );
  assert.ok(store.logs.query({ namespace: 'bookinfo', workload: 'productpage-v1' }).length <= 11);
  assert.equal(store.traces.spanCount, 20);
  assert.equal(store.traces.search({ service: 'productpage.bookinfo', operation: 'GET /a' }).length, 10);
  assert.deepEqual(
    store.traces.search({ tags: { 'http.status_code': '229' } }).map((t) => t.durationUs),
    [2900],
  );
  assert.equal(store.traces.search({ minDurationUs: 2800 }).length, 2);
  store.close();
});

test('what a sender told in a life before is not shown as alive beside the next', () => {
  const clock = { ms: T0 };
  const store = memory(clock);
  const tell = (stream: ReturnType<TelemetryStore['open']>, name: string, isFirst: boolean): void => {
    clock.ms += 1000;
    const news = isFirst ? { series: [{ id: 1, name, kind: 'GAUGE' as const }], sample_ids: [1], sample_values: [7] } : {};
    const { refused } = stream.ingest({ node, time_ms: clock.ms, ...news });
    assert.equal(refused, undefined);
  };
  const [first, second, third] = [store.open(identity), store.open(identity), store.open(identity)];
  tell(first, 'old', true);
  tell(second, 'kept', true);
  tell(third, 'kept', true);
  // The old stream ends late: what the new one tells again stays.
  for (const stream of [first, second]) stream.close();
  for (let i = 0; i < 20; i++) tell(third, 'kept', false);
  assert.deepEqual([values(store, 'old', clock.ms), values(store, 'kept', clock.ms)], [[], [7]]);
  store.close();
});

test('spans are bounded one by one, so that their number bounds the memory of all', () => {
  const store = memory({ ms: T0 });
  const encoder = createBatchEncoder({ registry: createMetricRegistry(), node });
  const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`tag${i}`, 'x'.repeat(1000)]));
  encoder.addSpan({
    trace_id: 'a'.repeat(32),
    span_id: 'b'.repeat(16),
    name: 'x',
    start_us: T0 * 1000,
    duration_us: 1,
    service: 'productpage.bookinfo',
    tags,
  });
  const { refused, reason } = store.open(identity).ingest(encoder.next(T0));
  assert.deepEqual([refused, store.traces.spanCount], [1, 0]);
  assert.match(reason ?? '', /tags of \d+ characters, the limit is 16384/);
  store.close();
});

test('a disk that refuses is said once; when it takes again, what there is then survives', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-telemetry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { ms: T0 };
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => void said.push(message) };
  // Each flush fills a segment, so that the next one needs a new file.
  const store = memory(clock, { folder, maxMetricBytes: 800, log });
  const proxy = sender(store, clock);
  const second = (): void => {
    proxy.edge().request(ended(200, '-', [5, 0, 100]));
    proxy.tick();
    store.maintain();
  };
  for (let i = 0; i < 3; i++) second();
  rmSync(folder, { recursive: true, force: true });
  for (let i = 0; i < 3; i++) second();
  assert.equal(said.length, 1, said.join());
  mkdirSync(join(folder, 'metrics'), { recursive: true });
  for (let i = 0; i < 4; i++) second();
  store.close();
  assert.equal(said.length, 1, said.join());
  const again = memory(clock, { folder });
  assert.deepEqual(values(again, 'sum(istio_requests_total)', clock.ms), [10]);
  again.close();
});
