import { defineCase } from '../define.ts';
import { accessLog, any, direct, hcm, http1, listener, serverTls, TLS_INSPECTOR, to, cluster, tcpProxy } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, tcp } from '../steps.ts';

/** One HTTP listener whose log has these fields beside the usual. */
function logged(c: CaseContext, fields: Readonly<Record<string, unknown>>, route: object = {}): Resources {
  const log = { access_log: [accessLog(c, fields)] };
  return {
    listeners: [listener(c, [hcm(c, [to(c, 'main', { prefix: '/' }, {}, { name: 'the-route', ...route })], log)])],
    clusters: [cluster(c, 'main')],
  };
}

/** A log that takes only some of the requests. */
function filtered(c: CaseContext, filter: object): Resources {
  const log = { ...accessLog(c), filter };
  const routes = [direct('ok', { prefix: '/ok' }), direct('no', { prefix: '/no' }, {}, 503), direct('gone', { prefix: '/gone' }, {}, 404)];
  return { listeners: [listener(c, [hcm(c, routes, { access_log: [log] })])] };
}

const THREE = [http('/ok', { status: 200 }), http('/no', { status: 503 }), http('/gone', { status: 404 }), http('/unrouted', { status: 404 })];
const runtime = (value: number): object => ({ default_value: value, runtime_key: 'none' });

