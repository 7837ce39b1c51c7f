import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRuntimeState } from './state.ts';
import { any, cluster, endpoints, sequence, socket } from './testing/samples.ts';
import type { CompiledCluster, RuntimeState } from './compiled.ts';

const NAME = 'outbound|9080||reviews';
const eds = (more: object = {}): object => ({ name: NAME, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } }, ...more });
const endpoint = (address: string, more: object = {}): object => ({ endpoint: { address: socket(address, 9080) }, ...more });
const assignment = (localities: readonly object[], more: object = {}): object => ({ cluster_name: NAME, endpoints: localities, ...more });

function build(config: object, assigned: object): { readonly state: RuntimeState; readonly made: CompiledCluster } {
  const state = createRuntimeState(() => 0);
  state.apply({ clusters: [cluster(config)], endpoints: [endpoints(assigned)] });
  const made = state.cluster(NAME);
  if (made === undefined) throw new Error('no cluster');
  return { state, made };
}

function spread(made: CompiledCluster, picks: number, nowMs = 0): Record<string, number> {
  const random = sequence();
  const counts: Record<string, number> = {};
  for (let at = 0; at < picks; at++) {
    const key = made.pick(random, nowMs)?.key ?? 'none';
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

test('round robin takes turns; weights give shares', () => {
  const even = build(eds(), assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.3')] }])).made;
  assert.deepEqual(spread(even, 300), { '10.0.0.1:9080': 100, '10.0.0.2:9080': 100, '10.0.0.3:9080': 100 });
  const uneven = build(eds(), assignment([{ lb_endpoints: [endpoint('10.0.0.1', { load_balancing_weight: 3 }), endpoint('10.0.0.2')] }])).made;
  const counts = spread(uneven, 1000);
  assert.ok(Math.abs((counts['10.0.0.1:9080'] ?? 0) - 750) <= 3, JSON.stringify(counts));
});

test('least request avoids the busy host', () => {
  const { made } = build(eds({ lb_policy: 'LEAST_REQUEST' }), assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]));
  const [busy] = made.hosts();
  if (busy !== undefined) busy.active = 5;
  assert.deepEqual(spread(made, 100), { '10.0.0.2:9080': 100 });
});

test('hosts stay the same object over an update, and leave when gone', () => {
  const { state, made } = build(eds(), assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]));
  const [first, second] = made.hosts();
  const change = state.apply({
    endpoints: [endpoints(assignment([{ lb_endpoints: [endpoint('10.0.0.1', { load_balancing_weight: 2 }), endpoint('10.0.0.9')] }]))],
  });
  assert.equal(state.cluster(NAME)?.hosts()[0], first);
  assert.equal(first?.endpoint.weight, 2);
  assert.deepEqual(change.removedHosts, [second]);
  assert.equal(second?.removed, true);
});

test('unhealthy hosts are left out until too few are left', () => {
  const sick = { health_status: 'UNHEALTHY' };
  const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const one = build(eds(), assignment([{ lb_endpoints: hosts.map((address, index) => endpoint(address, index === 0 ? sick : {})) }])).made;
  assert.equal(spread(one, 300)['10.0.0.1:9080'], undefined);
  const three = build(eds(), assignment([{ lb_endpoints: hosts.map((address, index) => endpoint(address, index < 3 ? sick : {})) }])).made;
  assert.equal(Object.keys(spread(three, 400)).length, 4, 'panic: below half, all are used');
  const calm = build(eds({ common_lb_config: { healthy_panic_threshold: {} } }), assignment([{ lb_endpoints: [endpoint('10.0.0.1', sick)] }])).made;
  assert.equal(
    calm.pick(() => 0, 0),
    undefined,
  );
});

test('priorities spill over by health', () => {
  const { made } = build(
    eds(),
    assignment([{ priority: 1, lb_endpoints: [endpoint('10.0.1.1')] }, { lb_endpoints: [endpoint('10.0.0.1', { health_status: 'UNHEALTHY' })] }]),
  );
  assert.deepEqual(spread(made, 50), { '10.0.1.1:9080': 50 });
});

