import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, HTTP2_UPSTREAM, listener, serverTls, tcpProxy, TLS_INSPECTOR, to, type Resources } from '../resources.ts';
import { collected, http, http2, tcp } from '../steps.ts';

const COLLECTOR: BackendScript = { t: 'collector', http: 'http2' };
const WITH_COLLECTOR = { main: [{ body: 'main' }], collector: COLLECTOR };
const FLUSH = { buffer_flush_interval: '0.05s' };

/** Where entries go. */
function common(c: CaseContext, more: object = {}): object {
  return {
    log_name: c.name('log'),
    grpc_service: { envoy_grpc: { cluster_name: c.name('collector') } },
    transport_api_version: 'V3',
    ...FLUSH,
    ...more,
  };
}

function als(c: CaseContext, kind: 'http' | 'tcp', fields: object = {}, transport: object = {}): object {
  const type = kind === 'http' ? 'HttpGrpcAccessLogConfig' : 'TcpGrpcAccessLogConfig';
  return {
    name: `envoy.access_loggers.${kind}_grpc`,
    typed_config: any(`access_loggers.grpc.v3.${type}`, { common_config: common(c, transport), ...fields }),
  };
}

function otel(c: CaseContext, fields: object): object {
  return {
    name: 'envoy.access_loggers.open_telemetry',
    typed_config: any('access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig', { common_config: common(c), ...fields }),
  };
}

/** One HTTP listener with these logs. */
function logging(c: CaseContext, logs: readonly object[], routes?: readonly object[]): Resources {
  return {
    listeners: [listener(c, [hcm(c, routes ?? [to(c, 'main', { prefix: '/' }, {}, { name: 'the-route' })], { access_log: logs })])],
    clusters: [cluster(c, 'main'), cluster(c, 'collector', HTTP2_UPSTREAM)],
  };
}

/** Cases whose logs go to a collector alone. */
function collecting(one: Omit<ParityCase, 'backends' | 'log'> & Pick<Partial<ParityCase>, 'backends'>): ParityCase {
  return defineCase({ backends: WITH_COLLECTOR, log: [], ...one });
}

const identifier = { identifier: { log_name: '<id>-log', named: true, cluster: 'parity' } };