/** What a line says, and which lines there are. */
export const cases = [
  defineCase({
    name: 'operators of requests and responses',
    backends: { main: [{ status: 201, headers: { 'x-answer': 'yes', 'content-type': 'text/x' }, body: 'hello' }] },
    resources: (c) =>
      logged(c, {
        req: '%REQ(X-Client)%',
        fallback: '%REQ(x-none?x-client)%',
        none: '%REQ(x-none)%',
        resp: '%RESP(x-answer)%',
        type: '%RESP(content-type)%',
        cut: '%REQ(x-client):3%',
        mixed: 'got %RESPONSE_CODE% by %REQ(:METHOD)%',
        constant: 'text',
        number: 7,
        agent: '%REQ(user-agent)%',
        id: '%REQ(x-request-id)%',
        'x-envoy-upstream-service-time': '%RESP(x-envoy-upstream-service-time)%',
        time: '%START_TIME%',
        local: '%DOWNSTREAM_LOCAL_ADDRESS%',
        localIp: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
        remote: '%DOWNSTREAM_REMOTE_ADDRESS%',
        remoteIp: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
        direct: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%',
        upstreamRemote: '%UPSTREAM_REMOTE_ADDRESS%',
        upstreamLocal: '%UPSTREAM_LOCAL_ADDRESS%',
        upstreamIp: '%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
        raw: '%UPSTREAM_CLUSTER_RAW%',
        nested: { deep: '%PROTOCOL%' },
      }),
    steps: [http({ path: '/x?y', headers: { 'x-client': 'client', 'user-agent': 'test/1' } }, { status: 201 })],
    log: [
      {
        code: 201,
        req: 'client',
        fallback: 'client',
        none: null,
        resp: 'yes',
        type: 'text/x',
        cut: 'cli',
        mixed: 'got 201 by GET',
        constant: 'text',
        number: 7,
        agent: 'test/1',
        id: '<uuid>',
        local: '<listener main>',
        remoteIp: '127.0.0.1',
        upstreamRemote: '<backend main>',
        upstreamIp: '127.0.0.1',
        raw: '<id>-main',
        route: 'the-route',
      },
    ],
  }),
  defineCase({
    name: 'operators of TLS',
    resources: (c) => {
      const fields = {
        version: '%DOWNSTREAM_TLS_VERSION%',
        cipher: '%DOWNSTREAM_TLS_CIPHER%',
        uri: '%DOWNSTREAM_PEER_URI_SAN%',
        own: '%DOWNSTREAM_LOCAL_URI_SAN%',
        subject: '%DOWNSTREAM_PEER_SUBJECT%',
        hash: '%DOWNSTREAM_PEER_FINGERPRINT_256%',
      };
      const filters = [hcm(c, [to(c, 'main')], { access_log: [accessLog(c, fields)] })];
      const chain = { transport_socket: serverTls(c, 'server', { mutual: true }), filters };
      return { listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [chain] })], clusters: [cluster(c, 'main')] };
    },
    steps: [http('/', { status: 200 }, { tls: { identity: 'client', sni: 'server.test' } })],
    log: [
      {
        version: 'TLSv1.3',
        uri: 'spiffe://parity.test/ns/test/sa/client',
        own: 'spiffe://parity.test/ns/test/sa/server',
        hash: /^[0-9a-f]{64}$/,
        sni: 'server.test',
      },
    ],
  }),
  defineCase({
    name: 'a quote and a backslash in a value stay one value',
    resources: (c) => logged(c, { client: '%REQ(x-client)%' }),
    steps: [http({ headers: { 'x-client': 'a "b" \\ c' } }, { status: 200 })],
    log: [{ client: 'a "b" \\ c' }],
  }),
  defineCase({
    name: 'omit_empty_values leaves fields out',
    resources: (c) => {
      const config = any('access_loggers.file.v3.FileAccessLog', {
        path: c.logPath,
        log_format: { json_format: { case: c.id, none: '%REQ(x-none)%', code: '%RESPONSE_CODE%' }, omit_empty_values: true },
      });
      return { listeners: [listener(c, [hcm(c, [direct('ok')], { access_log: [{ name: 'envoy.access_loggers.file', typed_config: config }] })])] };
    },
    steps: [http('/', { status: 200 })],
    log: [{ code: 200 }],
  }),
  defineCase({
    name: 'a text format',
    resources: (c) => {
      const format = `{"case":"${c.id}","text":"[%PROTOCOL%] %REQ(:METHOD)% %REQ(x-none)% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}\n`;
      const config = any('access_loggers.file.v3.FileAccessLog', { path: c.logPath, log_format: { text_format_source: { inline_string: format } } });
      return { listeners: [listener(c, [hcm(c, [direct('ok')], { access_log: [{ name: 'envoy.access_loggers.file', typed_config: config }] })])] };
    },
    steps: [http('/', { status: 200 })],
    log: [{ text: '[HTTP/1.1] GET - - direct_response' }],
  }),
  defineCase({
    name: 'two logs of one listener',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [direct('ok')], { access_log: [accessLog(c, { which: 'one' }), accessLog(c, { which: 'two' })] })])],
    }),
    steps: [http('/', { status: 200 })],
    log: [{ which: 'one' }, { which: 'two' }],
  }),
  defineCase({
    name: 'only errors by status code',
    resources: (c) => filtered(c, { status_code_filter: { comparison: { op: 'GE', value: runtime(500) } } }),
    steps: THREE,
    log: [{ code: 503 }],
  }),
  defineCase({
    name: 'one status code',
    resources: (c) => filtered(c, { status_code_filter: { comparison: { op: 'EQ', value: runtime(404) } } }),
    steps: THREE,
    log: [{ path: '/gone' }, { path: '/unrouted' }],
  }),
  defineCase({
    name: 'only lines with some response flag',
    resources: (c) => filtered(c, { response_flag_filter: {} }),
    steps: THREE,
    log: [{ path: '/unrouted', flags: 'NR' }],
  }),
  defineCase({
    name: 'only lines with a certain response flag',
    resources: (c) => filtered(c, { response_flag_filter: { flags: ['NR', 'UH'] } }),
    steps: THREE,
    log: [{ path: '/unrouted' }],
  }),
  defineCase({
    name: 'two filters together',
    resources: (c) =>
      filtered(c, {
        and_filter: {
          filters: [
            { status_code_filter: { comparison: { op: 'GE', value: runtime(400) } } },
            { status_code_filter: { comparison: { op: 'LE', value: runtime(404) } } },
          ],
        },
      }),
    steps: THREE,
    log: [{ code: 404 }, { code: 404 }],
  }),
  defineCase({
    name: 'one of two filters',
    resources: (c) =>
      filtered(c, {
        or_filter: {
          filters: [
            { status_code_filter: { comparison: { op: 'EQ', value: runtime(200) } } },
            { status_code_filter: { comparison: { op: 'EQ', value: runtime(503) } } },
          ],
        },
      }),
    steps: THREE,
    log: [{ code: 200 }, { code: 503 }],
  }),
  defineCase({
    name: 'a TCP connection has a line',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ({
      listeners: [
        listener(c, [
          tcpProxy(c, 'main', {
            access_log: [accessLog(c, { remote: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', local: '%DOWNSTREAM_LOCAL_ADDRESS%' })],
          }),
        ]),
      ],
      clusters: [cluster(c, 'main')],
    }),
    steps: [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' })],
    log: [
      {
        method: null,
        protocol: null,
        code: 0,
        flags: '-',
        received: 5,
        sent: 5,
        upstream: '<backend main>',
        remote: '127.0.0.1',
        local: '<listener main>',
      },
    ],
  }),
  defineCase({
    name: 'a line for every response flag that an answer of the proxy has',
    backends: { main: { t: 'closed' } },
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/uf' }), direct('ok', { prefix: '/ok' })]),
    steps: [http('/uf', { status: 503 }), http('/nr', { status: 404 }), http('/ok', { status: 200 })],
    log: [{ flags: 'UF' }, { flags: 'NR' }, { flags: '-' }],
  }),
];
