import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createAddressGuard, METADATA_ADDRESSES } from '@meltemi/http';
import { createRoot, exportPrivateKey, generateSigningKey, issueSvid, pemEncode } from '@meltemi/pki';
import { createFetchKeys } from './fetch-keys.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PUBLIC = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' };
const KEYS = JSON.stringify({ keys: [PUBLIC] });
const { signal } = new AbortController();
const allows = createAddressGuard(METADATA_ADDRESSES);
const fetchKeys = createFetchKeys({ allows, roots: () => [] });
const from = (url: string) => fetchKeys({ id: `keys ${url}`, t: 'keys', url }, 2_000, signal);
const discover = (issuer: string) => {
  const url = `${issuer}/.well-known/openid-configuration`;
  return fetchKeys({ id: `discovery ${url}`, t: 'discovery', url }, 2_000, signal);
};

/** A server of this test; its address. */
async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createHttp(answer).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  t.after(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answers =
  (body: string, status = 200, headers: Readonly<Record<string, string>> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body);

async function faultOf(fetched: ReturnType<typeof from>): Promise<string> {
  const result = await fetched;
  return result.t === 'fault' ? result.message : `keys: ${result.jwks}`;
}

const keysOf = (fetched: Awaited<ReturnType<typeof from>>): readonly object[] => {
  assert.equal(fetched.t, 'keys');
  return fetched.t === 'keys' ? (JSON.parse(fetched.jwks) as { readonly keys: readonly object[] }).keys : [];
};

test('public keys come as they are; private halves, shared secrets and what is no key do not', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
  const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  const given = [
    PUBLIC,
    { ...rsa, kid: 'rsa', x5c: ['AAAA'], use: 'sig' },
    { ...ed, kid: 'ed' },
    { ...privateKey.export({ format: 'jwk' }), kid: 'leaked' },
    { kty: 'oct', k: 'c2VjcmV0' },
    { ...rsa, use: 'enc' },
    { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' },
    { kty: 'RSA', e: 'AQAB' },
    { ...rsa, alg: 'RSA-OAEP' },
    { ...PUBLIC, alg: 'ES384' },
    'nonsense',
    null,
  ];
  const url = await serve(t, answers(JSON.stringify({ keys: given })));
  const keys = keysOf(await from(`${url}/keys`));
  assert.deepEqual(
    keys.map((key) => (key as { readonly kid?: string }).kid),
    ['one', 'rsa', 'ed', 'leaked'],
  );
  assert.ok(keys.every((key) => !('d' in key) && !('k' in key) && !('x5c' in key)));
});

test('an issuer tells where its keys are', async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/tenant/.well-known/openid-configuration')
      response.end(JSON.stringify({ issuer: 'x', jwks_uri: `http://${request.headers.host}/keys` }));
    else if (request.url === '/keys') response.end(KEYS);
    else if (request.url?.startsWith('/none/') === true) response.end('{}');
    else if (request.url?.startsWith('/long/') === true) response.end(JSON.stringify({ jwks_uri: `https://a/${'x'.repeat(10_000)}` }));
    else if (request.url?.startsWith('/secret/') === true) response.end(JSON.stringify({ jwks_uri: 'https://:secret@a/keys' }));
    else if (request.url?.startsWith('/odd/') === true) response.end(JSON.stringify({ jwks_uri: 'file:///etc/passwd' }));
    else response.writeHead(404).end();
  });
  assert.deepEqual(keysOf(await discover(`${url}/tenant`)), JSON.parse(KEYS).keys);
  assert.match(await faultOf(discover(`${url}/none`)), /"jwks_uri" is missing/);
  assert.match(await faultOf(discover(`${url}/long`)), /"jwks_uri" is missing, or no address$/);
  assert.match(await faultOf(discover(`${url}/secret`)), /where none are fetched from/);
  assert.match(await faultOf(discover(`${url}/odd`)), /"file:\/\/\/etc\/passwd", where none are fetched from/);
  assert.match(await faultOf(discover(url)), /answers with 404$/);
});

