import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { createChannel, createGrpcServer, Status, unaryMethod, type TlsClientOptions, type TlsServerOptions } from '@meltemi/grpc';
import { createRoot, exportPrivateKey, generateSigningKey, issueSvid, pemEncode, type CryptoPort, type Issuer } from '@meltemi/pki';

const crypto = webcrypto as unknown as CryptoPort;
const HOUR_MS = 3_600_000;
const ISTIOD = 'spiffe://cluster.local/ns/istio-system/sa/istiod';

async function createAuthority(): Promise<Issuer> {
  const key = await generateSigningKey(crypto);
  return {
    key,
    certificate: await createRoot(crypto, { commonName: 'test root', trustDomain: 'cluster.local', key, nowMs: Date.now(), ttlMs: HOUR_MS }),
  };
}

const rootPem = (issuer: Issuer): string => pemEncode('CERTIFICATE', issuer.certificate.der);

async function issue(
  issuer: Issuer,
  namespace: string,
  serviceAccount: string,
  ttlMs = HOUR_MS,
): Promise<{ certificateChain: string; privateKey: string }> {
  const key = await generateSigningKey(crypto);
  const certificate = await issueSvid(crypto, issuer, {
    spki: key.spki,
    id: { trustDomain: 'cluster.local', namespace, serviceAccount },
    nowMs: Date.now(),
    ttlMs,
  });
  return { certificateChain: pemEncode('CERTIFICATE', certificate.der), privateKey: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)) };
}

test('mutual TLS: identities count only when they verify, on both sides, and certificates change while calls run', async () => {
  const [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
  const serverTls: TlsServerOptions = { ...(await issue(authority, 'istio-system', 'istiod')), trustedCa: rootPem(authority) };
  await using server = createGrpcServer({
    tls: serverTls,
    methods: {
      '/t.T/Who': unaryMethod((_, call) => Buffer.from(`${call.peer.principal} ${(call.peer.certificateExpiresMs ?? 0) > Date.now()}`)),
      '/t.T/Wait': (call) => ({ onMessage: (message) => void call.write(message), onHalfClose: () => call.end() }),
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (tls: TlsClientOptions): Promise<string> => {
    await using channel = createChannel({ target: { host: '127.0.0.1', port }, tls });
    return Buffer.from(await channel.unary('/t.T/Who', Buffer.from('x'))).toString();
  };
  const trust = { trustedCa: rootPem(authority), expectedPrincipals: [ISTIOD] };
  const reviews = await issue(authority, 'bookinfo', 'reviews');

  assert.equal(await ask({ ...trust, ...reviews }), 'spiffe://cluster.local/ns/bookinfo/sa/reviews true');
  assert.equal(await ask(trust), 'undefined false');
  assert.equal(await ask({ ...trust, ...(await issue(stranger, 'bookinfo', 'reviews')) }), 'undefined false');
  await assert.rejects(ask({ trustedCa: rootPem(stranger), expectedPrincipals: [ISTIOD] }), { code: 'grpc/unavailable' });
  await assert.rejects(ask({ ...trust, expectedPrincipals: ['spiffe://cluster.local/ns/istio-system/sa/other'] }), (error: Error) =>
    error.message.includes(`the server is ${ISTIOD}`),
  );
  // Without an expected SPIFFE ID the name must match, and this certificate has none.
  await assert.rejects(ask({ trustedCa: rootPem(authority), serverName: 'localhost' }), { code: 'grpc/unavailable' });

  await using channel = createChannel({ target: { host: '127.0.0.1', port }, tls: { ...trust, ...reviews } });
  const ended = Promise.withResolvers<number>();
  const echoed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let count = 0;
  const call = channel.stream('/t.T/Wait', { onMessage: () => echoed[count++]?.resolve(), onEnd: ({ code }) => ended.resolve(code) });
  call.write(Buffer.from('1'));
  await echoed[0]?.promise;
  const renewed = await createAuthority();
  server.setSecureContext({ ...(await issue(renewed, 'istio-system', 'istiod')), trustedCa: rootPem(authority) });
  await assert.rejects(ask({ ...trust, ...reviews }), { code: 'grpc/unavailable' });
  assert.equal(await ask({ ...trust, trustedCa: rootPem(renewed), ...reviews }), 'spiffe://cluster.local/ns/bookinfo/sa/reviews true');
  call.write(Buffer.from('2'));
  await echoed[1]?.promise;
  call.halfClose();
  assert.equal(await ended.promise, Status.OK);
  assert.throws(() => server.setSecureContext({ ...serverTls, privateKey: reviews.privateKey }), { code: 'grpc/tls' });
});

test('a connection takes no calls any more when its certificate has expired; the next one comes with the current one', async () => {
  const authority = await createAuthority();
  await using server = createGrpcServer({
    tls: { ...(await issue(authority, 'istio-system', 'istiod')), trustedCa: rootPem(authority) },
    methods: { '/t.T/Until': unaryMethod((_, call) => Buffer.from(String(call.peer.certificateExpiresMs))) },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const trust = { trustedCa: rootPem(authority), expectedPrincipals: [ISTIOD] };
  let identity = await issue(authority, 'bookinfo', 'reviews', 2_000);
  await using channel = createChannel({ target: { host: '127.0.0.1', port }, tls: () => ({ ...trust, ...identity }) });
  const ask = async (): Promise<number> => Number(Buffer.from(await channel.unary('/t.T/Until', Buffer.from('x'))).toString());
  const untilMs = await ask();
  identity = await issue(authority, 'bookinfo', 'reviews');
  assert.equal(await ask(), untilMs, 'still the same connection');
  await new Promise((resolve) => setTimeout(resolve, untilMs - Date.now() + 10));
  await assert.rejects(ask(), { code: 'grpc/unavailable', message: /certificate of this connection has expired/ });
  // The word that the old connection closes may still be on its way.
  let laterMs: number | undefined;
  while (laterMs === undefined) laterMs = await ask().catch(() => undefined);
  assert.ok(laterMs > untilMs + 1_000_000);
});
