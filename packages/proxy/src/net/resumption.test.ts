import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { cluster, hcm, meshInbound, meshTls, plainListener, routeTo, tcpProxy, type Alpn } from '../testing/build.ts';
import { createTestAuthority, type TestAuthority } from '../testing/identities.ts';
import { flagsOf, rawCall, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const CONNECTIONS = 40;
const CLIENT = 'spiffe://cluster.local/ns/bookinfo/sa/client';
const SERVER = 'spiffe://cluster.local/ns/bookinfo/sa/server';
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nhost: reviews\r\nconnection: close\r\n\r\n';

async function secrets(authority: TestAuthority, account: string, ttlMs?: number): Promise<object[]> {
  return [(await authority.identity(account, ttlMs)).secret, authority.rootSecret];
}

const filterFor = (kind: Alpn, name: string): object => (kind === 'http' ? hcm([routeTo(name)]) : tcpProxy(name));

/** A program that answers any request and closes. */
const startApp = () => startRawServer((socket) => void socket.once('data', () => socket.end(ANSWER)));

/** An inbound proxy before a program. */
async function startInbound(kind: Alpn, authority: TestAuthority): Promise<Plane> {
  const app = await startApp();
  const plane = await startPlane({
    secrets: await secrets(authority, 'server'),
    clusters: [cluster('app', [app.port])],
    listeners: [meshInbound('in', filterFor(kind, 'app'), kind)],
  });
  const close = plane[Symbol.asyncDispose].bind(plane);
  plane[Symbol.asyncDispose] = async () => {
    await close();
    await app[Symbol.asyncDispose]();
  };
  return plane;
}

/** An outbound proxy that makes a new TLS connection for every request. */
async function startOutbound(kind: Alpn, authority: TestAuthority, port: number, ttlMs?: number): Promise<Plane> {
  return startPlane({
    secrets: await secrets(authority, 'client', ttlMs),
    clusters: [cluster('reviews', [port], { ...meshTls(kind, 'server'), max_requests_per_connection: 1 })],
    listeners: [plainListener('out', filterFor(kind, 'reviews'))],
  });
}

for (const kind of ['http', 'tcp'] as const) {
  test(`${kind}: every one of many TLS connections in a row stands, with both identities known`, { timeout: 60_000 }, async () => {
    const authority = await createTestAuthority();
    await using inbound = await startInbound(kind, authority);
    await using outbound = await startOutbound(kind, authority, inbound.port('in'));
    for (let at = 0; at < CONNECTIONS; at++) {
      const text = await rawCall(outbound.port('out'), GET);
      assert.match(text, /^HTTP\/1.1 200 OK\r\n[^]*ok$/, `call ${at}: ${outbound.streams.at(-1)?.upstreamTransportFailureReason}`);
    }
    await inbound.ended(CONNECTIONS);
    await outbound.ended(CONNECTIONS);
    const servers = new Set(outbound.streams.map((info) => `${info.upstreamTls?.peerUri} ${flagsOf(info)}`));
    const clients = new Set(inbound.streams.map((info) => `${info.connection.tls?.peerUri} ${info.connection.tls?.peerHash} ${flagsOf(info)}`));
    assert.deepEqual([...servers], [`${SERVER} -`]);
    assert.equal(clients.size, 1);
    assert.match([...clients].join(), new RegExp(`^${CLIENT} [0-9a-f]{64} -$`));
    assert.equal(new Set(inbound.streams.map((info) => info.connection.remotePort)).size, CONNECTIONS, 'each had a connection of its own');
  });
}

/** A server by `node:tls` that counts full and resumed handshakes; its certificate can be exchanged without its ticket keys changing. */
async function startTlsServer(authority: TestAuthority, account: string, ttlMs?: number) {
  const { chain, key } = await authority.identity(account, ttlMs);
  const shakes: boolean[] = [];
  const options = { cert: chain, key, ca: authority.rootPem, requestCert: true, ALPNProtocols: ['istio'] };
  const server = createServer(options, (socket: TLSSocket) => {
    shakes.push(socket.isSessionReused());
    socket.on('error', () => {});
    socket.once('data', () => socket.end(ANSWER));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    shakes,
    server,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

test('a session is resumed, but not after our certificate or our trust has changed', async () => {
  const authority = await createTestAuthority();
  await using server = await startTlsServer(authority, 'server');
  await using outbound = await startOutbound('tcp', authority, server.port);
  const call = (): Promise<string> => rawCall(outbound.port('out'), GET);
  for (let at = 0; at < 3; at++) assert.match(await call(), /200/);
  assert.deepEqual(server.shakes, [false, true, true]);
  await outbound.apply({ secrets: await secrets(authority, 'client') });
  assert.match(await call(), /200/);
  assert.deepEqual(server.shakes, [false, true, true, false]);
  const other = await createTestAuthority();
  await outbound.apply({ secrets: [other.rootSecret] });
  assert.equal(await call(), '');
  const info = await outbound.ended(5);
  assert.deepEqual([flagsOf(info), info.upstreamTls], ['UF,URX', undefined]);
});

test('a server whose certificate has expired is not resumed with: it must show a new one', { timeout: 20_000 }, async () => {
  const authority = await createTestAuthority();
  await using server = await startTlsServer(authority, 'server', 2_000);
  await using outbound = await startOutbound('tcp', authority, server.port);
  const call = (): Promise<string> => rawCall(outbound.port('out'), GET);
  assert.match(await call(), /200/);
  assert.match(await call(), /200/);
  await sleep(2_100);
  assert.equal(await call(), '', 'the old certificate is no longer good');
  assert.match((await outbound.ended(3)).upstreamTransportFailureReason, /CERT_HAS_EXPIRED/);
  // Same ticket keys, as servers with a farm of them have: what decides is the certificate of the full handshake.
  const keys = server.server.getTicketKeys();
  const { chain, key } = await authority.identity('server');
  server.server.setSecureContext({ cert: chain, key, ca: authority.rootPem, ticketKeys: keys });
  for (let at = 0; at < 2; at++) assert.match(await call(), /200/);
  assert.deepEqual(server.shakes.slice(-2), [false, true]);
});

test('another server at the same address is not taken for the one of the session', async () => {
  const authority = await createTestAuthority();
  const first = await startTlsServer(authority, 'server');
  await using outbound = await startOutbound('tcp', authority, first.port);
  const call = (): Promise<string> => rawCall(outbound.port('out'), GET);
  assert.match(await call(), /200/);
  const { chain, key } = await authority.identity('impostor');
  first.server.setSecureContext({ cert: chain, key, ca: authority.rootPem });
  assert.equal(await call(), '');
  assert.match((await outbound.ended(2)).upstreamTransportFailureReason, /SAN_matcher/);
  await first[Symbol.asyncDispose]();
});

/** One handshake by `node:tls` as a client of the mesh; answers what the server said, whether it was resumed, and the newest ticket. */
async function dialInbound(port: number, authority: TestAuthority, identity: { chain: string; key: string }, session?: Buffer) {
  const socket = connect({
    host: '127.0.0.1',
    port,
    cert: identity.chain,
    key: identity.key,
    ca: authority.rootPem,
    ALPNProtocols: ['istio'],
    checkServerIdentity: () => undefined,
    ...(session === undefined ? {} : { session }),
  });
  let text = '';
  let ticket: Buffer | undefined;
  let resumed: boolean | undefined;
  socket.on('session', (bytes: Buffer) => (ticket = bytes));
  socket.on('secureConnect', () => {
    resumed = socket.isSessionReused();
    socket.write(GET);
  });
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return { served: text.startsWith('HTTP/1.1 200'), ticket, resumed };
}

test(
  "server side: a resumed client keeps its identity, until its certificate expires or the server's trust changes",
  { timeout: 20_000 },
  async () => {
    const authority = await createTestAuthority();
    await using inbound = await startInbound('tcp', authority);
    const port = inbound.port('in');
    const short = await authority.identity('client', 2_000);
    const first = await dialInbound(port, authority, short);
    const second = await dialInbound(port, authority, short, first.ticket);
    assert.deepEqual([first.served, first.resumed, second.served, second.resumed], [true, false, true, true]);
    const info = await inbound.ended(2);
    assert.equal(info.connection.tls?.peerUri, CLIENT);
    await sleep(2_100);
    assert.equal((await dialInbound(port, authority, short, second.ticket)).served, false, 'expired');

    const long = await authority.identity('client');
    const third = await dialInbound(port, authority, long);
    const other = await createTestAuthority();
    await inbound.apply({ secrets: await secrets(other, 'server') });
    const after = await dialInbound(port, other, long, third.ticket);
    assert.deepEqual([third.served, after.served, after.resumed], [true, false, false], 'the trust that the session was made under is gone');
  },
);
