import { defineCase, type ParityCase } from '../define.ts';
import { http1, to } from '../resources.ts';
import { http, raw } from '../steps.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n';
const POST = 'POST / HTTP/1.1\r\nhost: a\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';

/** Bytes that must be answered with 400 (or another status) and an end, and reach no backend. */
function refused(name: string, bytes: string, status = 400): ParityCase {
  return defineCase({ name, steps: [raw(bytes, { status, connection: 'ended', backend: null })] });
}

/** What Envoy repairs and passes on; ours refuses it (`intended-differences.ts`). */
function repaired(name: string, bytes: string): ParityCase {
  return defineCase({ name, steps: [raw(bytes, { status: 200 })] });
}

/** A response that must not be passed on: the client gets a 502 (503 when nothing could be read). */
function badResponse(name: string, bytes: string): ParityCase {
  return defineCase({
    name,
    backends: { main: [{ raw: bytes, after: 'close' }] },
    steps: [http('/', { status: 502 })],
    log: [{ code: 502, flags: 'UPE', details: /protocol_error/ }],
  });
}

/** Hostile HTTP/1.1 from clients and from backends: refused, never repaired. */
export const cases = [
  // Framing that two readers could read differently.
  refused('content-length and chunked together are refused', `${POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  refused('chunked and content-length together are refused', `${POST}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  refused('two different content-lengths are refused', `${POST}content-length: 1\r\ncontent-length: 2\r\n\r\nab`),
  refused('two equal content-lengths are refused', `${POST}content-length: 2\r\ncontent-length: 2\r\n\r\nab`),
  refused('a list of content-lengths is refused', `${POST}content-length: 2, 2\r\n\r\nab`),
  refused('a content-length with a sign is refused', `${POST}content-length: +2\r\n\r\nab`),
  refused('a negative content-length is refused', `${POST}content-length: -1\r\n\r\n`),
  refused('a content-length that is no number is refused', `${POST}content-length: two\r\n\r\nab`),
  refused('a content-length in hexadecimal is refused', `${POST}content-length: 0x2\r\n\r\nab`),
  refused('an empty content-length is refused', `${POST}content-length:\r\n\r\n`),
  refused('a content-length beyond 64 bits is refused', `${POST}content-length: 99999999999999999999\r\n\r\n`),
  refused('transfer-encoding: identity is refused', `${POST}transfer-encoding: identity\r\n\r\n`, 501),
  refused('transfer-encoding: gzip, chunked is refused', `${POST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501),
  refused('transfer-encoding: chunked, chunked is refused', `${POST}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 501),
  refused('two transfer-encoding lines are refused', `${POST}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n`, 501),
  refused('a transfer-encoding with a vertical tab is refused', `${POST}transfer-encoding: \u000bchunked\r\n\r\n0\r\n\r\n`),
  refused('an unknown transfer-encoding is refused', `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`, 501),
  // Lines and names.
  refused('a space before the colon is refused', 'GET / HTTP/1.1\r\nhost : a\r\n\r\n'),
  repaired('a folded line', `${GET}x-one: 1\r\n two\r\n\r\n`),
  repaired('a folded line with a tab', `${GET}x-one: 1\r\n\ttwo\r\n\r\n`),
  refused('a line without a colon is refused', `${GET}nocolon\r\n\r\n`),
  refused('an empty name is refused', `${GET}: value\r\n\r\n`),
  refused('a first line that is folded is refused', 'GET / HTTP/1.1\r\n x: 1\r\nhost: a\r\n\r\n'),
  repaired('a bare CR in a value', `${GET}x-one: a\rb\r\n\r\n`),
  refused('a bare CR before a name is refused', `${GET}\rx-one: a\r\n\r\n`),
  repaired('a bare LF between lines', 'GET / HTTP/1.1\nhost: a\n\n'),
  repaired('a bare LF after one line', `${GET}x-one: 1\nx-two: 2\r\n\r\n`),
  refused('a NUL in a value is refused', `${GET}x-one: a\0b\r\n\r\n`),
  refused('a NUL in a name is refused', `${GET}x\0one: a\r\n\r\n`),
  refused('a control character in a value is refused', `${GET}x-one: a\u0001b\r\n\r\n`),
  refused('a DEL in a value is refused', `${GET}x-one: a\u007fb\r\n\r\n`),
  refused('a name with a parenthesis is refused', `${GET}x(one): a\r\n\r\n`),
  refused('a name beyond ASCII is refused', `${GET}x\u00e9: a\r\n\r\n`),
  // The request line.
  refused('a method in brackets is refused', '<GET> / HTTP/1.1\r\nhost: a\r\n\r\n'),
  refused('an empty method is refused', ' / HTTP/1.1\r\nhost: a\r\n\r\n'),
  repaired('a second space in the request line', 'GET  / HTTP/1.1\r\nhost: a\r\n\r\n'),
  refused('a target with a space is refused', 'GET /a b HTTP/1.1\r\nhost: a\r\n\r\n'),
  repaired('a tab in the request line', 'GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n'),
  refused('a target with a NUL is refused', 'GET /a\0b HTTP/1.1\r\nhost: a\r\n\r\n'),
  refused('a request without a version is refused', 'GET /\r\nhost: a\r\n\r\n', 426),
  refused('HTTP/1.2 is refused', 'GET / HTTP/1.2\r\nhost: a\r\n\r\n', 426),
  refused('HTTP/2.0 in the request line is refused', 'GET / HTTP/2.0\r\nhost: a\r\n\r\n', 426),
  refused('HTTP/0.9 is refused', 'GET / HTTP/0.9\r\nhost: a\r\n\r\n', 426),
  refused('a version in small letters is refused', 'GET / http/1.1\r\nhost: a\r\n\r\n'),
  refused('another protocol is refused', 'GET / XTTP/1.1\r\nhost: a\r\n\r\n'),
  refused('TLS on a plain port is refused', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'),
  // Host.
  repaired('two equal hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n'),
  repaired('two different hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'),
  refused('a host with a slash is refused', 'GET / HTTP/1.1\r\nhost: a/b\r\n\r\n'),
  refused('a host with a space is refused', 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n'),
  repaired('a host with an at sign', 'GET / HTTP/1.1\r\nhost: user@a\r\n\r\n'),
  // Chunks.
  refused('a chunk size that is no number is refused', `${POST}transfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n`),
  refused('a negative chunk size is refused', `${POST}transfer-encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n`),
  refused('a chunk size with 0x is refused', `${POST}transfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`),
  refused('a chunk size beyond 64 bits is refused', `${POST}transfer-encoding: chunked\r\n\r\n10000000000000000\r\nabc\r\n0\r\n\r\n`),
  refused('an empty chunk size is refused', `${POST}transfer-encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n`),
  refused('a space before a chunk size is refused', `${POST}transfer-encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n`),
  refused('a chunk line that ends with a bare LF is refused', `${POST}transfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`),
  repaired('a chunk that is longer than its size', `${POST}transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`),
  refused('a chunk extension with a bare LF is refused', `${POST}transfer-encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n`),
  refused('a trailer line without a colon is refused', `${POST}transfer-encoding: chunked\r\n\r\n0\r\nnocolon\r\n\r\n`),
  // Sizes.
  defineCase({
    name: 'more than 100 header lines are refused with 431',
    steps: [raw(`${GET}${Array.from({ length: 101 }, (_, i) => `x-${i}: 1\r\n`).join('')}\r\n`, { status: 431, connection: 'ended', backend: null })],
  }),
  defineCase({
    name: 'a configured header count is in force',
    resources: (c) => http1(c, [to(c, 'main')], { common_http_protocol_options: { max_headers_count: 10 } }),
    steps: [
      raw(`${GET}${'x-1: 1\r\n'.repeat(5)}\r\n`, { status: 200 }),
      raw(`${GET}${'x-1: 1\r\n'.repeat(10)}\r\n`, { status: 431, connection: 'ended', backend: null }),
    ],
  }),
  defineCase({
    name: 'a head of 70 kB is refused with 431',
    steps: [raw(`${GET}x-long: ${'x'.repeat(70_000)}\r\n\r\n`, { status: 431, connection: 'ended', backend: null })],
  }),
  defineCase({
    name: 'a target of 70 kB is refused with 431',
    steps: [raw(`GET /${'x'.repeat(70_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, { status: 431, connection: 'ended', backend: null })],
  }),
  defineCase({
    name: 'a configured head size is in force',
    resources: (c) => http1(c, [to(c, 'main')], { max_request_headers_kb: 4 }),
    steps: [
      raw(`${GET}x-long: ${'x'.repeat(3_000)}\r\n\r\n`, { status: 200 }),
      raw(`${GET}x-long: ${'x'.repeat(5_000)}\r\n\r\n`, { status: 431, connection: 'ended', backend: null }),
    ],
  }),
  // Names with underscores.
  defineCase({
    name: 'names with underscores pass by default',
    steps: [http({ headers: { x_under_score: '1' } }, { status: 200, backend: { headers: { x_under_score: '1' } } })],
  }),
  defineCase({
    name: 'names with underscores are refused when that is configured',
    resources: (c) => http1(c, [to(c, 'main')], { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } }),
    steps: [http({ headers: { x_under_score: '1' } }, { status: 400, backend: null })],
  }),
  defineCase({
    name: 'headers with underscores are dropped when that is configured',
    resources: (c) => http1(c, [to(c, 'main')], { common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } }),
    steps: [
      http({ headers: { x_under_score: '1', 'x-other': '2' } }, { status: 200, backend: { headers: { x_under_score: null, 'x-other': '2' } } }),
    ],
  }),
  // Hop by hop.
  defineCase({
    name: 'headers that connection names are not passed on',
    steps: [
      http(
        { headers: { connection: 'x-hop, close', 'x-hop': 'secret', 'x-stay': '1' } },
        { status: 200, backend: { headers: { 'x-hop': null, 'x-stay': '1', connection: null } } },
      ),
    ],
  }),
  defineCase({
    name: 'hop-by-hop headers are not passed on',
    steps: [
      http(
        { headers: { te: 'gzip', 'proxy-connection': 'keep-alive', 'keep-alive': '5' } },
        { status: 200, backend: { headers: { te: null, 'proxy-connection': null, 'keep-alive': null } } },
      ),
    ],
  }),
  defineCase({
    name: 'te: trailers is passed on',
    steps: [http({ headers: { te: 'trailers' } }, { status: 200, backend: { headers: { te: 'trailers' } } })],
  }),
  defineCase({
    name: 'connection cannot take away x-forwarded-for',
    steps: [http({ headers: { connection: 'x-forwarded-for', 'x-forwarded-for': '1.2.3.4' } }, { status: 400, connection: 'ended', backend: null })],
  }),
  // Backends.
  badResponse('a response with two different content-lengths is refused', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
  badResponse('a response with a NUL is refused', 'HTTP/1.1 200 OK\r\nx-one: a\0b\r\ncontent-length: 0\r\n\r\n'),
  badResponse('a response with a space before a colon is refused', 'HTTP/1.1 200 OK\r\nx-one : a\r\ncontent-length: 0\r\n\r\n'),
  badResponse(
    'a response with content-length and chunked is refused',
    'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  badResponse('a response of another protocol is refused', 'SSH-2.0-OpenSSH\r\n\r\n'),
  badResponse('a response with 101 header lines is refused', `HTTP/1.1 200 OK\r\n${'x-one: 1\r\n'.repeat(101)}content-length: 0\r\n\r\n`),
  defineCase({
    name: 'bytes after a response spoil the connection, not the next request',
    backends: {
      main: [{ raw: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged' }, { body: 'second' }],
    },
    steps: [http('/1', { status: 200, body: 'ok' }, { on: 'a' }), http('/2', { status: 200, body: 'second' }, { on: 'a' })],
  }),
  defineCase({
    name: 'a response with a folded line',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\nx-one: a\r\n b\r\ncontent-length: 0\r\n\r\n', after: 'close' }] },
    steps: [http('/', { status: 200 })],
  }),
  defineCase({
    name: 'a response with a status of two digits',
    backends: { main: [{ raw: 'HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n', after: 'close' }] },
    steps: [raw(['GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'], { connection: 'ended' })],
  }),
  defineCase({
    name: 'a chunk size of a response that is no number cuts the answer',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n\r\n' }] },
    steps: [raw([`${GET}connection: close\r\n\r\n`], { connection: 'ended' })],
  }),
];
