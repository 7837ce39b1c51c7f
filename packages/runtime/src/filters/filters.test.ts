import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maskAddress, parseIp } from '../compile/cidr.ts';
import { SharedNumbers, sharedBytes } from '../shared/numbers.ts';
import { filterBench, filterFaults, type FilterBench } from '../testing/filters.ts';
import { any, request } from '../testing/samples.ts';
import type { FilterContext, FilterResponse, FilterVerdict } from './types.ts';
import { HTTP_FILTERS } from './index.ts';

const name = (kind: string): string => `envoy.extensions.filters.http.${kind}`;
const ALL = { default_value: { numerator: 100 } };

/** The head of a response as hooks see it. */
function response(headers: Readonly<Record<string, string>>, more: Partial<FilterResponse> = {}): FilterResponse {
  return {
    status: 200,
    local: false,
    endOfStream: false,
    header: (wanted) => headers[wanted],
    format: { format: (operator, argument) => (operator === 'RESP' ? headers[argument] : undefined) },
    request: request('/'),
    ...more,
  };
}

const encodingOf = (verdict: FilterVerdict | undefined, head: FilterResponse): string | undefined =>
  verdict?.response?.onResponse(head)?.edits?.find((edit) => edit.name === 'content-encoding')?.value;

test('kinds are told apart, by name and by type', () => {
  const names = HTTP_FILTERS.map((kind) => kind.t);
  const types = HTTP_FILTERS.flatMap((kind) => kind.types);
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(types).size, types.length);
  for (const kind of HTTP_FILTERS) assert.equal(kind.overrideTypes.length > 0, kind.decodeOverride !== undefined, kind.t);
});

test('a token bucket never lets more pass than it holds and gets', () => {
  const run = fc.record({
    max: fc.integer({ min: 1, max: 20 }),
    perFill: fc.integer({ min: 1, max: 5 }),
    gaps: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }),
  });
  fc.assert(
    fc.property(run, ({ max, perFill, gaps }) => {
      const bench = filterBench(name('local_ratelimit.v3.LocalRateLimit'), {
        stat_prefix: 's',
        token_bucket: { max_tokens: max, tokens_per_fill: perFill, fill_interval: '1s' },
        filter_enabled: ALL,
        filter_enforced: ALL,
      });
      let now = 0;
      let passed = 0;
      for (const gap of gaps) {
        now += gap;
        if (bench.decide({ nowMs: now })?.reply === undefined) passed++;
        assert.ok(passed <= max + (now / 1000) * perFill + 1e-6);
      }
    }),
    { numRuns: 100 },
  );
});

test('tokens come back, one by one', () => {
  const bench = filterBench(name('local_ratelimit.v3.LocalRateLimit'), {
    stat_prefix: 's',
    token_bucket: { max_tokens: 2, tokens_per_fill: 1, fill_interval: '10s' },
    filter_enabled: ALL,
    filter_enforced: ALL,
  });
  const passes = (nowMs: number): boolean => bench.decide({ nowMs })?.reply === undefined;
  assert.deepEqual([0, 0, 0, 9_999, 10_000, 10_000, 60_000, 60_000, 60_000].map(passes), [true, true, false, false, true, false, true, true, false]);
  assert.equal(bench.counted.get('s.http_local_rate_limit.rate_limited'), 4);
});

test('a limit that cannot be kept is refused', () => {
  const limit = (fields: object): readonly string[] => filterFaults(name('local_ratelimit.v3.LocalRateLimit'), { stat_prefix: 's', ...fields });
  assert.deepEqual(limit({ token_bucket: { max_tokens: 1, fill_interval: '0.01s' } }), ['token_bucket.fill_interval: must be at least 50 ms']);
  assert.match(limit({ local_cluster_rate_limit: {} }).join(), /local_cluster_rate_limit: sharing a limit/);
  const route = { route: { cluster: 'c', rate_limits: [{ disable_key: 'k', actions: [{ source_cluster: {} }] }] } };
  const faults = filterFaults(name('local_ratelimit.v3.LocalRateLimit'), { stat_prefix: 's' }, route).join('\n');
  assert.match(faults, /disable_key: there is no runtime layer/);
  assert.match(faults, /source_cluster: the name of the proxy/);
});

