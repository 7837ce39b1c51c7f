import { defineCase } from '../define.ts';
import { clientTls, cluster, direct, hcm, http1, HTTP2_UPSTREAM, any, listener, serverTls, TLS_INSPECTOR, to } from '../resources.ts';
import { http, http2, raw } from '../steps.ts';

const ALL = { prefix: '/' };
const GRPC = { 'content-type': 'application/grpc', te: 'trailers' };
/** A backend that speaks HTTP/2 in clear, and a cluster that knows it. */
const H2_CLUSTER = HTTP2_UPSTREAM;
const options = (config: object): object => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('upstreams.http.v3.HttpProtocolOptions', config),
  },
});

/** HTTP/2 on either side, and the translation between the versions. */
export const cases = [
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: request line, host and headers',
    steps: [
      http2(
        { path: '/a?b=c', headers: { 'x-mine': '1' } },
        { status: 200, body: 'main', backend: { method: 'GET', target: '/a?b=c', headers: { host: 'test.example' } } },
      ),
    ],
    log: [{ protocol: 'HTTP/2', code: 200, path: '/a?b=c', authority: 'test.example' }],
  }),
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: a body of unknown length is chunked',
    steps: [
      http2(
        { method: 'POST', body: ['one', 'two'] },
        { status: 200, backend: { body: 'onetwo', headers: { 'transfer-encoding': 'chunked', 'content-length': null } } },
      ),
    ],
    log: [{ received: 6 }],
  }),
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: a told length is kept',
    steps: [
      http2(
        { method: 'POST', body: 'four', headers: { 'content-length': '4' } },
        { status: 200, backend: { body: 'four', headers: { 'content-length': '4', 'transfer-encoding': null } } },
      ),
    ],
  }),
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: an empty POST tells its length',
    steps: [http2({ method: 'POST' }, { status: 200, backend: { headers: { 'content-length': '0', 'transfer-encoding': null } } })],
  }),
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: an empty GET or DELETE tells none',
    steps: [
      http2({ method: 'GET' }, { status: 200, backend: { headers: { 'content-length': null, 'transfer-encoding': null } } }),
      http2({ method: 'DELETE' }, { status: 200 }),
      http2({ method: 'PUT' }, { status: 200 }),
      http2({ method: 'PATCH' }, { status: 200 }),
      http2({ method: 'OPTIONS' }, { status: 200 }),
    ],
  }),
  defineCase({
    name: 'HTTP/2 to HTTP/1.1: trailers of the request follow the chunks',
    resources: (c) =>
      http1(c, [to(c, 'main')], { http_protocol_options: { enable_trailers: true } }, [
        cluster(c, 'main', options({ explicit_http_config: { http_protocol_options: { enable_trailers: true } } })),
      ]),
    steps: [
      http2({ method: 'POST', body: 'x', trailers: { 'x-tail': 'end' } }, { status: 200, backend: { body: 'x', trailers: { 'x-tail': 'end' } } }),
    ],
  }),
  defineCase({
    name: 'HTTP/1.1 answers to HTTP/2: chunks and trailers',
    backends: { main: [{ body: ['ab', 'cd'], trailers: { 'x-end': 'yes' } }] },
    resources: (c) =>
      http1(c, [to(c, 'main')], {}, [cluster(c, 'main', options({ explicit_http_config: { http_protocol_options: { enable_trailers: true } } }))]),
    steps: [http2({}, { status: 200, body: 'abcd', headers: { 'transfer-encoding': null }, trailers: { 'x-end': 'yes' } })],
    log: [{ sent: 4 }],
  }),
  defineCase({
    name: 'HTTP/1.1 answers to HTTP/2: no body for HEAD, 204 and 304',
    backends: {
      main: [
        { status: 200, headers: { 'content-length': '10' }, raw: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n' },
        { status: 204 },
        { status: 304 },
      ],
    },
    steps: [
      http2({ method: 'HEAD' }, { status: 200, body: '', headers: { 'content-length': '10' } }),
      http2({}, { status: 204, body: '' }),
      http2({}, { status: 304, body: '' }),
    ],
  }),
  defineCase({
    name: 'HTTP/1.1 answers to HTTP/2: hop-by-hop headers stay behind',
    backends: { main: [{ headers: { connection: 'keep-alive, x-hop', 'keep-alive': 'timeout=5', 'x-hop': '1', 'x-stays': '2' }, body: 'b' }] },
    steps: [http2({}, { status: 200, headers: { connection: null, 'keep-alive': null, 'x-stays': '2' } })],
  }),
  defineCase({
    name: 'HTTP/2 both ways: headers, body, trailers',
    backends: { main: { t: 'http2', replies: [{ headers: { 'x-says': 'hello' }, body: ['a', 'b'], trailers: { 'x-end': 'yes' } }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [
      http2(
        { method: 'POST', path: '/p', body: ['1', '2'], trailers: { 'x-tail': 'end' }, headers: { te: 'trailers' } },
        {
          status: 200,
          body: 'ab',
          headers: { 'x-says': 'hello' },
          trailers: { 'x-end': 'yes' },
          backend: { method: 'POST', target: '/p', body: '12', trailers: { 'x-tail': 'end' }, headers: { te: 'trailers' } },
        },
      ),
    ],
    log: [{ protocol: 'HTTP/2', received: 2, sent: 2 }],
  }),
  defineCase({
    name: 'HTTP/1.1 to HTTP/2: request, chunks, answer without length',
    backends: { main: { t: 'http2', replies: [{ body: ['a', 'b'] }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [
      http(
        { method: 'POST', path: '/p', body: ['12', '3'] },
        {
          status: 200,
          body: 'ab',
          headers: { 'transfer-encoding': 'chunked' },
          backend: { method: 'POST', target: '/p', body: '123', headers: { 'transfer-encoding': null } },
        },
      ),
      http({ method: 'POST', path: '/q', body: 'four' }, { status: 200, body: 'ab', backend: { body: 'four', headers: { 'content-length': '4' } } }),
      http('/r', { status: 200, body: 'ab' }),
    ],
    log: [{ protocol: 'HTTP/1.1' }, { received: 4 }, {}],
  }),
  defineCase({
    name: 'HTTP/1.1 to HTTP/2: what belongs to the connection stays behind',
    backends: { main: { t: 'http2', replies: [{ body: 'ok' }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [
      http(
        { headers: { connection: 'keep-alive, x-hop', 'keep-alive': '5', 'x-hop': '1', te: 'trailers', 'x-stays': '2' } },
        { status: 200, backend: { headers: { connection: null, 'keep-alive': null, 'x-hop': null, 'x-stays': '2' } } },
      ),
    ],
  }),
  defineCase({
    name: 'HTTP/1.1 to HTTP/2: no body for HEAD and 204',
    backends: { main: { t: 'http2', replies: [{ status: 200 }, { status: 204 }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [http({ method: 'HEAD' }, { status: 200 }), http('/', { status: 204 })],
  }),
  defineCase({
    name: 'cookies that come in pieces go on in one line',
    steps: [http2({ headers: { cookie: 'a=1; b=2' } }, { status: 200, backend: { headers: { cookie: 'a=1; b=2' } } })],
  }),
  defineCase({
    name: 'several requests on one connection at once',
    backends: { main: [{ body: 'one' }, { body: 'one' }] },
    steps: [http2([{ path: '/1' }, { path: '/2' }, { path: '/3' }], { responses: [{ body: 'one' }, { body: 'one' }, { body: 'one' }] })],
    logOrder: 'any',
  }),
  defineCase({
    name: 'the cluster speaks what the client speaks',
    backends: { main: { t: 'http2', replies: [{ body: 'two' }] } },
    resources: (c) =>
      http1(c, [to(c, 'main')], {}, [
        cluster(c, 'main', options({ use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } })),
      ]),
    steps: [http2({}, { status: 200, body: 'two' })],
  }),
  defineCase({
    name: 'ALPN settles what is spoken to the upstream: HTTP/2',
    backends: { main: { t: 'http2', replies: [{ body: 'two' }], tls: { identity: 'server', alpn: ['h2'] } } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { ...options({ auto_config: {} }), transport_socket: clientTls(c, {}) })]),
    steps: [http('/', { status: 200, body: 'two' }), http('/again', { status: 200, body: 'two' })],
  }),
  defineCase({
    name: 'ALPN settles what is spoken to the upstream: HTTP/1.1',
    backends: { main: { t: 'http1', replies: [{ body: 'one' }], tls: { identity: 'server', alpn: ['http/1.1'] } } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { ...options({ auto_config: {} }), transport_socket: clientTls(c, {}) })]),
    steps: [http('/', { status: 200, body: 'one' }), http('/again', { status: 200, body: 'one' })],
  }),
  defineCase({
    name: 'ALPN settles what the client speaks',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [TLS_INSPECTOR],
          filter_chains: [{ filters: [hcm(c, [to(c, 'main')])], transport_socket: serverTls(c, 'server', { alpn: ['h2', 'http/1.1'] }) }],
        }),
      ],
      clusters: [cluster(c, 'main')],
    }),
    steps: [
      http2({}, { status: 200, body: 'main' }, { tls: { sni: 'server.test' } }),
      http('/', { status: 200, body: 'main' }, { tls: { sni: 'server.test', alpn: ['http/1.1'] } }),
    ],
  }),
  defineCase({
    name: 'an offer to change to h2c is ignored',
    resources: (c) => http1(c, [to(c, 'main')]),
    steps: [
      raw('GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n', {
        status: 200,
        body: 'main',
        backend: { headers: { upgrade: null } },
      }),
    ],
  }),
  defineCase({
    name: 'answers of the proxy itself',
    resources: (c) =>
      http1(c, [
        direct('mine', { prefix: '/direct' }),
        { match: { prefix: '/redirect' }, redirect: { path_redirect: '/there' } },
        to(c, 'main', { prefix: '/main' }),
      ]),
    steps: [
      http2({ path: '/direct' }, { status: 200, body: 'mine' }),
      http2({ path: '/redirect' }, { status: 301, headers: { location: 'http://test.example/there' } }),
      http2({ path: '/none' }, { status: 404, body: '' }),
    ],
  }),
  defineCase({
    name: 'a reset of the upstream before its answer is 503 UR',
    backends: { main: { t: 'http2', replies: [{ after: 'reset' }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [http2({}, { status: 503 })],
    log: [{ code: 503, flags: 'UR' }],
  }),
  defineCase({
    name: 'an upstream without HTTP/2 is 502 or 503',
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [http2({}, {})],
  }),
  defineCase({
    name: 'gRPC: a call, its message and its trailers',
    backends: { main: { t: 'http2', replies: [{ headers: { 'content-type': 'application/grpc' }, body: 'm', trailers: { 'grpc-status': '0' } }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [
      http2(
        { method: 'POST', headers: GRPC, body: 'q' },
        { status: 200, body: 'm', trailers: { 'grpc-status': '0' }, backend: { headers: { te: 'trailers' } } },
      ),
    ],
  }),
  defineCase({
    name: 'gRPC: a head that is the whole answer',
    backends: { main: { t: 'http2', replies: [{ headers: { 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'gone' } }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [http2({ method: 'POST', headers: GRPC, body: 'q' }, { status: 200, body: '', headers: { 'grpc-status': '5', 'grpc-message': 'gone' } })],
  }),
  defineCase({
    name: 'gRPC: answers of the proxy itself are gRPC',
    resources: (c) =>
      http1(
        c,
        [
          to(c, 'empty', { prefix: '/empty' }),
          direct('teapot', { prefix: '/418' }, {}, 418),
          direct('no', { prefix: '/401' }, {}, 401),
          direct('no', { prefix: '/403' }, {}, 403),
          direct('slow down, please: 100 %', { prefix: '/429' }, {}, 429),
        ],
        {},
        [cluster(c, 'empty', {}, [])],
      ),
    steps: [
      http2(
        { method: 'POST', path: '/empty', headers: GRPC, body: 'q' },
        { status: 200, headers: { 'grpc-status': '14', 'grpc-message': 'no healthy upstream' } },
      ),
      http2({ method: 'POST', path: '/none', headers: GRPC }, { status: 200, headers: { 'grpc-status': '12' } }),
      http2({ method: 'POST', path: '/418', headers: GRPC }, {}),
      http2({ method: 'POST', path: '/401', headers: GRPC }, {}),
      http2({ method: 'POST', path: '/403', headers: GRPC }, {}),
      http2({ method: 'POST', path: '/429', headers: GRPC }, {}),
    ],
  }),
  defineCase({
    name: 'gRPC: the deadline of the caller is heeded where the route says so',
    backends: { main: { t: 'http2', replies: [{ silent: true }] } },
    resources: (c) =>
      http1(c, [to(c, 'main', ALL, { timeout: '0s', max_stream_duration: { grpc_timeout_header_max: '5s' } })], {}, [cluster(c, 'main', H2_CLUSTER)]),
    steps: [http2({ method: 'POST', headers: { ...GRPC, 'grpc-timeout': '150m' }, body: 'q' }, { status: 200, headers: { 'grpc-status': '4' } })],
  }),
  defineCase({
    name: 'a route timeout over HTTP/2',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '0.15s' })]),
    steps: [http2({}, { status: 504, body: 'upstream request timeout' })],
    log: [{ code: 504, flags: 'UT' }],
  }),
  defineCase({
    name: 'a timeout after the head has come resets the stream',
    backends: { main: [{ body: ['half', 'rest'], bodyGate: 'never' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '1s' })]),
    steps: [http2({}, { status: 200, body: 'half', complete: false })],
    log: [{ code: 200, flags: 'UT' }],
  }),
  defineCase({
    name: 'retries over HTTP/2',
    // What is left of the time at the second attempt.
    random: ['0.backend.1.headers.x-envoy-expected-rq-timeout-ms'],
    backends: { main: { t: 'http2', replies: [{ status: 503 }, { status: 200, body: 'second' }] } },
    resources: (c) =>
      http1(c, [to(c, 'main', ALL, { retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: { base_interval: '0.001s' } } })], {}, [
        cluster(c, 'main', H2_CLUSTER),
      ]),
    steps: [http2({ method: 'POST', body: 'again' }, { status: 200, body: 'second' })],
  }),
  defineCase({
    name: 'headers with underscores are refused over HTTP/2 as well',
    resources: (c) => http1(c, [to(c, 'main')], { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } }),
    steps: [http2({ headers: { a_b: '1' } }, {})],
  }),
  defineCase({
    name: 'a head over the limit',
    resources: (c) => http1(c, [to(c, 'main')], { max_request_headers_kb: 1 }),
    steps: [http2({ headers: { 'x-long': 'x'.repeat(3000) } }, {})],
  }),
  defineCase({
    name: 'codec HTTP2 takes no HTTP/1.1',
    resources: (c) => http1(c, [to(c, 'main')], { codec_type: 'HTTP2' }),
    steps: [http2({}, { status: 200, body: 'main' })],
  }),
];
