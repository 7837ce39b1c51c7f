import { defineCase } from '../define.ts';
import { http1, to } from '../resources.ts';
import { http, raw } from '../steps.ts';

const WEBSOCKET = { upgrade_configs: [{ upgrade_type: 'websocket' }] };
const UPGRADE = 'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n';

/** What becomes of connections: reuse, end, upgrade, early answers, clients and backends that go away. */
export const cases = [
  defineCase({
    name: 'three requests share a connection',
    steps: [
      http('/1', { status: 200 }, { on: 'a' }),
      http('/2', { status: 200 }, { on: 'a' }),
      http('/3', { status: 200, connection: 'open' }, { on: 'a' }),
    ],
    log: [{ path: '/1' }, { path: '/2' }, { path: '/3' }],
  }),
  defineCase({
    name: 'connection: close ends the connection',
    steps: [
      http(
        { headers: { connection: 'close' } },
        { status: 200, headers: { connection: 'close' }, connection: 'closed', backend: { headers: { connection: null } } },
      ),
    ],
  }),
  defineCase({
    name: 'connection: Close, keep-alive ends it, in any case',
    steps: [http({ headers: { connection: 'keep-alive, Close' } }, { status: 200, connection: 'closed' })],
  }),
  defineCase({
    name: 'connection: keep-alive is not passed on',
    steps: [
      http(
        { headers: { connection: 'keep-alive', 'keep-alive': 'timeout=5' } },
        { status: 200, connection: 'open', backend: { headers: { connection: null } } },
      ),
    ],
  }),
  defineCase({
    name: 'pipelined requests are answered in order',
    backends: { main: [{ body: 'first' }, { body: 'second' }] },
    steps: [
      raw('GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n', {
        responses: [
          { status: 200, body: 'first' },
          { status: 200, body: 'second' },
        ],
        backend: [{ target: '/1' }, { target: '/2' }],
      }),
    ],
  }),
  defineCase({
    name: 'ten pipelined requests, two with bodies',
    steps: [
      raw(
        `${'GET /g HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(4)}POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc${'GET /g HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(4)}POST /q HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n`,
        { responses: Array.from({ length: 10 }, () => ({ status: 200, body: 'main' })) },
      ),
    ],
  }),
  defineCase({
    name: 'nothing is read after connection: close',
    steps: [
      raw('GET /1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n', {
        responses: [{ status: 200 }],
        connection: 'ended',
        backend: [{ target: '/1' }],
      }),
    ],
  }),
  defineCase({
    name: 'HTTP/1.0 is refused when it is not allowed',
    steps: [raw('GET / HTTP/1.0\r\nhost: a\r\n\r\n', { status: 426, connection: 'ended', backend: null })],
    log: [{ code: 426, flags: 'DPE' }],
  }),
  defineCase({
    name: 'HTTP/1.0 is served and closed when it is allowed',
    resources: (c) => http1(c, [to(c, 'main')], { http_protocol_options: { accept_http_10: true } }),
    steps: [raw('GET / HTTP/1.0\r\nhost: a\r\n\r\n', { status: 200, body: 'main', connection: 'closed', backend: { headers: { host: 'a' } } })],
    log: [{ protocol: 'HTTP/1.0' }],
  }),
  defineCase({
    name: 'HTTP/1.0 with keep-alive is kept',
    resources: (c) => http1(c, [to(c, 'main')], { http_protocol_options: { accept_http_10: true } }),
    steps: [
      raw(
        'GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n',
        { status: 200, headers: { connection: 'keep-alive' }, connection: 'open' },
        { on: 'a' },
      ),
      raw('GET / HTTP/1.0\r\nhost: a\r\n\r\n', { status: 200, connection: 'closed' }, { on: 'a' }),
    ],
  }),
  defineCase({
    name: 'HTTP/1.0 without a host gets the configured one',
    resources: (c) => http1(c, [to(c, 'main')], { http_protocol_options: { accept_http_10: true, default_host_for_http_10: 'ten.example' } }),
    steps: [raw('GET / HTTP/1.0\r\n\r\n', { status: 200, backend: { headers: { host: 'ten.example' } } })],
  }),
  defineCase({
    name: 'HTTP/1.0 without a host and without a configured one is refused',
    resources: (c) => http1(c, [to(c, 'main')], { http_protocol_options: { accept_http_10: true } }),
    steps: [raw('GET / HTTP/1.0\r\n\r\n', { status: 400, backend: null })],
  }),
  defineCase({
    name: 'HTTP/1.1 without a host is refused',
    steps: [raw('GET / HTTP/1.1\r\n\r\n', { status: 400, backend: null })],
    log: [{ code: 400 }],
  }),
  defineCase({
    name: 'a chunked answer for HTTP/1.0 comes without chunks',
    backends: { main: [{ body: ['one', 'two'] }] },
    resources: (c) => http1(c, [to(c, 'main')], { http_protocol_options: { accept_http_10: true } }),
    steps: [raw('GET / HTTP/1.0\r\nhost: a\r\n\r\n', { status: 200, body: 'onetwo', headers: { 'transfer-encoding': null }, connection: 'closed' })],
  }),
  defineCase({
    name: 'an upgrade to websocket carries bytes both ways',
    backends: { main: [{ raw: `${SWITCHED}hello`, early: true }] },
    resources: (c) => http1(c, [to(c, 'main')], WEBSOCKET),
    steps: [
      raw([UPGRADE, { received: 'hello' }], {
        status: 101,
        headers: { upgrade: 'websocket', connection: /upgrade/i },
        received: 'hello',
        backend: { headers: { upgrade: 'websocket', connection: /upgrade/i } },
      }),
    ],
    log: [{ code: 101 }],
  }),
  defineCase({
    name: 'an upgrade that the backend refuses is an ordinary answer',
    backends: { main: [{ status: 403, body: 'no' }] },
    resources: (c) => http1(c, [to(c, 'main')], WEBSOCKET),
    steps: [raw(UPGRADE, { status: 403, body: 'no' })],
  }),
  defineCase({
    name: 'an upgrade that is not configured is refused',
    steps: [raw(UPGRADE, { status: 403, backend: null })],
    log: [{ code: 403, details: 'upgrade_failed' }],
  }),
  defineCase({
    name: 'an early answer does not wait for the rest of the body',
    backends: { main: [{ status: 413, body: 'too much', early: true }] },
    steps: [raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc', { responses: 1 }], { status: 413, body: 'too much' })],
    log: [{ code: 413 }],
  }),
  defineCase({
    name: 'a client that half-closes still gets its answer',
    backends: { main: [{ gate: 'go', body: 'late' }] },
    steps: [
      raw(['GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', { backendHas: 1 }, { fin: true }, { pauseMs: 100 }, { open: 'go' }], {
        connection: 'ended',
      }),
    ],
  }),
  defineCase({
    name: 'a client that goes away ends the request upstream',
    backends: { main: [{ silent: true }] },
    steps: [
      raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab', { backendHas: 1 }, { reset: true }], {
        responses: [],
        connection: 'reset',
        backend: { body: 'ab', complete: false },
      }),
    ],
    log: [{ flags: 'DC', code: 0, details: 'downstream_remote_disconnect' }],
  }),
  defineCase({
    name: 'a backend that closes before it answers is 503 UC',
    backends: { main: [{ after: 'close' }] },
    steps: [http('/', { status: 503, body: /upstream connect error/, connection: 'open' })],
    log: [{ code: 503, flags: 'UC' }],
  }),
  defineCase({
    name: 'a backend that resets before it answers is 503 UC',
    backends: { main: [{ after: 'reset' }] },
    steps: [http('/', { status: 503, body: /upstream connect error/, connection: 'open' })],
    log: [{ code: 503, flags: 'UC' }],
  }),
  defineCase({
    name: 'a body that the backend cuts off ends the connection',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', after: 'close' }] },
    steps: [http('/', { status: 200, body: 'half', complete: false, connection: 'ended' })],
    log: [{ code: 200, flags: 'UPE', sent: 4 }],
  }),
  defineCase({
    name: 'chunks that the backend cuts off end the connection',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n', after: 'reset' }] },
    steps: [http('/', { status: 200, body: 'half', complete: false, connection: 'ended' })],
    log: [{ code: 200, flags: 'UPE', sent: 4 }],
  }),
  defineCase({
    name: 'nobody listens at the backend: 503 UF',
    backends: { main: { t: 'closed' } },
    steps: [http('/', { status: 503, body: 'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure' })],
    log: [{ code: 503, flags: 'UF', failure: /refused/i }],
  }),
  defineCase({
    name: 'max_requests_per_connection closes after the last one',
    resources: (c) => http1(c, [to(c, 'main')], { common_http_protocol_options: { max_requests_per_connection: 2 } }),
    steps: [
      http('/1', { status: 200, connection: 'open' }, { on: 'a' }),
      http('/2', { status: 200, headers: { connection: 'close' }, connection: 'closed' }, { on: 'a' }),
    ],
  }),
  defineCase({
    name: 'an idle connection is closed after idle_timeout',
    resources: (c) => http1(c, [to(c, 'main')], { drain_timeout: '0.1s', common_http_protocol_options: { idle_timeout: '1s' } }),
    steps: [http('/', { status: 200, connection: 'closed' })],
  }),
  defineCase({
    name: 'a connection that has lasted max_connection_duration is closed',
    resources: (c) => http1(c, [to(c, 'main')], { drain_timeout: '0.1s', common_http_protocol_options: { max_connection_duration: '1s' } }),
    steps: [http('/', { status: 200, connection: 'closed' })],
  }),
  defineCase({
    name: 'a head that does not end is closed after request_headers_timeout',
    resources: (c) => http1(c, [to(c, 'main')], { request_headers_timeout: '0.2s' }),
    steps: [raw('GET / HTTP/1.1\r\nhost: a\r\n', { status: 408, connection: 'ended', backend: null })],
  }),
  defineCase({
    name: 'a body that does not end is answered 408 after request_timeout',
    resources: (c) => http1(c, [to(c, 'main')], { request_timeout: '0.2s' }),
    steps: [raw('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab', { status: 408, body: 'request timeout' })],
    log: [{ code: 408, flags: '-', details: 'request_overall_timeout' }],
  }),
  defineCase({
    name: 'a body that stalls is answered 408 after stream_idle_timeout',
    resources: (c) => http1(c, [to(c, 'main')], { stream_idle_timeout: '0.2s' }),
    steps: [raw('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab', { status: 408, body: 'stream timeout' })],
    log: [{ code: 408, flags: 'SI' }],
  }),
  defineCase({
    name: 'an answer that stalls in its body is cut after stream_idle_timeout',
    backends: { main: [{ body: ['half', 'rest'], bodyGate: 'never' }] },
    resources: (c) => http1(c, [to(c, 'main')], { stream_idle_timeout: '1s' }),
    steps: [http('/', { status: 200, body: 'half', complete: false, connection: 'ended' })],
    log: [{ code: 200, flags: 'SI' }],
  }),
];