test('addresses in part', () => {
  assert.equal(maskAddress('10.1.2.3', 16, 64), '10.1.0.0/16');
  assert.equal(maskAddress('2001:db8:0:1::5', 16, 48), '2001:db8::/48');
  assert.equal(maskAddress('::1', 16, 128), '::1/128');
  assert.equal(maskAddress('::1', 16, 0), '::/0');
  assert.equal(maskAddress('nobody', 16, 0), undefined);
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const masked = maskAddress(address, 32, 128)?.split('/')[0] ?? '';
      assert.equal(parseIp(masked)?.value, parseIp(address)?.value, `${address} ${masked}`);
    }),
  );
});

const GZIP = { compressor_library: { name: 'gzip', typed_config: any('envoy.extensions.compression.gzip.compressor.v3.Gzip', {}) } };

test('what is compressed, and for whom', () => {
  const bench: FilterBench = filterBench(name('compressor.v3.Compressor'), GZIP);
  const html = response({ 'content-type': 'text/html; charset=utf-8', 'content-length': '100' });
  const asks = (accepted: string, head = html): string | undefined =>
    encodingOf(bench.decide({ request: request('/', 'a', { 'accept-encoding': accepted }) }), head);
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['gzip;q=0', undefined],
    ['gzip;q=0.001', 'gzip'],
    ['*', 'gzip'],
    ['*;q=0', undefined],
    ['gzip;q=0, *', undefined],
    ['br', undefined],
    ['identity;q=1, gzip;q=0.9', undefined],
    ['gzip;q=nonsense', undefined],
    ['', undefined],
    [',,;q=;;', undefined],
  ];
  for (const [accepted, expected] of cases) assert.equal(asks(accepted), expected, accepted);
  assert.equal(asks('gzip', response({ 'content-type': 'text/html', 'content-length': '29' })), undefined);
  assert.equal(asks('gzip', { ...html, endOfStream: true }), undefined);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('g', 'gzip', 'br', '*', ',', ';', 'q=', '0', '1', '.', ' '), maxLength: 12 }), (accepted) => {
      const chosen = asks(accepted);
      assert.ok(chosen === undefined || accepted.includes('gzip') || accepted.includes('*'));
    }),
  );
});

test('a library that is not there is named', () => {
  const lz4 = { compressor_library: { name: 'lz4', typed_config: any('acme.Lz4', {}) } };
  assert.deepEqual(filterFaults(name('compressor.v3.Compressor'), lz4), [
    'compressor_library.typed_config: extension "lz4" of type acme.Lz4 is not supported by this proxy',
  ]);
  const requests = { ...GZIP, request_direction_config: { common_config: { enabled: { default_value: true } } } };
  assert.match(filterFaults(name('compressor.v3.Compressor'), requests).join(), /request_direction_config: compressing requests/);
});

test('the authorization filter asks, and tells when it cannot', () => {
  const type = name('ext_authz.v3.ExtAuthz');
  const service = { grpc_service: { envoy_grpc: { cluster_name: 'c' } } };
  assert.notEqual(filterBench(type, service).decide()?.ask, undefined);
  const body = filterBench(type, { ...service, with_request_body: { max_request_bytes: 10, allow_partial_message: true } });
  assert.deepEqual([body.decide({ endOfStream: true })?.body, body.decide({ endOfStream: false })?.body?.maxBytes], [undefined, 10]);
  assert.match(filterFaults(type, { grpc_service: { google_grpc: { target_uri: 'x' } } }).join(), /envoy_grpc: missing; google_grpc/);
  assert.match(
    filterFaults(type, { ...service, typed_metadata_context_namespaces: ['x'] }).join(),
    /typed_metadata_context_namespaces: not supported/,
  );
  assert.match(filterFaults(type, {}).join(), /neither grpc_service nor http_service/);
});

