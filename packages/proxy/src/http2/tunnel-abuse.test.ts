import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { any, cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { rawCall, rawClient, startPlane, startRawServer } from '../testing/plane.ts';

const TUNNELS = {
  upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'CONNECT' }],
  http2_protocol_options: { allow_connect: true },
  http_protocol_options: { accept_http_10: true },
};
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n';
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno';

/** Refuses whatever is asked, and keeps the connection. */
const app = await startRawServer((socket) => void socket.on('data', () => socket.write(NOT_FOUND)));
const plane = await startPlane({
  clusters: [cluster('app', [app.port])],
  listeners: [plainListener('main', hcm([routeTo('app', {}, { connect_matcher: {} }), routeTo('app')], TUNNELS))],
});
after(async () => {
  await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

const port = plane.port('main');

async function connect(to: number): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(`http://127.0.0.1:${to}`);
  session.on('error', () => {});
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return session;
}

/** Asks on an HTTP/2 connection of its own, with `data` behind the head; answers the status. */
async function ask(headers: http2.OutgoingHttpHeaders, data: string): Promise<number> {
  const session = await connect(port);
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'a', ...headers }, { endStream: false });
  stream.on('error', () => {}).resume();
  stream.write(data);
  const status = await new Promise<number>((resolve) => stream.once('response', (answer) => resolve(Number(answer[':status']))));
  await new Promise((resolve) => stream.once('close', resolve));
  session.destroy();
  return status;
}

const EXTENDED = { ':scheme': 'http', ':path': '/public' };

/** A connection to the upstream that is free. */
async function warm(): Promise<void> {
  await rawCall(port, 'GET /warm HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
}

test('an extended CONNECT whose protocol HTTP/1.1 may ignore is no request without a body: its DATA goes nowhere', async () => {
  await warm();
  assert.equal(await ask({ ...EXTENDED, ':protocol': 'h2c' }, SMUGGLED), 403);
  assert.doesNotMatch(app.received(), /smuggled|public/);
});

test('a tunnel has no length: nothing is left for the server to take the next request for', async () => {
  await warm();
  assert.equal(await ask({ ...EXTENDED, ':protocol': 'websocket', 'content-length': '40' }, ''), 400);
  assert.equal(await ask({ 'content-length': '40' }, ''), 400);
  assert.doesNotMatch(app.received(), /public|CONNECT/);
});

test('CONNECT over HTTP/1.1 has no body, be it here whole or not', async () => {
  const head = 'CONNECT a:80 HTTP/1.1\r\nhost: a\r\n';
  for (const [rest, status] of [
    [`content-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`, 400],
    [`content-length: ${SMUGGLED.length}\r\n\r\n`, 400],
    [`transfer-encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`, 501],
    ['transfer-encoding: chunked\r\n\r\n', 501],
  ] as const) {
    const client = await rawClient(port);
    client.socket.write(head + rest);
    await client.sees(`HTTP/1.1 ${status} `);
    client.socket.destroy();
  }
  assert.doesNotMatch(app.received(), /CONNECT|smuggled/);
});

test('a request to change to the protocol "connect" is not made a CONNECT', async () => {
  const said = await rawCall(port, 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: Connect\r\n\r\n');
  assert.match(said, /^HTTP\/1\.1 403 /);
  assert.equal(await ask({ ...EXTENDED, ':protocol': 'connect' }, SMUGGLED), 403);
  assert.doesNotMatch(app.received(), /CONNECT|smuggled/);
});

test('a connection on which an upgrade was refused serves no other request', async () => {
  await warm();
  const before = app.sockets.length;
  const said = await rawCall(port, 'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  assert.match(said, /^HTTP\/1\.1 404 /);
  await warm();
  assert.equal(app.sockets.length, before + 1);
});

test('HTTP/1.0 changes no protocol, and its upstream is not offered one', async () => {
  await warm();
  await rawCall(port, 'GET /old HTTP/1.0\r\nhost: a\r\nconnection: upgrade\r\nupgrade: irc\r\n\r\n');
  assert.match(app.received(), /GET \/old HTTP\/1\.1/);
  assert.doesNotMatch(app.received(), /upgrade: irc/);
});

test('a length that a server tells with 101 is not told on: what follows is no body', async () => {
  await using odd = await startRawServer(
    (socket) =>
      void socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\nhello'),
      ),
  );
  await using tunnels = await startPlane({
    clusters: [cluster('odd', [odd.port])],
    listeners: [plainListener('main', hcm([routeTo('odd')], TUNNELS))],
  });
  const session = await connect(tunnels.port('main'));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':authority': 'a', ...EXTENDED });
  const answer = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
  const first = new Promise<string>((resolve, reject) => stream.once('data', (piece) => resolve(String(piece))).once('error', reject));
  assert.equal((await answer)['content-length'], undefined);
  assert.equal(await first, 'hello');
  session.destroy();
});

/** A server of HTTP/2 that agrees to every tunnel and has said all with that. */
async function startSilent(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on('stream', (stream, { ':path': path }) => {
    stream.on('error', () => {});
    if (path === '/trailers') {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-over': 'yes' }));
      stream.end('last ');
    } else stream.respond({ ':status': 200 }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const H2_UPSTREAM = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('upstreams.http.v3.HttpProtocolOptions', {
      explicit_http_config: { http2_protocol_options: { allow_connect: true } },
    }),
  },
};

for (const path of ['/at-once', '/trailers'])
  test(`a tunnel that its upstream ends (${path}) does not become a connection of HTTP again`, { timeout: 10_000 }, async () => {
    const silent = await startSilent();
    const tunnels = await startPlane({
      clusters: [cluster('silent', [silent.port], H2_UPSTREAM)],
      listeners: [plainListener('main', hcm([routeTo('silent')], TUNNELS))],
    });
    const client = await rawClient(tunnels.port('main'));
    client.socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
    await client.sees(/^HTTP\/1\.1 101 /);
    // The other side has said all: so does this one.
    await client.closed;
    client.socket.write('GET /again HTTP/1.1\r\nhost: a\r\n\r\n');
    client.socket.end();
    await new Promise((resolve) => client.socket.once('close', resolve));
    assert.equal(client.text().match(/HTTP\/1\.1 /g)?.length, 1, client.text());
    assert.equal(tunnels.dataPlane.activity.requests, 0);
    await tunnels[Symbol.asyncDispose]();
    await silent[Symbol.asyncDispose]();
  });

test('a client that ends its side with the head of its CONNECT has ended it', { timeout: 10_000 }, async () => {
  let ended = false;
  await using odd = await startRawServer((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello'));
    socket.once('end', () => {
      ended = true;
      socket.end();
    });
  });
  await using tunnels = await startPlane({
    clusters: [cluster('odd', [odd.port])],
    listeners: [plainListener('main', hcm([routeTo('odd')], TUNNELS))],
  });
  const session = await connect(tunnels.port('main'));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':authority': 'a', ...EXTENDED }, { endStream: true });
  let text = '';
  stream.on('data', (piece) => (text += String(piece)));
  await new Promise((resolve) => stream.once('end', resolve));
  assert.equal(text, 'hello');
  assert.ok(ended);
  await tunnels.ended(1);
  session.destroy();
});
