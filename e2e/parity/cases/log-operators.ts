import { defineCase } from '../define.ts';
import { accessLog, any, cluster, clientTls, direct, hcm, HTTP2_UPSTREAM, listener, serverTls, TLS_INSPECTOR, tcpProxy, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, http2, tcp } from '../steps.ts';

/** One HTTP listener whose log has these fields beside the usual. */
function logged(c: CaseContext, fields: object, routes?: readonly object[], clusters?: readonly object[]): Resources {
  return {
    listeners: [listener(c, [hcm(c, routes ?? [to(c, 'main')], { access_log: [accessLog(c, fields)] })])],
    clusters: clusters ?? [cluster(c, 'main')],
  };
}

/** A log that takes only some of the requests. */
function filtered(c: CaseContext, filter: object, more: object = {}): Resources {
  const routes = [direct('ok', { prefix: '/ok' }), direct('no', { prefix: '/no' }, {}, 503)];
  return { listeners: [listener(c, [hcm(c, routes, { access_log: [{ ...accessLog(c), filter }], ...more })])] };
}

const grpc = (status: string): readonly object[] => [{ headers: { 'content-type': 'application/grpc' }, trailers: { 'grpc-status': status } }];
const call = { method: 'POST', path: '/a.B/C', headers: { 'content-type': 'application/grpc', te: 'trailers' }, body: '\0\0\0\0\0' };

