import { defineCase } from '../define.ts';
import { any, cluster, http1, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, raw } from '../steps.ts';

function withTrailers(c: CaseContext): Resources {
  const upstream = any('upstreams.http.v3.HttpProtocolOptions', { explicit_http_config: { http_protocol_options: { enable_trailers: true } } });
  const options = { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': upstream } };
  return http1(c, [to(c, 'main')], { http_protocol_options: { enable_trailers: true } }, [cluster(c, 'main', options)]);
}

/** HTTP/1.1 messages as they should be: framing, trailers, interim responses, responses without a body. */
export const cases = [
  defineCase({
    name: 'a GET is passed on and answered',
    steps: [
      http('/path?query=1', {
        status: 200,
        body: 'main',
        headers: { 'content-length': '4', 'x-envoy-upstream-service-time': '<ms>', server: 'envoy' },
        connection: 'open',
        backend: { method: 'GET', target: '/path?query=1', headers: { host: 'test.example', 'x-forwarded-proto': 'http', 'x-request-id': '<uuid>' } },
      }),
    ],
    log: [{ method: 'GET', path: '/path?query=1', code: 200, flags: '-', details: 'via_upstream', received: 0, sent: 4, upstream: '<backend main>' }],
  }),
  defineCase({
    name: 'a body with content-length arrives whole',
    steps: [http({ method: 'POST', body: 'hello' }, { status: 200, backend: { method: 'POST', body: 'hello', headers: { 'content-length': '5' } } })],
    log: [{ received: 5 }],
  }),
  defineCase({
    name: 'chunks arrive as chunks',
    steps: [
      http(
        { method: 'POST', body: ['one', 'two'] },
        { status: 200, backend: { body: 'onetwo', headers: { 'transfer-encoding': 'chunked', 'content-length': null } } },
      ),
    ],
  }),
  defineCase({
    name: 'a body of 200 kB arrives whole',
    backends: { main: [{ body: 'y'.repeat(200_000) }] },
    steps: [http({ method: 'PUT', body: 'x'.repeat(200_000) }, { status: 200, body: 'y'.repeat(200_000), backend: { body: 'x'.repeat(200_000) } })],
    log: [{ received: 200_000, sent: 200_000 }],
  }),
  defineCase({
    name: 'a chunked response stays chunked',
    backends: { main: [{ body: ['a', 'bc', 'def'] }] },
    steps: [http('/', { status: 200, body: 'abcdef', headers: { 'transfer-encoding': 'chunked', 'content-length': null }, connection: 'open' })],
  }),
  defineCase({
    name: 'chunk extensions do not matter',
    steps: [
      raw('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;name=value\r\nabc\r\n0\r\n\r\n', {
        status: 200,
        backend: { body: 'abc' },
      }),
    ],
  }),
  defineCase({
    name: 'an empty chunked body is a body',
    steps: [raw('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', { status: 200, backend: { body: '' } })],
  }),
  defineCase({
    name: 'chunk sizes in capitals and with leading zeros count',
    steps: [
      raw('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n000A\r\n0123456789\r\n0\r\n\r\n', {
        status: 200,
        backend: { body: '0123456789' },
      }),
    ],
  }),
  defineCase({
    name: 'a response that ends with its connection is passed on',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\n\r\nuntil the end', after: 'close' }] },
    steps: [http('/', { status: 200, body: 'until the end', complete: true })],
    log: [{ code: 200, flags: '-', sent: 13 }],
  }),
  defineCase({
    name: 'a HEAD has the length and no body',
    backends: { main: [{ body: 'hidden' }] },
    steps: [http({ method: 'HEAD' }, { status: 200, body: '', headers: { 'content-length': '6' }, connection: 'open' })],
  }),
  defineCase({
    name: 'a HEAD answered as chunked has no body',
    backends: { main: [{ body: ['a'] }] },
    steps: [http({ method: 'HEAD' }, { status: 200, body: '', connection: 'open' }, { on: 'a' }), http('/', { status: 200, body: 'a' }, { on: 'a' })],
  }),
  defineCase({
    name: 'a 204 has no body and the connection is kept',
    backends: { main: [{ status: 204 }, { body: 'next' }] },
    steps: [
      http('/', { status: 204, body: '', headers: { 'content-length': null, 'transfer-encoding': null }, connection: 'open' }, { on: 'a' }),
      http('/', { status: 200, body: 'next' }, { on: 'a' }),
    ],
  }),
  defineCase({
    name: 'a 304 keeps its content-length and has no body',
    backends: { main: [{ status: 304, headers: { 'content-length': '10', etag: '"x"' } }, { body: 'next' }] },
    steps: [
      http('/', { status: 304, body: '', headers: { etag: '"x"' }, connection: 'open' }, { on: 'a' }),
      http('/', { status: 200, body: 'next' }, { on: 'a' }),
    ],
  }),
  defineCase({
    name: 'expect: 100-continue is answered and the body follows',
    steps: [
      raw(['POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n', { interim: 1 }, 'ok'], {
        status: 200,
        interim: [100],
        backend: { body: 'ok', headers: { expect: null } },
      }),
    ],
  }),
  defineCase({
    name: 'expect: 100-Continue is known in any case',
    steps: [
      raw(['POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n', { interim: 1 }, 'ok'], { status: 200, interim: [100] }),
    ],
  }),
  defineCase({
    name: 'a 100 from the backend is not doubled',
    backends: { main: [{ interim: 'HTTP/1.1 100 Continue\r\n\r\n', body: 'done' }] },
    steps: [http({ method: 'POST', body: 'x' }, { status: 200, body: 'done' })],
  }),
  defineCase({
    name: 'two interim responses do not disturb',
    backends: { main: [{ interim: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n', body: 'done' }] },
    steps: [http('/', { status: 200, body: 'done' })],
  }),
  defineCase({
    name: 'header names and values reach the backend, repeated ones too',
    steps: [
      http(
        {
          headers: [
            ['X-One', 'a b'],
            ['x-two', '1'],
            ['x-two', '2'],
            ['x-empty', ''],
            ['x-punctuation', '~!@#$%^&*()_+{}|:"<>?'],
          ],
        },
        { status: 200, backend: { headers: { 'x-one': 'a b', 'x-two': '1, 2', 'x-empty': '', 'x-punctuation': '~!@#$%^&*()_+{}|:"<>?' } } },
      ),
    ],
  }),
  defineCase({
    name: 'response headers reach the client, set-cookie line by line',
    backends: {
      main: [
        {
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
            ['x-answer', 'yes'],
          ],
        },
      ],
    },
    steps: [http('/', { status: 200, headers: { 'set-cookie': 'a=1, b=2', 'x-answer': 'yes' } })],
  }),
  defineCase({
    name: 'bytes beyond ASCII in values pass',
    backends: { main: [{ headers: { 'x-name': 'caf\u00e9' } }] },
    steps: [
      http(
        { headers: { 'x-name': 'caf\u00e9' } },
        { status: 200, headers: { 'x-name': 'caf\u00e9' }, backend: { headers: { 'x-name': 'caf\u00e9' } } },
      ),
    ],
  }),
  defineCase({
    name: 'white space around values is no part of them',
    steps: [
      raw('GET / HTTP/1.1\r\nhost: a\r\nx-pad: \t value \t \r\nx-tight:tight\r\n\r\n', {
        status: 200,
        backend: { headers: { 'x-pad': 'value', 'x-tight': 'tight' } },
      }),
    ],
  }),
  defineCase({
    name: 'empty lines before the request are skipped',
    steps: [raw('\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', { status: 200 })],
  }),
  defineCase({
    name: 'a request that comes byte by byte is a request',
    steps: [raw('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n'.split(''), { status: 200, backend: { target: '/slow' } })],
  }),
  defineCase({
    name: 'DELETE and PATCH with bodies pass',
    steps: [
      http({ method: 'DELETE', body: 'gone' }, { status: 200, backend: { method: 'DELETE', body: 'gone' } }),
      http({ method: 'PATCH', body: 'part' }, { status: 200, backend: { method: 'PATCH', body: 'part' } }),
    ],
  }),
  defineCase({
    name: 'OPTIONS * is not routed',
    steps: [raw('OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', { status: 404, backend: null })],
    log: [{ code: 404, details: 'absolute_path_rejected', flags: '-' }],
  }),
  defineCase({
    name: 'an absolute target becomes a path, and its authority the host',
    steps: [
      raw('GET http://other.example/x?y=1 HTTP/1.1\r\nhost: ignored.example\r\n\r\n', {
        status: 200,
        backend: { target: '/x?y=1', headers: { host: 'other.example' } },
      }),
    ],
    log: [{ path: '/x?y=1', authority: 'other.example' }],
  }),
  defineCase({
    name: 'an absolute target without a path means /',
    steps: [
      raw('GET http://other.example HTTP/1.1\r\nhost: a\r\n\r\n', { status: 200, backend: { target: '/', headers: { host: 'other.example' } } }),
    ],
  }),
  defineCase({
    name: 'a status without a reason and an odd status pass',
    backends: { main: [{ raw: 'HTTP/1.1 299\r\ncontent-length: 0\r\n\r\n' }, { status: 599 }] },
    steps: [http('/', { status: 299 }), http('/', { status: 599 })],
  }),
  defineCase({
    name: 'trailers of a request without enable_trailers do not arrive',
    steps: [http({ method: 'POST', body: ['x'], trailers: { 'x-sum': '1' } }, { status: 200, backend: { body: 'x', trailers: {} } })],
  }),
  defineCase({
    name: 'trailers pass in both directions with enable_trailers',
    backends: { main: [{ body: ['x'], trailers: { 'x-sum': '2' } }] },
    resources: (c) => withTrailers(c),
    steps: [
      http(
        { method: 'POST', body: ['x'], trailers: { 'x-sum': '1' } },
        { status: 200, body: 'x', trailers: { 'x-sum': '2' }, backend: { body: 'x', trailers: { 'x-sum': '1' } } },
      ),
    ],
  }),
];
