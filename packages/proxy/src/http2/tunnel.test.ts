import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import test, { after, before, describe } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { flagsOf, rawClient, startPlane, startRawServer, type Plane, type RawServer } from '../testing/plane.ts';

const WEBSOCKET = { upgrade_configs: [{ upgrade_type: 'websocket' }], http2_protocol_options: { allow_connect: true } };
const H2_UPSTREAM = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: { allow_connect: true } },
    },
  },
};
const UPGRADE = 'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n';

/** Answers an upgrade with 101 and early bytes, then sends back what comes, in upper case. */
function serveHttp1(socket: Socket): void {
  let head = '';
  let open = false;
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    if (open) {
      socket.write(text.toUpperCase());
      return;
    }
    head += text;
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (head.startsWith('GET /refused')) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    open = true;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-seen: yes\r\n\r\nearly ');
    if (head.length > end + 4) socket.write(head.slice(end + 4).toUpperCase());
  });
  socket.on('end', () => socket.end('bye'));
}

/** A stream of which the test reads the bytes so far. */
function follow(stream: http2.ClientHttp2Stream): { readonly status: Promise<number>; text(): string; readonly ended: Promise<string> } {
  let text = '';
  stream.setEncoding('latin1').on('data', (part: string) => (text += part));
  stream.on('error', () => {});
  return {
    status: new Promise((resolve) => stream.once('response', (headers) => resolve(Number(headers[':status'])))),
    text: () => text,
    ended: new Promise((resolve) => stream.once('end', () => resolve(text))),
  };
}

async function sees(look: () => string, wanted: string): Promise<void> {
  for (let i = 0; i < 1000 && !look().includes(wanted); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(look().includes(wanted), `"${look()}" has no "${wanted}"`);
}

describe('protocols are switched between HTTP/1.1 and HTTP/2 (RFC 8441)', () => {
  let server1: RawServer;
  let server2: http2.Http2Server;
  let plane: Plane;
  let session: http2.ClientHttp2Session;
  let lastHeaders: http2.IncomingHttpHeaders = {};

  before(async () => {
    server1 = await startRawServer(serveHttp1);
    server2 = http2.createServer({ settings: { enableConnectProtocol: true } });
    server2.on('stream', (stream, headers) => {
      lastHeaders = headers;
      stream.on('error', () => {});
      stream.respond({ ':status': headers[':path'] === '/refused' ? 403 : 200 });
      if (headers[':path'] === '/refused') {
        stream.end('no');
        return;
      }
      stream.write('early ');
      stream.on('data', (part: Buffer) => stream.write(part.toString('latin1').toUpperCase()));
      stream.on('end', () => stream.end('bye'));
    });
    await new Promise<void>((resolve) => server2.listen(0, '127.0.0.1', resolve));
    plane = await startPlane({
      clusters: [cluster('one', [server1.port]), cluster('two', [(server2.address() as AddressInfo).port], H2_UPSTREAM)],
      listeners: [plainListener('to1', hcm([routeTo('one')], WEBSOCKET)), plainListener('to2', hcm([routeTo('two')], WEBSOCKET))],
    });
  });
  after(async () => {
    session.destroy();
    await plane[Symbol.asyncDispose]();
    await server1[Symbol.asyncDispose]();
    server2.close();
  });

  async function open(listener: string, path: string): Promise<http2.ClientHttp2Stream> {
    session = http2.connect(`http://127.0.0.1:${plane.port(listener)}`);
    session.on('error', () => {});
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    return session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, ':scheme': 'http', 'sec-websocket-version': '13' });
  }

  for (const to of ['to1', 'to2']) {
    test(`HTTP/2 client, upstream ${to}: bytes both ways, early ones too; each side ends`, async () => {
      const count = plane.streams.length;
      const stream = await open(to, '/chat');
      const seen = follow(stream);
      stream.write('soon');
      assert.equal(await seen.status, 200);
      await sees(seen.text, 'early SOON');
      stream.write('x'.repeat(300_000));
      await sees(seen.text, 'X'.repeat(300_000));
      stream.end();
      assert.match(await seen.ended, /bye$/);
      const info = await plane.ended(count + 1);
      assert.equal(info.bytesReceived, 300_004);
      assert.equal(info.bytesSent, 300_013);
      assert.equal(flagsOf(info), '-');
      session.close();
    });

    test(`HTTP/2 client, upstream ${to}: a refusal is an answer`, async () => {
      const stream = await open(to, '/refused');
      const seen = follow(stream);
      assert.equal(await seen.status, 403);
      assert.equal(await seen.ended, 'no');
      session.close();
    });

    test(`HTTP/2 client, upstream ${to}: a reset ends the tunnel`, async () => {
      const count = plane.streams.length;
      const stream = await open(to, '/chat');
      const seen = follow(stream);
      assert.equal(await seen.status, 200);
      await sees(seen.text, 'early');
      stream.close(http2.constants.NGHTTP2_CANCEL);
      await plane.ended(count + 1);
      session.close();
    });
  }

  test('HTTP/1.1 client, HTTP/2 upstream: 101, bytes both ways, end', async () => {
    const client = await rawClient(plane.port('to2'));
    client.socket.write(`${UPGRADE}soon`);
    const head = await client.sees('early SOON');
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /\r\nupgrade: websocket\r\n/i);
    assert.equal(lastHeaders[':method'], 'CONNECT');
    assert.equal(lastHeaders[':protocol'], 'websocket');
    assert.equal(lastHeaders.upgrade, undefined);
    client.socket.write('more');
    await client.sees('MORE');
    client.socket.end();
    assert.match(await client.closed, /bye$/);
  });

  test('HTTP/1.1 client, HTTP/2 upstream: a refusal is an answer', async () => {
    const client = await rawClient(plane.port('to2'));
    client.socket.write(UPGRADE.replace('/chat', '/refused'));
    assert.match(await client.sees('no'), /^HTTP\/1\.1 403 /);
    client.socket.destroy();
  });

  test('an upgrade that the listener does not know is refused', async () => {
    const bare = await startPlane({
      clusters: [cluster('one', [server1.port])],
      listeners: [plainListener('main', hcm([routeTo('one')], { http2_protocol_options: { allow_connect: true } }))],
    });
    session = http2.connect(`http://127.0.0.1:${bare.port('main')}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':scheme': 'http' });
    assert.equal(await follow(stream).status, 403);
    session.destroy();
    await bare[Symbol.asyncDispose]();
  });
});