/** The operators of a line beyond the usual ones, and the filters of logs. */
export const cases = [
  defineCase({
    name: 'headers by their other names, and trailers',
    backends: { main: { t: 'http2', replies: [{ headers: { 'x-answer': 'yes' }, body: ['a', 'b'], trailers: { 'x-end': 'done' } }] } },
    resources: (c) =>
      logged(
        c,
        {
          req: '%REQUEST_HEADER(x-client)%',
          resp: '%RESPONSE_HEADER(x-answer)%',
          end: '%RESPONSE_TRAILER(x-end)%',
          end2: '%TRAILER(x-none?x-end)%',
          none: '%TRAILER(x-none)%',
        },
        undefined,
        [cluster(c, 'main', HTTP2_UPSTREAM)],
      ),
    steps: [http2({ headers: { 'x-client': 'c' } }, { status: 200 })],
    log: [{ req: 'c', resp: 'yes', end: 'done', end2: 'done', none: null }],
  }),
  defineCase({
    name: 'paths and queries',
    resources: (c) =>
      logged(
        c,
        {
          all: '%PATH%',
          bare: '%PATH(NQ)%',
          original: '%PATH(WQ:ORIG)%',
          now: '%PATH(NQ:PATH)%',
          one: '%QUERY_PARAM(a)%',
          absent: '%QUERY_PARAM(z)%',
          cut: '%QUERY_PARAM(a):1%',
          query: '%QUERY_PARAMS%',
        },
        [to(c, 'main', { prefix: '/old' }, { prefix_rewrite: '/new' }), to(c, 'main')],
      ),
    steps: [http('/old/x?a=12&b=2', { status: 200 }), http('/y', { status: 200 })],
    log: [
      { all: '/old/x?a=12&b=2', bare: '/old/x', original: '/old/x?a=12&b=2', now: '/new/x', one: '12', absent: null, cut: '1', query: 'a=12&b=2' },
      { all: '/y', bare: '/y' },
    ],
  }),
  defineCase({
    name: 'addresses and their ports, whole and masked',
    resources: (c) =>
      logged(c, {
        local16: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(16)%',
        remote8: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)%',
        direct: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
        directLocal: '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
        upstream: '%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(32)%',
        name: '%UPSTREAM_HOST_NAME%',
        bareName: '%UPSTREAM_HOST_NAME_WITHOUT_PORT%',
      }),
    steps: [http('/', { status: 200 })],
    log: [{ remote8: '127.0.0.0/8', direct: '127.0.0.1', directLocal: '<listener main>', upstream: '127.0.0.1/32', name: '<backend main>' }],
  }),
  defineCase({
    name: 'what there was of the upstream',
    backends: { main: { t: 'http2', replies: [{ body: 'x' }] } },
    resources: (c) =>
      logged(c, { protocol: '%UPSTREAM_PROTOCOL%', version: '%UPSTREAM_TLS_VERSION%' }, undefined, [cluster(c, 'main', HTTP2_UPSTREAM)]),
    steps: [http('/', { status: 200 })],
    log: [{ protocol: 'HTTP/2', version: null }],
  }),
  defineCase({
    name: 'the long names of flags, and words of the record',
    resources: (c) =>
      logged(
        c,
        {
          long: '%RESPONSE_FLAGS_LONG%',
          type: '%ACCESS_LOG_TYPE%',
          spaces: '%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%',
          none: '%VIRTUAL_CLUSTER_NAME%',
          custom: '%CUSTOM_FLAGS%',
          retransmitted: '%BYTES_RETRANSMITTED%',
          packets: '%PACKETS_RETRANSMITTED%',
          roundtrip: '%ROUNDTRIP_DURATION%',
          stream: '%STREAM_ID%',
          unique: '%UNIQUE_ID%',
          server: '%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)%',
          host: '%REQUESTED_SERVER_NAME(HOST_FIRST)%',
        },
        [direct('ok', { prefix: '/ok' })],
      ),
    steps: [http('/none', { status: 404 }), http('/ok', { status: 200 })],
    log: [
      { long: 'NoRouteFound', type: 'DownstreamEnd', stream: '<uuid>', unique: '<uuid>', server: 'test.example', host: 'test.example' },
      { long: '-' },
    ],
  }),
  defineCase({
    name: 'moments that never came are not told',
    resources: (c) =>
      logged(
        c,
        { sent: '%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%', tx: '%REQUEST_TX_DURATION%', pool: '%UPSTREAM_CONNECTION_POOL_READY_DURATION%' },
        [direct('ok')],
      ),
    steps: [http('/', { status: 200 })],
    log: [{ sent: null, tx: null, pool: null }],
  }),
  defineCase({
    name: 'times in formats of their own',
    resources: (c) => logged(c, { year: '%START_TIME(%Y)%', day: '%EMIT_TIME(%a %b)%', local: '%START_TIME_LOCAL(%y)%' }, [direct('ok')]),
    steps: [http('/', { status: 200 })],
    log: [{ year: /^20\d\d$/, local: /^\d\d$/ }],
  }),
  defineCase({
    name: 'the status of a gRPC call',
    backends: { main: { t: 'http2', replies: grpc('3') } },
    resources: (c) =>
      logged(
        c,
        { camel: '%GRPC_STATUS%', snake: '%GRPC_STATUS(SNAKE_STRING)%', number: '%GRPC_STATUS(NUMBER)%', plain: '%GRPC_STATUS_NUMBER%' },
        undefined,
        [cluster(c, 'main', HTTP2_UPSTREAM)],
      ),
    steps: [http2(call, { status: 200 })],
    log: [{ camel: 'InvalidArgument', snake: 'INVALID_ARGUMENT', number: 3, plain: 3 }],
  }),
  defineCase({
    name: 'the facts of a client certificate',
    resources: (c) => {
      const fields = {
        issuer: '%DOWNSTREAM_PEER_ISSUER%',
        serial: '%DOWNSTREAM_PEER_SERIAL%',
        sha1: '%DOWNSTREAM_PEER_FINGERPRINT_1%',
        dns: '%DOWNSTREAM_PEER_DNS_SAN%',
        start: '%DOWNSTREAM_PEER_CERT_V_START(%Y-%m)%',
        end: '%DOWNSTREAM_PEER_CERT_V_END%',
        cert: '%DOWNSTREAM_PEER_CERT%',
        chain: '%FILTER_CHAIN_NAME%',
      };
      const filters = [hcm(c, [to(c, 'main')], { access_log: [accessLog(c, fields)] })];
      const chain = { name: 'the-chain', transport_socket: serverTls(c, 'server', { mutual: true }), filters };
      return { listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [chain] })], clusters: [cluster(c, 'main')] };
    },
    steps: [http('/', { status: 200 }, { tls: { identity: 'client', sni: 'server.test' } })],
    log: [{ serial: /^[0-9a-f]+$/, sha1: /^[0-9a-f]{40}$/, cert: /^-----BEGIN%20CERTIFICATE/, chain: 'the-chain' }],
  }),
  defineCase({
    name: 'the facts of the certificate of a server',
    backends: { main: { t: 'http1', replies: [{ body: 'x' }], tls: { identity: 'server' } } },
    resources: (c) =>
      logged(
        c,
        {
          subject: '%UPSTREAM_PEER_SUBJECT%',
          issuer: '%UPSTREAM_PEER_ISSUER%',
          uri: '%UPSTREAM_PEER_URI_SAN%',
          dns: '%UPSTREAM_PEER_DNS_SAN%',
          start: '%UPSTREAM_PEER_CERT_V_START(%Y-%m)%',
        },
        undefined,
        [cluster(c, 'main', { transport_socket: clientTls(c, { sni: 'server.test' }) })],
      ),
    steps: [http('/', { status: 200 })],
    log: [{ uri: 'spiffe://parity.test/ns/test/sa/server' }],
  }),
  defineCase({
    name: 'a TCP connection’s own words',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ({
      listeners: [
        listener(c, [
          tcpProxy(c, 'main', {
            access_log: [
              accessLog(c, {
                type: '%ACCESS_LOG_TYPE%',
                wireIn: '%DOWNSTREAM_WIRE_BYTES_RECEIVED%',
                wireOut: '%DOWNSTREAM_WIRE_BYTES_SENT%',
                upIn: '%UPSTREAM_WIRE_BYTES_RECEIVED%',
                upOut: '%UPSTREAM_WIRE_BYTES_SENT%',
                path: '%PATH%',
                status: '%GRPC_STATUS%',
              }),
            ],
          }),
        ]),
      ],
      clusters: [cluster(c, 'main')],
    }),
    steps: [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' })],
    log: [{ type: 'TcpConnectionEnd', wireIn: 5, wireOut: 5, upIn: 5, upOut: 5 }],
  }),
  defineCase({
    name: 'a filter by a header',
    resources: (c) => filtered(c, { header_filter: { header: { name: 'x-log', string_match: { exact: 'yes' } } } }),
    steps: [http({ path: '/ok', headers: { 'x-log': 'yes' } }, { status: 200 }), http({ path: '/ok', headers: { 'x-log': 'no' } }, { status: 200 })],
    log: [{ path: '/ok' }],
  }),
  defineCase({
    name: 'a filter by the path, inverted',
    resources: (c) => filtered(c, { header_filter: { header: { name: ':path', string_match: { prefix: '/ok' }, invert_match: true } } }),
    steps: [http('/ok', { status: 200 }), http('/no', { status: 503 })],
    log: [{ path: '/no' }],
  }),
  defineCase({
    name: 'a filter by the status of calls: CANCELED, as Envoy writes it',
    backends: { main: { t: 'http2', replies: [...grpc('0'), ...grpc('1')] as never } },
    resources: (c) => {
      const log = { ...accessLog(c, { status: '%GRPC_STATUS%' }), filter: { grpc_status_filter: { statuses: ['CANCELED'] } } };
      return { listeners: [listener(c, [hcm(c, [to(c, 'main')], { access_log: [log] })])], clusters: [cluster(c, 'main', HTTP2_UPSTREAM)] };
    },
    steps: [http2(call, { status: 200 }), http2(call, { status: 200 })],
    log: [{ status: 'Canceled' }],
  }),
  defineCase({
    name: 'a filter by the status of calls that excludes',
    resources: (c) => filtered(c, { grpc_status_filter: { statuses: ['UNAVAILABLE'], exclude: true } }),
    steps: [http('/ok', { status: 200 }), http('/no', { status: 503 })],
    log: [{ path: '/ok' }],
  }),
  defineCase({
    name: 'a share of requests, by their ids',
    resources: (c) => filtered(c, { runtime_filter: { runtime_key: 'none', percent_sampled: { numerator: 50 } } }),
    steps: [
      http({ path: '/ok', headers: { 'x-request-id': '00000010-0000-4000-8000-000000000000' } }, { status: 200 }),
      http({ path: '/no', headers: { 'x-request-id': '00000060-0000-4000-8000-000000000000' } }, { status: 503 }),
    ],
    log: [{ path: '/ok' }],
  }),
  defineCase({
    name: 'a filter by metadata that filters have left',
    resources: (c) => {
      const set = {
        name: 'set',
        typed_config: any('filters.http.set_metadata.v3.Config', { metadata: [{ metadata_namespace: 'test', value: { level: 'high' } }] }),
      };
      const router = { name: 'envoy.filters.http.router', typed_config: any('filters.http.router.v3.Router') };
      const match = { filter: 'test', path: [{ key: 'level' }], value: { string_match: { exact: 'high' } } };
      const other = { filter: 'test', path: [{ key: 'level' }], value: { string_match: { exact: 'low' } } };
      const absent = { filter: 'none', path: [{ key: 'x' }], value: { string_match: { exact: 'low' } } };
      const log = (which: string, filter: object): object => ({
        ...accessLog(c, { which, level: '%METADATA(DYNAMIC:test:level)%' }),
        filter: { metadata_filter: filter },
      });
      const access_log = [
        log('match', { matcher: match }),
        log('other', { matcher: other }),
        log('absent', { matcher: absent }),
        log('absent-not', { matcher: absent, match_if_key_not_found: false }),
      ];
      return { listeners: [listener(c, [hcm(c, [direct('ok')], { access_log, http_filters: [set, router] })])] };
    },
    steps: [http('/', { status: 200 })],
    log: [{ which: 'match', level: 'high' }, { which: 'absent' }],
  }),
  defineCase({
    name: 'a filter by the moment',
    resources: (c) => {
      const log = (which: string, filter: object): object => ({ ...accessLog(c, { which }), filter: { log_type_filter: filter } });
      const access_log = [
        log('end', { types: ['DownstreamEnd'] }),
        log('not-end', { types: ['DownstreamEnd'], exclude: true }),
        log('tcp', { types: ['TcpConnectionEnd'] }),
      ];
      return { listeners: [listener(c, [hcm(c, [direct('ok')], { access_log })])] };
    },
    steps: [http('/', { status: 200 })],
    log: [{ which: 'end' }],
  }),
  defineCase({
    name: 'only what somebody has forced a trace of',
    backends: { nobody: { t: 'closed' } },
    resources: (c) => {
      const typed_config = any('envoy.config.trace.v3.OpenTelemetryConfig', { grpc_service: { envoy_grpc: { cluster_name: c.name('nobody') } } });
      const tracing = { random_sampling: { value: 0 }, provider: { name: 'envoy.tracers.opentelemetry', typed_config } };
      return { ...filtered(c, { traceable_filter: {} }, { tracing }), clusters: [cluster(c, 'nobody', HTTP2_UPSTREAM)] };
    },
    steps: [
      http({ path: '/ok', headers: { 'x-request-id': 'a0000000-0000-4000-8000-000000000000' } }, { status: 200 }),
      http({ path: '/ok', headers: { 'x-request-id': 'b0000000-0000-9000-8000-000000000000' } }, { status: 200 }),
      http({ path: '/no', headers: { 'x-request-id': 'c0000000-0000-a000-8000-000000000000' } }, { status: 503 }),
    ],
    log: [{ path: '/no' }],
  }),
];