/** Envoy's log service and OTLP, as a collector sees them. */
export const cases = [
  collecting({
    name: 'an HTTP entry says what there was',
    backends: { main: [{ status: 201, headers: { 'x-answer': 'yes' }, body: 'hello' }], collector: COLLECTOR },
    resources: (c) =>
      logging(c, [als(c, 'http', { additional_request_headers_to_log: ['x-client', 'x-none'], additional_response_headers_to_log: ['X-Answer'] })]),
    steps: [
      http(
        { method: 'POST', path: '/x?y', headers: { 'x-client': 'client', 'user-agent': 'test/1', referer: 'http://from.test/' }, body: 'abc' },
        { status: 201 },
      ),
      collected([
        identifier,
        {
          protocol_version: 'HTTP11',
          common_properties: { route_name: 'the-route', upstream_cluster: '<id>-main', access_log_type: 'DownstreamEnd' },
          request: {
            request_method: 'POST',
            path: '/x?y',
            user_agent: 'test/1',
            referer: 'http://from.test/',
            request_headers: { 'x-client': 'client' },
            request_body_bytes: 3,
          },
          response: { response_code: 201, response_headers: { 'x-answer': 'yes' }, response_body_bytes: 5, response_code_details: 'via_upstream' },
        },
      ]),
    ],
  }),
  collecting({
    name: 'an answer of the proxy has its flag in the entry',
    resources: (c) => logging(c, [als(c, 'http')], [direct('ok', { prefix: '/ok' })]),
    steps: [
      http('/none', { status: 404 }),
      collected([identifier, { common_properties: { response_flags: { no_route_found: true } }, response: { response_code: 404 } }]),
    ],
  }),
  collecting({
    name: 'trailers and HTTP/2 in the entry',
    backends: { main: { t: 'http2', replies: [{ body: 'x', trailers: { 'x-end': 'done' } }] }, collector: COLLECTOR },
    resources: (c) => ({
      listeners: [
        listener(c, [hcm(c, [to(c, 'main')], { access_log: [als(c, 'http', { additional_response_trailers_to_log: ['x-end', 'x-none'] })] })]),
      ],
      clusters: [cluster(c, 'main', HTTP2_UPSTREAM), cluster(c, 'collector', HTTP2_UPSTREAM)],
    }),
    steps: [
      http2({ path: '/' }, { status: 200 }),
      collected([identifier, { protocol_version: 'HTTP2', response: { response_trailers: { 'x-end': 'done' } } }]),
    ],
  }),
  collecting({
    name: 'tags of the log',
    resources: (c) =>
      logging(c, [
        als(
          c,
          'http',
          {},
          {
            custom_tags: [
              { tag: 'fixed', literal: { value: 'one' } },
              { tag: 'from', request_header: { name: 'X-Client', default_value: 'nobody' } },
              { tag: 'else', request_header: { name: 'x-none', default_value: 'nobody' } },
              { tag: 'absent', request_header: { name: 'x-none' } },
              { tag: 'place', environment: { name: 'MELTEMI_NO_SUCH', default_value: 'here' } },
            ],
          },
        ),
      ]),
    steps: [
      http({ headers: { 'x-client': 'c' } }, { status: 200 }),
      collected([identifier, { common_properties: { custom_tags: { fixed: 'one', from: 'c', else: 'nobody', place: 'here' } } }]),
    ],
  }),
  collecting({
    name: 'a filter keeps entries back',
    resources: (c) => {
      const filter = { status_code_filter: { comparison: { op: 'GE', value: { default_value: 500, runtime_key: 'none' } } } };
      return logging(c, [{ ...als(c, 'http'), filter }], [direct('ok', { prefix: '/ok' }), direct('no', { prefix: '/no' }, {}, 503)]);
    },
    steps: [http('/ok', { status: 200 }), http('/no', { status: 503 }), collected([identifier, { response: { response_code: 503 } }])],
  }),
  collecting({
    name: 'the TLS facts of an entry',
    resources: (c) => {
      const chain = {
        transport_socket: serverTls(c, 'server', { mutual: true }),
        filters: [hcm(c, [direct('ok')], { access_log: [als(c, 'http')] })],
      };
      return {
        listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [chain] })],
        clusters: [cluster(c, 'collector', HTTP2_UPSTREAM)],
      };
    },
    steps: [
      http('/', { status: 200 }, { tls: { identity: 'client', sni: 'server.test' } }),
      collected([
        identifier,
        {
          common_properties: {
            tls_properties: {
              tls_version: 'TLSv1_3',
              tls_sni_hostname: 'server.test',
              peer_certificate_properties: { subject_alt_name: [{ uri: 'spiffe://parity.test/ns/test/sa/client' }] },
            },
          },
        },
      ]),
    ],
  }),
  collecting({
    name: 'a TCP entry says what there was',
    backends: { main: { t: 'tcp', tcp: { echo: true } }, collector: COLLECTOR },
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'main', { access_log: [als(c, 'tcp')] })])],
      clusters: [cluster(c, 'main'), cluster(c, 'collector', HTTP2_UPSTREAM)],
    }),
    steps: [
      tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' }),
      collected([
        identifier,
        { common_properties: { access_log_type: 'TcpConnectionEnd' }, connection_properties: { received_bytes: 5, sent_bytes: 5 } },
      ]),
    ],
  }),
  collecting({
    name: 'entries of what goes on',
    resources: (c) => {
      const own = { access_log: [als(c, 'http')], access_log_options: { flush_access_log_on_new_request: true } };
      return {
        listeners: [listener(c, [hcm(c, [to(c, 'main', { prefix: '/' }, {}, { name: 'the-route' })], own)])],
        clusters: [cluster(c, 'main'), cluster(c, 'collector', HTTP2_UPSTREAM)],
      };
    },
    steps: [
      http('/', { status: 200 }),
      collected([
        identifier,
        { common_properties: { access_log_type: 'DownstreamStart', intermediate_log_entry: true } },
        { common_properties: { access_log_type: 'DownstreamEnd' }, response: { response_code: 200 } },
      ]),
    ],
  }),
  collecting({
    name: 'bytes: entries of what goes on',
    backends: { main: { t: 'tcp', tcp: { echo: true } }, collector: COLLECTOR },
    resources: (c) => {
      const own = { access_log: [als(c, 'tcp')], access_log_options: { flush_access_log_on_connected: true } };
      return {
        listeners: [listener(c, [tcpProxy(c, 'main', own)])],
        clusters: [cluster(c, 'main'), cluster(c, 'collector', HTTP2_UPSTREAM)],
      };
    },
    steps: [
      tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' }),
      collected([
        identifier,
        { common_properties: { access_log_type: 'TcpUpstreamConnected' } },
        { common_properties: { access_log_type: 'TcpConnectionEnd' }, connection_properties: { received_bytes: 5, sent_bytes: 5 } },
      ]),
    ],
  }),
  collecting({
    name: 'an OTLP record: body, attributes, resource',
    resources: (c) =>
      logging(c, [
        otel(c, {
          body: { string_value: '%REQ(:METHOD)% %PROTOCOL% %REQ(x-none)% %RESPONSE_CODE%' },
          attributes: {
            values: [
              { key: 'code', value: { string_value: '%RESPONSE_CODE%' } },
              { key: 'text', value: { string_value: 'a "%REQ(x-client)%"' } },
              { key: 'deep', value: { kvlist_value: { values: [{ key: 'flags', value: { string_value: '%RESPONSE_FLAGS%' } }] } } },
            ],
          },
          resource_attributes: { values: [{ key: 'service.name', value: { string_value: 'shop' } }] },
        }),
      ]),
    steps: [
      http({ headers: { 'x-client': 'say "hi"' } }, { status: 200 }),
      collected([
        {
          body: { string_value: 'GET HTTP/1.1 - 200' },
          attributes: { code: '200', text: 'a "say "hi""', deep: { kvlist_value: { values: [{ key: 'flags', value: { string_value: '-' } }] } } },
          resource: { 'service.name': 'shop', log_name: '<id>-log', cluster_name: 'parity' },
        },
      ]),
    ],
  }),
  collecting({
    name: 'an OTLP record without labels of the node',
    resources: (c) => logging(c, [otel(c, { body: { string_value: '%RESPONSE_CODE%' }, disable_builtin_labels: true })]),
    steps: [http('/', { status: 200 }), collected([{ body: { string_value: '200' }, resource: { log_name: null } }])],
  }),
  collecting({
    name: 'an OTLP record over HTTP',
    backends: { main: [{ body: 'main' }], collector: { t: 'collector', http: 'http1' } },
    resources: (c) => {
      const http_service = {
        http_uri: { uri: 'http://otel.test/v1/logs', cluster: c.name('collector'), timeout: '2s' },
        request_headers_to_add: [{ header: { key: 'x-token', value: 'secret' } }],
      };
      const log = {
        name: 'envoy.access_loggers.open_telemetry',
        typed_config: any('access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig', {
          http_service,
          log_name: c.name('log'),
          ...FLUSH,
          body: { string_value: '%RESPONSE_CODE%' },
        }),
      };
      return {
        listeners: [listener(c, [hcm(c, [to(c, 'main')], { access_log: [log] })])],
        clusters: [cluster(c, 'main'), cluster(c, 'collector')],
      };
    },
    steps: [
      http('/', { status: 200 }),
      collected([
        {
          body: { string_value: '200' },
          resource: { log_name: '<id>-log' },
          request: { path: '/v1/logs', host: 'otel.test', type: 'application/x-protobuf' },
        },
      ]),
    ],
  }),
];