test('why there are no keys is said', async (t) => {
  const cases: readonly (readonly [RequestListener, RegExp])[] = [
    [answers('{"keys":[]}'), /no key set that could be used/],
    [answers('<html>'), /no key set that could be used/],
    [answers('', 503), /answers with 503$/],
    [
      answers('', 302, { location: 'http://169.254.169.254/latest' }),
      /302 to http:\/\/169\.254\.169\.254\/latest\), and redirects are not followed$/,
    ],
    [answers('x'.repeat(300_000)), /more than 262144 bytes/],
    [(_, response) => void response.socket?.destroy(), /socket hang up/],
  ];
  for (const [answer, message] of cases) assert.match(await faultOf(from(await serve(t, answer))), message);
  const silent = await serve(t, () => undefined);
  assert.match(await faultOf(fetchKeys({ id: '', t: 'keys', url: silent }, 50, signal)), /did not answer within 50 ms/);
});

test('addresses of clouds are not asked, by number or by name; nor those that the user blocks', async (t) => {
  const blocked = /169\.254\.169\.254.*may not be called from here: link-local addresses are blocked, and those of --jwks-blocked-cidrs$/;
  for (const host of ['169.254.169.254', '0xa9fea9fe', '2852039166', '[::ffff:169.254.169.254]'])
    assert.match(await faultOf(from(`http://${host}/latest/meta-data`)), host.startsWith('[') ? /::ffff:a9fe:a9fe, which may not/ : blocked);
  let asked = 0;
  const url = await serve(t, (_, response) => {
    asked++;
    response.end(KEYS);
  });
  const narrow = createFetchKeys({ allows: createAddressGuard(['127.0.0.0/8', '::1']), roots: () => [] });
  for (const host of ['127.0.0.1', 'localhost']) {
    const at = url.replace('127.0.0.1', host);
    assert.match(await faultOf(narrow({ id: '', t: 'keys', url: at }, 1_000, signal)), /may not be called from here/);
  }
  assert.equal(asked, 0);
});

test('an https server is who it says, or is not believed; from https to http there is no way', async (t) => {
  const nowMs = Date.now();
  const key = await generateSigningKey(crypto);
  const rootKey = await generateSigningKey(crypto);
  const root = await createRoot(crypto, { commonName: 'test', trustDomain: 'test', key: rootKey, nowMs, ttlMs: 3_600_000 });
  const id = { trustDomain: 'test', namespace: 'a', serviceAccount: 'a' };
  const certificate = await issueSvid(
    crypto,
    { certificate: root, key: rootKey },
    { spki: key.spki, id, nowMs, ttlMs: 600_000, dnsNames: ['localhost'] },
  );
  const server = createHttps(
    { cert: pemEncode('CERTIFICATE', certificate.der), key: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)) },
    (request, response) => void response.end(request.url === '/keys' ? KEYS : JSON.stringify({ jwks_uri: `http://${request.headers.host}/keys` })),
  ).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const trusting = createFetchKeys({ allows, roots: () => [pemEncode('CERTIFICATE', root.der)] });
  const ask = (fetch: typeof trusting, url: string) => fetch({ id: '', t: 'keys', url }, 2_000, signal);
  assert.deepEqual(keysOf(await ask(trusting, `https://localhost:${port}/keys`)), JSON.parse(KEYS).keys);
  assert.match(await faultOf(ask(trusting, `https://127.0.0.1:${port}/keys`)), /does not match certificate's altnames/);
  assert.match(await faultOf(ask(fetchKeys, `https://localhost:${port}/keys`)), /certificate/);
  const discovery = trusting({ id: '', t: 'discovery', url: `https://localhost:${port}/.well-known/openid-configuration` }, 2_000, signal);
  assert.match(await faultOf(discovery), /an https address is needed/);
});