test('locality weights', () => {
  const { made } = build(
    eds({ common_lb_config: { locality_weighted_lb_config: {} } }),
    assignment([
      { locality: { zone: 'a' }, load_balancing_weight: 3, lb_endpoints: [endpoint('10.0.0.1')] },
      { locality: { zone: 'b' }, load_balancing_weight: 1, lb_endpoints: [endpoint('10.0.0.2'), endpoint('10.0.0.3')] },
    ]),
  );
  const counts = spread(made, 800);
  assert.ok(Math.abs((counts['10.0.0.1:9080'] ?? 0) - 600) <= 4, JSON.stringify(counts));
});

test('outlier detection ejects after consecutive failures and lets back in', () => {
  const config = eds({ outlier_detection: { consecutive_5xx: 3, enforcing_success_rate: 0, base_ejection_time: '10s', max_ejection_percent: 50 } });
  const { made } = build(config, assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]));
  const [bad, good] = made.hosts();
  if (bad === undefined || good === undefined) throw new Error('two hosts expected');
  for (const outcome of [500, 500, 200, 503, 'local'] as const) made.report(bad, outcome, 1000);
  assert.equal(bad.ejectedUntilMs, 0);
  made.report(bad, 500, 1000);
  assert.deepEqual(spread(made, 20, 1001), { '10.0.0.2:9080': 20 });
  for (let at = 0; at < 3; at++) made.report(good, 500, 1002);
  assert.equal(good.ejectedUntilMs, 0, 'no more than half may be ejected');
  assert.equal(Object.keys(spread(made, 20, 11_000)).length, 2);
});

test('a scan every 5 minutes, 7 errors in a row, out for 15 minutes, each time longer: on a moved clock', () => {
  const MINUTE = 60_000;
  const outlier_detection = {
    consecutive_5xx: 7,
    enforcing_success_rate: 0,
    interval: '300s',
    base_ejection_time: '900s',
    max_ejection_time: '9000s',
    max_ejection_percent: 50,
  };
  const assigned = assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]);
  const { state, made } = build(eds({ outlier_detection, common_lb_config: { healthy_panic_threshold: {} } }), assigned);
  const [bad] = made.hosts();
  if (bad === undefined) return;
  const fail = (times: number, nowMs: number): void => {
    for (let at = 0; at < times; at++) made.report(bad, 503, nowMs);
  };
  const served = (nowMs: number): boolean => spread(made, 20, nowMs)['10.0.0.1:9080'] !== undefined;
  // The first look is where the scans count from.
  made.report(bad, 200, 0);
  fail(6, MINUTE);
  made.report(bad, 200, MINUTE);
  fail(6, MINUTE);
  assert.ok(served(MINUTE), 'seven in a row, not thirteen in all');
  fail(1, MINUTE);
  assert.ok(!served(MINUTE));
  // Scans fall on minutes 5, 10, 15, …: the one after 1 + 15 lets it back.
  assert.ok(!served(19.9 * MINUTE));
  assert.ok(served(20 * MINUTE));
  fail(7, 21 * MINUTE);
  // The second time is twice as long: 21 + 30, seen by the scan at 55.
  assert.ok(!served(54.9 * MINUTE));
  assert.ok(served(55 * MINUTE));
  fail(7, 56 * MINUTE);
  assert.ok(!served(57 * MINUTE));
  // Other rules begin with a clean slate.
  state.apply({ clusters: [cluster(eds())] });
  assert.ok(spread(state.cluster(NAME) as CompiledCluster, 20, 57 * MINUTE)['10.0.0.1:9080'] !== undefined);
});

