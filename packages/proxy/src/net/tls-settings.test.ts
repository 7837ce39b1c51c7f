import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { any, cluster, hcm, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { createTestAuthority, type TestIdentity } from '../testing/identities.ts';
import { rawCall, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const authority = await createTestAuthority();
const certificate = ({ chain, key }: TestIdentity): object => ({ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } });

/** A plane whose listener ends TLS with these settings before a program that answers and closes. */
async function startSecured(settings: object, tls_params: object = {}): Promise<Plane> {
  const app = await startRawServer((socket) => void socket.once('data', () => socket.end(ANSWER)));
  const typed_config = any('transport_sockets.tls.v3.DownstreamTlsContext', {
    common_tls_context: { tls_certificates: [certificate(await authority.identity('server'))], tls_params },
    ...settings,
  });
  const chain = { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config }, filters: [tcpProxy('app')] };
  const plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('in', {}, { filter_chains: [chain] })] });
  const close = plane[Symbol.asyncDispose].bind(plane);
  plane[Symbol.asyncDispose] = async () => {
    await close();
    await app[Symbol.asyncDispose]();
  };
  return plane;
}

/** One handshake and answer, as a client of Node's. */
async function call(port: number, options: ConnectionOptions = {}) {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.rootPem, checkServerIdentity: () => undefined, ...options });
  let ticket: Buffer | undefined;
  let agreed: { readonly group: unknown; readonly resumed: boolean; readonly cipher: string } | undefined;
  socket.on('session', (bytes: Buffer) => (ticket = bytes));
  socket.on('error', () => {});
  socket.once('secureConnect', () => {
    const key = socket.getEphemeralKeyInfo();
    agreed = { group: key !== null && 'name' in key ? key.name : undefined, resumed: socket.isSessionReused(), cipher: socket.getCipher().name };
    socket.write(GET);
  });
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return { ticket, ...agreed };
}

test('clients resume their sessions, where that is not switched off, and for as long as they may', async () => {
  for (const [settings, resumed] of [
    [{}, true],
    [{ disable_stateless_session_resumption: true }, false],
  ] as const) {
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      await using plane = await startSecured(settings);
      const { ticket } = await call(plane.port('in'), { maxVersion });
      const again = await call(plane.port('in'), { maxVersion, ...(ticket === undefined ? {} : { session: ticket }) });
      assert.equal(again.resumed, resumed, `${maxVersion} ${JSON.stringify(settings)}`);
    }
  }
});

test('the groups for the exchange of keys are those that are listed', async () => {
  await using plane = await startSecured({}, { ecdh_curves: ['P-384', 'P-521'] });
  assert.equal((await call(plane.port('in'))).group, 'secp384r1');
  assert.equal((await call(plane.port('in'), { ecdhCurve: 'X25519' })).group, undefined, 'nothing in common');
});

test('of ciphers ours comes first, or the one that the client likes best', async () => {
  const [first, second] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'] as const;
  for (const [prefer_client_ciphers, cipher] of [
    [false, first],
    [true, second],
  ] as const) {
    await using plane = await startSecured({ prefer_client_ciphers }, { cipher_suites: [first, second] });
    const { cipher: agreed } = await call(plane.port('in'), { maxVersion: 'TLSv1.2', ciphers: `${second}:${first}` });
    assert.equal(agreed, cipher);
  }
});

test('towards servers: groups are those that are listed, and no session is kept where none may be', async () => {
  const { chain, key } = await authority.identity('server');
  const resumed: boolean[] = [];
  const server = createServer({ cert: chain, key }, (socket: TLSSocket) => {
    resumed.push(socket.isSessionReused());
    socket.on('error', () => {});
    socket.once('data', () => socket.end(ANSWER));
  });
  const picky = createServer({ cert: chain, key, ecdhCurve: 'P-521' }, (socket: TLSSocket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(ANSWER));
  });
  const ports: number[] = [];
  for (const one of [server, picky]) {
    one.listen(0, '127.0.0.1');
    await once(one, 'listening');
    ports.push((one.address() as AddressInfo).port);
  }
  const towards = (name: string, port: number | undefined, settings: object, tls_params: object = {}): object => {
    const common_tls_context = { validation_context: { trusted_ca: { inline_string: authority.rootPem } }, tls_params };
    const typed_config = any('transport_sockets.tls.v3.UpstreamTlsContext', { common_tls_context, ...settings });
    return cluster(name, [port ?? 0], { max_requests_per_connection: 1, transport_socket: { name: 'envoy.transport_sockets.tls', typed_config } });
  };
  try {
    await using plane = await startPlane({
      clusters: [
        towards('keeps', ports[0], {}),
        towards('forgets', ports[0], { max_session_keys: 0 }),
        towards('other', ports[1], {}, { ecdh_curves: ['X25519'] }),
        towards('same', ports[1], {}, { ecdh_curves: ['X25519', 'P-521'] }),
      ],
      listeners: ['keeps', 'forgets', 'other', 'same'].map((name) => plainListener(name, hcm([routeTo(name)]))),
    });
    for (const name of ['keeps', 'keeps', 'forgets', 'forgets']) assert.match(await rawCall(plane.port(name), GET), /^HTTP\/1.1 200/);
    assert.deepEqual(resumed, [false, true, false, false]);
    assert.match(await rawCall(plane.port('other'), GET), /^HTTP\/1.1 503/, 'nothing in common');
    assert.match(await rawCall(plane.port('same'), GET), /^HTTP\/1.1 200/);
  } finally {
    for (const one of [server, picky]) one.close();
  }
});