test('the rate-limit filter asks only about what has a descriptor', () => {
  const type = name('ratelimit.v3.RateLimit');
  const config = { domain: 'd', rate_limit_service: { grpc_service: { envoy_grpc: { cluster_name: 'c' } } } };
  const rules = { route: { cluster: 'c', rate_limits: [{ actions: [{ request_headers: { header_name: 'x', descriptor_key: 'x' } }] }] } };
  const bench = filterBench(type, config, { route: rules });
  assert.equal(bench.decide(), undefined);
  assert.deepEqual((bench.decide({ request: request('/', 'a', { x: '1' }) })?.ask as { descriptors: unknown } | undefined)?.descriptors, [
    [{ key: 'x', value: '1' }],
  ]);
  assert.equal(filterBench(type, config).http.filters.of(undefined, undefined).length, 0);
});

test('state of the stream: texts, and nothing else', () => {
  const type = name('set_filter_state.v3.Config');
  const value = (more: object): object => ({
    on_request_headers: [{ object_key: 'envoy.string', format_string: { text_format_source: { inline_string: 'x' } }, ...more }],
  });
  const faultsOf = (more: object): string => filterFaults(type, value(more)).join('\n');
  assert.equal(faultsOf({}), '');
  assert.match(faultsOf({ object_key: 'envoy.tcp_proxy.cluster' }), /factory_key: "envoy.tcp_proxy.cluster" is not supported/);
  assert.match(faultsOf({ read_only: true }), /read_only: state that nobody may replace/);
  assert.match(faultsOf({ shared_with_upstream: 'ONCE' }), /shared_with_upstream: state that upstreams see/);
  assert.match(faultsOf({ format_string: { text_format_source: { inline_string: '%NONSENSE%' } } }), /NONSENSE/);
  assert.match(faultsOf({ format_string: {} }), /format_string: expected text/);
});

test('threads share the buckets of a virtual host, whichever route is first, and tell those of routes without names apart', () => {
  const type = name('local_ratelimit.v3.LocalRateLimit');

  const limit = (max_tokens: number): object => ({
    typed_per_filter_config: {
      subject: any(type, {
        stat_prefix: 's',
        token_bucket: { max_tokens, tokens_per_fill: 1, fill_interval: '86400s' },
        filter_enabled: ALL,
        filter_enforced: ALL,
      }),
    },
  });
  const to = (path: string, more: object = {}): object => ({ match: { prefix: path }, route: { cluster: 'c' }, ...more });
  const routes = [to('/a', { name: 'a' }), to('/b', { name: 'b' }), to('/c', limit(1)), to('/d', limit(1))];
  const numbers = new SharedNumbers(new SharedArrayBuffer(sharedBytes(16)));
  const threads = [0, 1].map(() => filterBench(type, { stat_prefix: 's' }, { virtualHost: { ...limit(3), routes } }));
  const passes = (thread: number, path: string): boolean =>
    threads[thread]?.decide({ request: request(path), shared: { numbers, offsetMs: 0 } })?.reply === undefined;
  assert.deepEqual([passes(0, '/a'), passes(1, '/b'), passes(0, '/b'), passes(1, '/a')], [true, true, true, false]);
  assert.deepEqual([passes(0, '/c'), passes(1, '/d'), passes(1, '/c'), passes(0, '/d')], [true, true, false, false]);
});

test('a request that is no health check leaves one and the same hook, idle until the proxy is to fail its checks', () => {
  const bench = filterBench(name('health_check.v3.HealthCheck'), {
    pass_through_mode: false,
    headers: [{ name: ':path', string_match: { exact: '/healthz' } }],
  });
  let failing = false;
  const thread: FilterContext['thread'] = {
    random: () => 0,
    nowMs: () => 0,
    wallMs: () => 0,
    activeFaults: 0,
    get failing() {
      return failing;
    },
    serviceCluster: '',
    hosts: () => undefined,
    tally: () => ({ value: 0 }),
  };
  const verdict = bench.decide({ thread });
  assert.equal(bench.decide({ thread }), verdict, 'nothing is made for each request');
  const hook = verdict?.response;
  assert.deepEqual([hook?.idle?.(), hook?.onResponse(response({}))], [true, undefined]);
  failing = true;
  assert.equal(hook?.idle?.(), false);
  assert.equal(hook.onResponse(response({}))?.edits?.[0]?.name, 'x-envoy-immediate-health-check-fail');
});