test('where statuses are named that fail, they alone do', () => {
  const matches = (status: string): object => ({ http_response_headers_match: { headers: [{ name: ':status', string_match: { exact: status } }] } });
  const config = eds({
    outlier_detection: { consecutive_5xx: 2, enforcing_success_rate: 0, base_ejection_time: '10s', max_ejection_percent: 50 },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
        explicit_http_config: { http_protocol_options: {} },
        outlier_detection: { error_matcher: { or_match: { rules: [matches('429'), matches('503')] } } },
      }),
    },
  });
  const { made } = build(config, assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]));
  const [host] = made.hosts();
  if (host === undefined) throw new Error('two hosts expected');
  for (const outcome of [429, 500, 503, 200, 500, 500, 429] as const) made.report(host, outcome, 1000);
  assert.equal(host.ejectedUntilMs, 0, '500 ends the row as a success does');
  made.report(host, 503, 1000);
  assert.deepEqual(spread(made, 20, 1001), { '10.0.0.2:9080': 20 });
});

test('a host that could not be ejected at first is ejected later; failures are remembered over an update', () => {
  const config = eds({ outlier_detection: { consecutive_5xx: 3, enforcing_success_rate: 0, base_ejection_time: '10s', max_ejection_percent: 50 } });
  const both = assignment([{ lb_endpoints: [endpoint('10.0.0.1'), endpoint('10.0.0.2')] }]);
  const { made, state } = build(config, both);
  const [one, two] = made.hosts();
  if (one === undefined || two === undefined) throw new Error('two hosts expected');
  for (let at = 0; at < 3; at++) made.report(one, 500, 1000);
  for (let at = 0; at < 4; at++) made.report(two, 500, 1001);
  assert.equal(two.ejectedUntilMs, 0, 'no more than half may be ejected');
  for (let at = 0; at < 2; at++) made.report(two, 500, 20_000);
  assert.equal(two.ejectedUntilMs, 31_000, 'one of before and two of now; it ends with an interval');
  for (let at = 0; at < 2; at++) made.report(one, 500, 40_000);
  state.apply({ endpoints: [endpoints(both)] });
  state.cluster(NAME)?.report(one, 500, 40_000);
  assert.equal(one.ejectedUntilMs, 51_000);
});

test('transport by endpoint metadata; avoided hosts; dropped requests', () => {
  const tls = any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', { sni: 'reviews', common_tls_context: {} });
  const { made } = build(
    eds({
      transport_socket_matches: [
        { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: { name: 'tls', typed_config: tls } },
        {
          name: 'tlsMode-disabled',
          match: {},
          transport_socket: { name: 'raw', typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}) },
        },
      ],
    }),
    assignment(
      [
        {
          lb_endpoints: [
            endpoint('10.0.0.1', {
              metadata: {
                filter_metadata: {
                  'envoy.transport_socket_match': { tlsMode: 'istio' },
                  istio: { workload: 'reviews-v1;bookinfo;reviews;v1;meltemi' },
                },
              },
            }),
            endpoint('10.0.0.2'),
          ],
        },
      ],
      { policy: { drop_overloads: [{ category: 'x', drop_percentage: { numerator: 20 } }] } },
    ),
  );
  const [mesh, plain] = made.hosts();
  assert.deepEqual([mesh?.transport.t, plain?.transport.t], ['tls', 'raw']);
  assert.equal(mesh?.endpoint.workload?.name, 'reviews-v1');
  assert.equal(mesh?.endpoint.workload?.app, 'reviews');
  if (mesh === undefined) throw new Error('a host expected');
  for (let at = 0; at < 5; at++)
    assert.equal(
      made.pick(() => 0, 0, { rejects: (host) => host === mesh, attempts: 2 }),
      plain,
    );
  assert.deepEqual([made.drop(0.1), made.drop(0.9)], [undefined, 'DO']);
});

test('original destination: one host per address', () => {
  const { made } = build({ name: NAME, type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' }, assignment([]));
  const host = made.originalDst({ address: '192.0.2.1', port: 443 });
  assert.equal(made.originalDst({ address: '192.0.2.1', port: 443 }), host);
  assert.equal(host.key, '192.0.2.1:443');
});
