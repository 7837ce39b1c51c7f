import { defineCase } from '../define.ts';
import { http, raw } from '../steps.ts';

/** HTTP/1.1 as it should be: framing, connection reuse, interim responses. */
export const cases = [
  defineCase({
    name: 'a GET is passed on and answered',
    steps: [
      http('/path?query=1', {
        status: 200,
        body: 'main',
        headers: { 'content-length': '4', 'x-envoy-upstream-service-time': '<ms>', server: 'envoy' },
        connection: 'open',
        backend: { method: 'GET', target: '/path?query=1', headers: { host: 'test.example', 'x-forwarded-proto': 'http' } },
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
    name: 'chunks arrive as chunks, with trailers left out or kept alike',
    steps: [
      http(
        { method: 'POST', body: ['one', 'two'] },
        { status: 200, backend: { body: 'onetwo', headers: { 'transfer-encoding': 'chunked', 'content-length': null } } },
      ),
    ],
  }),
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
    name: 'a HEAD has the length and no body',
    backends: { main: [{ body: 'hidden' }] },
    steps: [http({ method: 'HEAD' }, { status: 200, body: '', headers: { 'content-length': '6' }, connection: 'open' })],
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
];
