import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import { cluster, hcm, meshInbound, meshTls, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { createTestAuthority, type TestAuthority, type TestIdentity } from '../testing/identities.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const MESH_ALPN = ['istio-http/1.1', 'istio'];

const authority = await createTestAuthority();
const stranger = await createTestAuthority();
const secretsOf = async (of: TestAuthority, account: string): Promise<object[]> => [(await of.identity(account)).secret, of.rootSecret];
const client = await authority.identity('client');

/** An application behind an inbound listener. */
async function startInbound(mode: 'strict' | 'permissive', filter: object = hcm([routeTo('app')]), more: object = {}) {
  const app = await startRawServer((socket) => void socket.on('data', () => socket.write(OK)));
  const plane = await startPlane({
    secrets: await secretsOf(authority, 'server'),
    clusters: [cluster('app', [app.port])],
    listeners: [{ ...meshInbound('in', filter, 'http', mode === 'permissive'), ...more }],
  });
  return {
    app,
    plane,
    port: plane.port('in'),
    async [Symbol.asyncDispose]() {
      await plane[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

/** One request by `node:tls`, an implementation of its own; answers the text and the server's name, or the failure. */
async function callTls(port: number, identity: TestIdentity | undefined, more: ConnectionOptions = {}): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: authority.rootPem,
    ALPNProtocols: MESH_ALPN,
    checkServerIdentity: () => undefined,
    ...(identity === undefined ? {} : { cert: identity.chain, key: identity.key }),
    ...more,
  });
  let text = '';
  let failure = '';
  socket.on('secureConnect', () => socket.write(GET));
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
  await new Promise((resolve) => socket.once('close', resolve));
  return text === '' ? `failed ${failure}` : text;
}

test('STRICT: only a client of the mesh is served', async (t) => {
  await using inbound = await startInbound('strict');
  const { port, app, plane } = inbound;
  await t.test('with a certificate of the mesh', async () => {
    assert.match(await callTls(port, client), /^HTTP\/1.1 200 /);
    assert.equal((await plane.ended(1)).connection.tls?.peerUri, 'spiffe://cluster.local/ns/bookinfo/sa/client');
  });
  const refused: readonly (readonly [name: string, call: () => Promise<string>])[] = [
    ['plain HTTP', () => rawCall(port, GET)],
    ['no certificate', () => callTls(port, undefined)],
    ['a certificate of another authority', async () => callTls(port, await stranger.identity('client'))],
    ['a certificate that has expired', async () => expired(port)],
    ['a protocol that is not of the mesh', () => callTls(port, client, { ALPNProtocols: ['http/1.1'] })],
    ['no protocol', () => callTls(port, client, { ALPNProtocols: [] })],
    ['TLS 1.1', () => callTls(port, client, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })],
  ];
  for (const [name, call] of refused) {
    await t.test(name, async () => {
      const before = app.received().length;
      assert.doesNotMatch(await call(), /HTTP\/1.1 2/);
      assert.equal(app.received().length, before, 'nothing reached the application');
    });
  }
  await t.test('a certificate of another trust domain', async () => {
    const other = await createTestAuthority('other.example');
    await plane.apply({ secrets: [{ name: 'ROOTCA', validation_context: { trusted_ca: { inline_string: authority.rootPem + other.rootPem } } }] });
    assert.doesNotMatch(await callTls(port, await other.identity('client')), /HTTP/);
    assert.match(await callTls(port, client), /^HTTP\/1.1 200 /);
  });
});

async function expired(port: number): Promise<string> {
  const identity = await authority.identity('client', 1_000);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  return callTls(port, identity);
}

test('PERMISSIVE: the first bytes decide', async (t) => {
  await using inbound = await startInbound('permissive');
  const { port } = inbound;
  await t.test('mutual TLS', async () => assert.match(await callTls(port, client), /^HTTP\/1.1 200 /));
  await t.test('plain', async () => assert.match(await rawCall(port, GET), /^HTTP\/1.1 200 /));
  await t.test('plain, byte by byte', async () => {
    const slow = await rawClient(port);
    for (const letter of GET) {
      slow.socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await slow.closed, /^HTTP\/1.1 200 /);
    slow.socket.destroy();
  });
  await t.test('a mesh client without certificate gets nothing by TLS', async () => assert.doesNotMatch(await callTls(port, undefined), /HTTP/));
  await t.test('a broken hello is not taken for TLS', async () => {
    assert.match(await rawCall(port, `\u0016\u0003\u0001\u0000\u0005\u0002aaaa${GET}`), /^HTTP\/1.1 400 /);
  });
  await t.test('a hello in single bytes', async () => {
    const relay = await startRawServer((socket) => {
      const onward = net.connect(port, '127.0.0.1').setNoDelay();
      onward.on('error', () => {}).on('data', (bytes: Buffer) => socket.write(bytes));
      onward.on('end', () => socket.end());
      socket.on('close', () => onward.destroy());
      socket.on('data', (bytes: Buffer) => {
        for (const byte of bytes) onward.write(Uint8Array.of(byte));
      });
    });
    assert.match(await callTls(relay.port, client), /^HTTP\/1.1 200 /);
    await relay[Symbol.asyncDispose]();
  });
  await t.test('clients that vanish during the handshake leave nothing behind', async () => {
    for (let at = 0; at < 20; at++) {
      const half = await rawClient(port);
      half.socket.write('\u0016\u0003\u0001\u0002\u0000\u0001', 'latin1');
      half.socket.resetAndDestroy();
    }
    await until('no connection', () => inbound.plane.dataPlane.listeners()[0]?.connections === 0 || undefined);
  });
});

test('a client that says nothing: waited for so long, then served as plain bytes or closed', async () => {
  const app = await startRawServer((socket) => void socket.write('server speaks first'));
  for (const goesOn of [true, false]) {
    await using plane = await startPlane({
      secrets: await secretsOf(authority, 'server'),
      clusters: [cluster('app', [app.port])],
      listeners: [
        {
          ...meshInbound('in', tcpProxy('app'), 'tcp', true),
          listener_filters_timeout: '0.15s',
          continue_on_listener_filters_timeout: goesOn,
        },
      ],
    });
    const silent = await rawClient(plane.port('in'));
    const begun = performance.now();
    if (goesOn) await silent.sees('server speaks first');
    else assert.equal(await silent.closed, '');
    assert.ok(performance.now() - begun >= 140);
    silent.socket.destroy();
  }
  await app[Symbol.asyncDispose]();
});

/** A proxy next to the client, towards servers of the account `server`. */
async function startOutbound(port: number, accounts: readonly string[], of = authority): Promise<Plane> {
  return startPlane({
    secrets: await secretsOf(of, 'client'),
    clusters: [cluster('reviews', [port], meshTls('http', ...accounts))],
    listeners: [plainListener('out', hcm([routeTo('reviews')]))],
  });
}

test("outbound: the server's identity is checked", async (t) => {
  await using inbound = await startInbound('strict');
  const cases: readonly (readonly [name: string, accounts: readonly string[], of: TestAuthority, reason: RegExp | undefined])[] = [
    ['the one asked for', ['server'], authority, undefined],
    ['one of those asked for', ['other', 'server'], authority, undefined],
    ['another account', ['other'], authority, /SAN_matcher/],
    ['a prefix of the account', ['serv'], authority, /SAN_matcher/],
    ['another authority', ['server'], stranger, /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/],
  ];
  for (const [name, accounts, of, reason] of cases) {
    await t.test(name, async () => {
      await using outbound = await startOutbound(inbound.port, accounts, of);
      const before = inbound.app.received().length;
      const text = await rawCall(outbound.port('out'), GET);
      const info = await outbound.ended(1);
      if (reason === undefined) {
        assert.match(text, /^HTTP\/1.1 200 /);
        assert.equal(info.upstreamTls?.peerUri, 'spiffe://cluster.local/ns/bookinfo/sa/server');
        return;
      }
      assert.match(text, /^HTTP\/1.1 503 /);
      assert.equal(flagsOf(info), 'UF');
      assert.match(info.upstreamTransportFailureReason, reason);
      assert.equal(inbound.app.received().length, before);
    });
  }
  await t.test('a server that speaks no TLS', async () => {
    const plain = await startRawServer((socket) => void socket.on('data', () => socket.end(OK)));
    await using outbound = await startOutbound(plain.port, ['server']);
    assert.match(await rawCall(outbound.port('out'), GET), /^HTTP\/1.1 503 /);
    assert.equal(flagsOf(await outbound.ended(1)), 'UF');
    assert.ok(!plain.received().includes('HTTP'), 'the request did not go out in the clear');
    await plain[Symbol.asyncDispose]();
  });
  await t.test('before the secret has come nothing goes out', async () => {
    await using outbound = await startPlane({
      clusters: [cluster('reviews', [inbound.port], meshTls('http', 'server'))],
      listeners: [plainListener('out', hcm([routeTo('reviews')]))],
    });
    assert.match(await rawCall(outbound.port('out'), GET), /^HTTP\/1.1 503 /);
    await outbound.apply({ secrets: await secretsOf(authority, 'client') });
    assert.match(await rawCall(outbound.port('out'), GET), /^HTTP\/1.1 200 /);
  });
});

test('certificates and listeners change under load: no request fails, new connections show the new certificate', { timeout: 60_000 }, async () => {
  await using inbound = await startInbound('permissive');
  await using outbound = await startOutbound(inbound.port, ['server']);
  const port = outbound.port('out');
  let running = true;
  const answers = new Map<string, number>();
  const load = Array.from({ length: 6 }, async (_, index) => {
    while (running) {
      // Half of them by the sidecar, some straight to the inbound listener, as a client without a proxy.
      const text = await rawCall(index === 5 ? inbound.port : port, GET);
      const key = text.slice(0, 12) === 'HTTP/1.1 200' && text.endsWith('ok') ? 'good' : text.slice(0, 400);
      answers.set(key, (answers.get(key) ?? 0) + 1);
    }
  });
  const serials = new Set<string>();
  for (let round = 0; round < 12; round++) {
    await inbound.plane.apply({ secrets: [(await authority.identity('server')).secret] });
    await outbound.apply({ secrets: [(await authority.identity('client')).secret] });
    await inbound.plane.apply({ listeners: [meshInbound('in', hcm([routeTo('app')], { server_name: `s${round}` }), 'http', true)] });
    await outbound.apply({ listeners: [plainListener('out', hcm([routeTo('reviews')], { server_name: `c${round}` }))] });
    assert.equal(outbound.port('out'), port, 'the listener keeps its socket');
    const count = outbound.streams.length;
    await outbound.ended(count + 20);
    serials.add(outbound.streams.at(-1)?.upstreamTls?.peerHash ?? '');
  }
  running = false;
  await Promise.all(load);
  assert.deepEqual([...answers.keys()], ['good']);
  assert.ok(serials.size >= 10, `${serials.size} certificates were seen`);
  assert.ok((answers.get('good') ?? 0) > 240);
});

test('a bad certificate does not displace the good one', async () => {
  await using inbound = await startInbound('strict');
  // Each is good by itself, but the key belongs to another certificate.
  const [one, two] = [await authority.identity('server'), await authority.identity('server')];
  const bad = { name: 'default', tls_certificate: { certificate_chain: { inline_string: one.chain }, private_key: { inline_string: two.key } } };
  assert.match(await callTls(inbound.port, client), /^HTTP\/1.1 200 /);
  await inbound.plane.apply({ secrets: [bad] });
  assert.match(await callTls(inbound.port, client), /^HTTP\/1.1 200 /);
  await using outbound = await startOutbound(inbound.port, ['server']);
  assert.match(await rawCall(outbound.port('out'), GET), /^HTTP\/1.1 200 /);
  await outbound.apply({ secrets: [bad] });
  assert.match(await rawCall(outbound.port('out'), GET), /^HTTP\/1.1 200 /);
});

test('TCP: not one byte of a server with the wrong identity reaches the client, on full handshakes and on later ones', async () => {
  const impostor = await authority.identity('impostor');
  const server = createServer(
    { cert: impostor.chain, key: impostor.key, ca: authority.rootPem, requestCert: true, ALPNProtocols: ['istio'] },
    (socket) => {
      socket.on('error', () => {});
      socket.end('greeting of an impostor');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using outbound = await startPlane({
    secrets: await secretsOf(authority, 'client'),
    clusters: [cluster('db', [(server.address() as net.AddressInfo).port], meshTls('tcp', 'server'))],
    listeners: [plainListener('out', tcpProxy('db'))],
  });
  for (let at = 1; at <= 5; at++) {
    assert.equal(await rawCall(outbound.port('out'), 'hello'), '');
    assert.equal(flagsOf(await outbound.ended(at)), 'UF,URX');
  }
  await new Promise((resolve) => server.close(resolve));
});
