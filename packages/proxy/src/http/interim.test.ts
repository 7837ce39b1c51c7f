import assert from 'node:assert/strict';
import { test } from 'node:test';
import { any, cluster, hcm, plainListener, ROUTER, routeTo } from '../testing/build.ts';
import { rawCall, rawClient, startPlane, startRawServer } from '../testing/plane.ts';

const EXPECTING = 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const BUFFER = { name: 'envoy.filters.http.buffer', typed_config: any('filters.http.buffer.v3.Buffer', { max_request_bytes: 1000 }) };

/** A proxy that hands on interim responses, before an application that sends `text` for each request's head. */
async function before(text: string, more: object = {}): Promise<AsyncDisposable & { readonly port: number; received(): string }> {
  const app = await startRawServer((socket) => {
    let seen = '';
    socket.on('data', (piece: Buffer) => {
      seen += piece.toString('latin1');
      if (!seen.includes('\r\n\r\n')) return;
      seen = '';
      socket.write(text);
    });
  });
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [plainListener('http', hcm([routeTo('app')], { proxy_100_continue: true, ...more }))],
  });
  return {
    port: plane.port('http'),
    received: () => app.received(),
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

test('a filter that needs the body first has the proxy say 100, and the application is not asked', async () => {
  await using proxy = await before(OK, { http_filters: [BUFFER, ROUTER] });
  const client = await rawClient(proxy.port);
  client.socket.write(EXPECTING);
  await client.sees('HTTP/1.1 100 Continue\r\n\r\n');
  assert.equal(proxy.received(), '');
  client.socket.write('hi');
  assert.match(await client.closed, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/);
  assert.match(proxy.received(), /\r\n\r\nhi$/);
  assert.doesNotMatch(proxy.received(), /\r\nexpect:/i);
});

test('what an interim head says of a body, or of the connection, stays behind', async () => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 5\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n';
  await using proxy = await before(interim + OK);
  const text = await rawCall(proxy.port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/);
});

test('a client of HTTP/1.0 gets no interim response, and none that nobody knows goes on', async () => {
  await using proxy = await before(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 Strange\r\n\r\n${OK}`, {
    http_protocol_options: { accept_http_10: true },
  });
  assert.match(await rawCall(proxy.port, 'GET / HTTP/1.0\r\nhost: a\r\n\r\n'), /^HTTP\/1\.1 200 OK/);
  assert.match(
    await rawCall(proxy.port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/,
  );
});
