import { defineCase } from '../define.ts';
import { filter } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { accessLog, any, assignment, cluster, direct, edsCluster, hcm, http1, listener, ROUTER, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import { http, http2, push } from '../steps.ts';

/** Options of a connection manager whose log has the long names too. */
const long = (c: CaseContext): object => ({ access_log: [accessLog(c, { long: '%RESPONSE_FLAGS_LONG%' })] });

const INTERNAL = { use_remote_address: true, internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } };

/** The router checks these headers. */
const strict = (c: CaseContext, headers: readonly string[]): Resources =>
  http1(c, [to(c, 'main')], {
    ...long(c),
    ...INTERNAL,
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: any('filters.http.router.v3.Router', { strict_check_headers: headers }) }],
  });

/** The cluster lets an exchange live so long. */
const shortLived = (c: CaseContext, options: object = {}): Resources =>
  http1(c, [to(c, 'main', { prefix: '/' }, options)], long(c), [
    cluster(c, 'main', {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('upstreams.http.v3.HttpProtocolOptions', {
          common_http_protocol_options: { max_stream_duration: '0.2s' },
          explicit_http_config: { http_protocol_options: {} },
        }),
      },
    }),
  ]);

/** Health checks at `/hc` are answered by the share of hosts that are well. */
const watching = (c: CaseContext, clusters: Readonly<Record<string, number>>): Resources =>
  http1(c, [to(c, 'main')], {
    ...long(c),
    http_filters: [
      filter('health', 'filters.http.health_check.v3.HealthCheck', {
        pass_through_mode: false,
        headers: [{ name: ':path', string_match: { exact: '/hc' } }],
        cluster_min_healthy_percentages: Object.fromEntries(Object.entries(clusters).map(([name, value]) => [c.name(name), { value }])),
      }),
      ROUTER,
    ],
  });

/** All traffic is dropped, or nearly all: no share of chance decides. */
const dropping = (c: CaseContext, numerator: number): Resources => ({
  listeners: [listener(c, [hcm(c, [to(c, 'main')], long(c))])],
  clusters: [edsCluster(c, 'main')],
  endpoints: [
    { ...assignment(c, 'main', ['main']), policy: { drop_overloads: [{ category: 'x', drop_percentage: { numerator, denominator: 'MILLION' } }] } },
  ],
});

export const cases = [
  defineCase({
    name: 'IH: a strictly checked header has an invalid value',
    resources: (c) => strict(c, ['x-envoy-upstream-rq-timeout-ms', 'x-envoy-max-retries', 'x-envoy-retry-on']),
    steps: [
      http(
        { headers: { 'x-envoy-upstream-rq-timeout-ms': '1s' } },
        { status: 400, body: "invalid header 'x-envoy-upstream-rq-timeout-ms' with value '1s'", backend: null },
      ),
      http({ headers: { 'x-envoy-upstream-rq-timeout-ms': '5000' } }, { status: 200 }),
      http({ headers: { 'x-envoy-max-retries': 'many' } }, { status: 400 }),
      http({ headers: { 'x-envoy-retry-on': '5xx,bogus' } }, { status: 400 }),
      http({ headers: { 'x-envoy-retry-on': '5xx, gateway-error' } }, { status: 200 }),
    ],
    log: [
      { code: 400, flags: 'IH', long: 'InvalidEnvoyRequestHeaders', details: 'request_headers_failed_strict_check{x-envoy-upstream-rq-timeout-ms}' },
      { code: 200, flags: '-', long: '-' },
      { code: 400, flags: 'IH' },
      { code: 400, flags: 'IH' },
      { code: 200, flags: '-' },
    ],
  }),
  defineCase({
    name: 'the router checks only headers that it knows',
    steps: [push((c) => ({ listeners: strict(c, ['x-other']).listeners ?? [] }), { verdict: 'nack' }), http('/', { status: 200 })],
  }),
  defineCase({
    name: 'UMSDR: an exchange has lived as long as the cluster allows',
    backends: { main: [{ silent: true }] },
    resources: (c) => shortLived(c),
    steps: [http('/', { status: 504, body: 'upstream max stream duration reached' })],
    log: [{ code: 504, flags: 'UMSDR', long: 'UpstreamMaxStreamDurationReached', details: 'upstream_max_stream_duration_reached' }],
  }),
  defineCase({
    name: 'UMSDR: after the response has begun, it is cut',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc' }] },
    resources: (c) => shortLived(c),
    steps: [http('/', { status: 200, body: 'abc', complete: false })],
    log: [{ code: 200, flags: 'UMSDR', details: 'upstream_max_stream_duration_reached' }],
  }),
  defineCase({
    name: 'an exchange that has lived too long is tried again',
    backends: { main: [{ silent: true }, { body: 'second' }] },
    // How much is left of the route's time.
    random: ['0.backend.1.headers.x-envoy-expected-rq-timeout-ms'],
    resources: (c) => shortLived(c, { retry_policy: { retry_on: 'reset' } }),
    steps: [http('/', { status: 200, body: 'second' })],
    log: [{ code: 200, flags: '-', attempts: 2 }],
  }),
  defineCase({
    name: 'DO: a share is dropped',
    resources: (c) => dropping(c, 999_999),
    steps: [http('/', { status: 503, body: 'drop overload', headers: { 'x-envoy-drop-overload': 'true' } })],
    log: [{ code: 503, flags: 'DO', long: 'DropOverload', details: 'drop_overload' }],
  }),
  defineCase({
    name: 'UDO: everything is dropped',
    resources: (c) => dropping(c, 1_000_000),
    steps: [http('/', { status: 503, body: 'unconditional drop overload' })],
    log: [{ code: 503, flags: 'UDO', long: 'UnconditionalDropOverload', details: 'unconditional_drop_overload' }],
  }),
  defineCase({
    name: 'LH: a health check finds too few healthy hosts',
    resources: (c) => watching(c, { main: 25, gone: 1 }),
    steps: [http('/hc', { status: 503, body: '', backend: null })],
    log: [{ code: 503, flags: 'LH', long: 'FailedLocalHealthCheck', details: 'health_check_failed_no_cluster_found' }],
  }),
  defineCase({
    name: 'a health check finds enough healthy hosts',
    resources: (c) => watching(c, { main: 25 }),
    steps: [http('/hc', { status: 200, body: '', backend: null })],
    log: [{ code: 200, flags: '-', details: 'health_check_ok_cluster_healthy' }],
  }),
  defineCase({
    name: 'DR: the client resets its stream',
    backends: { main: [{ body: ['first', 'second'], bodyGate: 'never' }] },
    resources: (c) => http1(c, [to(c, 'main')], long(c)),
    steps: [http2({ reset: 'response' }, { status: 200, body: 'first', complete: false, rst: 'CANCEL' })],
    log: [{ code: 200, flags: 'DR', long: 'DownstreamRemoteReset', details: 'http2.remote_reset' }],
  }),
  defineCase({
    name: '400 ends the connection',
    resources: (c) => http1(c, [direct('x', { prefix: '/' }, {}, 400)], long(c)),
    steps: [http('/', { status: 400, connection: 'ended' })],
  }),
];
