import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { createChannel, createGrpcServer } from '@meltemi/grpc';
import { createAuthorizer, createHttpServer, request } from '@meltemi/http';
import {
  createCsr,
  createRoot,
  exportPrivateKey,
  generateSigningKey,
  joinPem,
  parseCertificates,
  pemEncode,
  type SigningKey,
  spiffeIdOf,
  verifyChain,
} from '@meltemi/pki';
import { DEFAULT_MESH_CONFIG } from '@meltemi/model';
import { loadCodec } from '@meltemi/protos';
import { systemTimers, systemRandom } from '../platform.ts';
import { CREATE_CERTIFICATE, createCa, openAuthority } from './index.ts';

const codec = loadCodec('sidecar');
const ISTIOD = 'spiffe://cluster.local/ns/istio-system/sa/istiod';
const REVIEWS = 'spiffe://cluster.local/ns/bookinfo/sa/reviews';
const TOKEN = 'admin-token';

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'meltemi-ca-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return join(made, 'ca');
}

/** A clock that tests move; monotonic follows it. */
function movingClock() {
  let offsetMs = 0;
  return { now: () => Date.now() + offsetMs, monotonic: () => performance.now() + offsetMs, advance: (ms: number) => void (offsetMs += ms) };
}

async function room(t: TestContext, options: { directory?: string; workloadTtlMs?: number } = {}) {
  const directory = options.directory ?? folder(t);
  const clock = movingClock();
  const ca = await createCa({
    configuration: () => ({ configs: [], mesh: DEFAULT_MESH_CONFIG }),
    directory,
    trustDomain: 'cluster.local',
    ...(options.workloadTtlMs === undefined ? {} : { workloadTtlMs: options.workloadTtlMs }),
    clock,
    timers: systemTimers,
    random: systemRandom,
    log: silentLog,
    codec,
    allocator: { allocate: () => ({ address: '127.5.0.1', appAddress: '127.5.0.2', xdsAddress: '127.0.0.1:15012' }) },
  });
  const secret = ca.serverCertificate.current();
  const grpc = createGrpcServer({ methods: ca.grpcHandlers, tls: { certificateChain: secret.cert, privateKey: secret.key, trustedCa: secret.ca } });
  ca.serverCertificate.onChange((next) => grpc.setSecureContext({ certificateChain: next.cert, privateKey: next.key, trustedCa: next.ca }));
  const { port } = await grpc.listen({ host: '127.0.0.1', port: 0 });
  const http = createHttpServer({ routes: ca.routes, authorize: createAuthorizer({ token: TOKEN }) });
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    ca.close();
    await Promise.all([grpc.close(), http.close(0)]);
  });
  const joinAs = (body: object, token = TOKEN) =>
    request({ url: `${url}/meltemi/v1/join`, method: 'POST', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
  return { ca, clock, directory, port, joinAs };
}

const WORKLOAD = {
  namespace: 'bookinfo',
  serviceAccount: 'reviews',
  workload: 'reviews-v1',
  app: 'reviews',
  version: 'v1',
  labels: { app: 'reviews' },
  ports: [{ number: 9080, protocol: 'http' }],
  interception: 'ports',
};

interface Show {
  readonly token?: string;
  readonly certificate?: { readonly chain: string; readonly key: SigningKey };
  readonly csr?: string;
  readonly validity?: number;
}

/** Asks for a certificate over a real connection; the chain comes back leaf first, root last. */
async function ask(port: number, roots: string, key: SigningKey, show: Show): Promise<string[]> {
  await using channel = createChannel({
    target: { host: '127.0.0.1', port },
    tls: {
      trustedCa: roots,
      expectedPrincipals: [ISTIOD],
      ...(show.certificate === undefined
        ? {}
        : { certificateChain: show.certificate.chain, privateKey: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, show.certificate.key)) }),
    },
  });
  const message = codec.encode('istio.v1.auth.IstioCertificateRequest', {
    csr: show.csr ?? (await createCsr(crypto, key, 'spiffe://cluster.local/ns/evil/sa/evil')),
    ...(show.validity === undefined ? {} : { validity_duration: show.validity }),
  });
  const answer = await channel.unary(
    CREATE_CERTIFICATE,
    message,
    show.token === undefined ? {} : { metadata: { authorization: `Bearer ${show.token}` } },
  );
  return (codec.decode('istio.v1.auth.IstioCertificateResponse', answer) as { cert_chain: string[] }).cert_chain;
}

test('join, certificate, renewal: identity comes from the proof and never from the request', async (t) => {
  const { port, joinAs, directory } = await room(t, { workloadTtlMs: 20_000 });
  const joined = (await joinAs(WORKLOAD)).json() as {
    joinToken: string;
    rootCertificate: string;
    address: string;
    appAddress: string;
    trustDomain: string;
  };
  assert.deepEqual([joined.address, joined.appAddress, joined.trustDomain], ['127.5.0.1', '127.5.0.2', 'cluster.local']);
  const key = await generateSigningKey(crypto);
  await assert.rejects(ask(port, joined.rootCertificate, key, { token: joined.joinToken, csr: 'nonsense' }), { code: 'grpc/invalid-argument' });
  const chain = await ask(port, joined.rootCertificate, key, { token: joined.joinToken, validity: 999_999 });
  const certificates = chain.slice(0, -1).flatMap(parseCertificates);
  assert.equal((await verifyChain(crypto, certificates, parseCertificates(chain.at(-1) ?? ''), Date.now())).t, 'trusted');
  const [leaf] = certificates;
  assert.ok(leaf !== undefined && leaf.uris[0] === REVIEWS && leaf.notAfterMs - Date.now() <= 20_000);
  await assert.rejects(ask(port, joined.rootCertificate, key, { token: joined.joinToken }), { code: 'grpc/unauthenticated' }, 'a token is good once');
  await assert.rejects(ask(port, joined.rootCertificate, key, {}), { code: 'grpc/unauthenticated' });
  const next = await generateSigningKey(crypto);
  const renewed = await ask(port, joined.rootCertificate, next, { certificate: { chain: joinPem(...chain.slice(0, -1)), key } });
  const [fresh] = renewed.flatMap(parseCertificates);
  assert.deepEqual([fresh?.uris, fresh === undefined ? undefined : spiffeIdOf(fresh)?.serviceAccount], [[REVIEWS], 'reviews']);
  const audit = readFileSync(join(directory, 'audit.jsonl'), 'utf8');
  assert.deepEqual(
    audit
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { action: string }).action),
    ['join', 'refuse', 'issue', 'refuse', 'refuse', 'renew'],
  );
  assert.ok(!audit.includes(joined.joinToken) && !audit.includes('PRIVATE'));
});

test('a token ends after five minutes; a foreign certificate is nobody; attempts are limited', async (t) => {
  const { port, joinAs, clock, ca } = await room(t);
  const { joinToken, rootCertificate } = (await joinAs(WORKLOAD)).json() as { joinToken: string; rootCertificate: string };
  clock.advance(300_001);
  const key = await generateSigningKey(crypto);
  await assert.rejects(ask(port, rootCertificate, key, { token: joinToken }), { code: 'grpc/unauthenticated' });
  clock.advance(-300_001);
  const other = await createRoot(crypto, { commonName: 'other', trustDomain: 'cluster.local', key, nowMs: Date.now(), ttlMs: 1e6 });
  await assert.rejects(ask(port, rootCertificate, key, { certificate: { chain: pemEncode('CERTIFICATE', other.der), key } }), {
    code: /grpc\/(unauthenticated|unavailable)/,
  });
  const { certificate, chain } = await ca.authority.issue({
    spki: key.spki,
    id: { trustDomain: 'cluster.local', namespace: 'istio-system', serviceAccount: 'istiod' },
  });
  assert.ok(certificate.uris.includes(ISTIOD));
  await assert.rejects(ask(port, rootCertificate, key, { certificate: { chain: joinPem(...chain), key } }), { code: 'grpc/permission-denied' });
  for (let i = 0; i < 30; i++) await ask(port, rootCertificate, key, { token: 'wrong' }).catch(() => undefined);
  await assert.rejects(ask(port, rootCertificate, key, { token: 'wrong' }), { code: 'grpc/resource-exhausted' });
  const neighbour = await ca.authority.issue({ spki: key.spki, id: { trustDomain: 'cluster.local', namespace: 'a', serviceAccount: 'b' } });
  const renewed = await ask(port, rootCertificate, key, { certificate: { chain: joinPem(...neighbour.chain), key } });
  assert.equal(renewed.length, 3, 'who has a certificate renews it, whatever others do at the same address');
});

test('who may join, and as whom', async (t) => {
  const { joinAs } = await room(t);
  assert.equal((await joinAs(WORKLOAD, 'wrong')).status, 401);
  const refused: [object, number, string][] = [
    [{ ...WORKLOAD, namespace: 'istio-system', serviceAccount: 'istiod' }, 403, 'join/reserved'],
    [{ ...WORKLOAD, namespace: 'Book/info' }, 400, 'join/invalid'],
    [{ ...WORKLOAD, serviceAccount: '../x' }, 400, 'join/invalid'],
    [{ ...WORKLOAD, ports: [{ number: 0 }] }, 400, 'join/invalid'],
    [{ ...WORKLOAD, labels: { app: 'a b' } }, 400, 'join/invalid'],
    [{ ...WORKLOAD, interception: 'magic' }, 400, 'join/invalid'],
    [[], 400, 'join/invalid'],
  ];
  for (const [body, status, code] of refused) {
    const answer = await joinAs(body);
    assert.deepEqual([answer.status, (answer.json() as { code: string }).code], [status, code], JSON.stringify(body));
  }
});

test('the folder: private, whole, the same after a restart, refused when newer, several roots trusted', async (t) => {
  const directory = folder(t);
  const options = { directory, trustDomain: 'cluster.local', clock: movingClock(), timers: systemTimers, random: systemRandom, log: silentLog };
  const [first, second] = await Promise.all([openAuthority(options), openAuthority(options)]); // two at once: one creates, both use it
  assert.equal(first.rootsPem(), second.rootsPem());
  const mode = (file: string): number => statSync(file).mode & 0o777;
  if (process.platform !== 'win32')
    assert.deepEqual([mode(directory), mode(join(directory, 'root.pem')), mode(join(directory, 'issuing.pem'))], [0o700, 0o600, 0o600]);
  assert.deepEqual(readdirSync(join(directory, '..')), ['ca']);
  const other = await createRoot(crypto, {
    commonName: 'next',
    trustDomain: 'cluster.local',
    key: await generateSigningKey(crypto),
    nowMs: Date.now(),
    ttlMs: 1e9,
  });
  writeFileSync(join(directory, 'trusted', 'next.pem'), pemEncode('CERTIFICATE', other.der));
  chmodSync(directory, 0o755);
  const again = await openAuthority(options);
  assert.deepEqual(
    parseCertificates(again.rootsPem()).map(({ serial }) => serial),
    [...parseCertificates(first.rootsPem()), other].map(({ serial }) => serial),
  );
  if (process.platform !== 'win32') assert.equal(mode(directory), 0o700);
  await assert.rejects(openAuthority({ ...options, workloadTtlMs: 10 }), { code: 'ca/bad-ttl' });
  writeFileSync(join(directory, 'format.json'), '{"format":2}');
  await assert.rejects(openAuthority(options), { code: 'ca/format' });
  writeFileSync(join(directory, 'format.json'), '{"format":1}');
  writeFileSync(join(directory, 'issuing.pem'), 'broken');
  await assert.rejects(openAuthority(options), { code: 'ca/unreadable' });
  for (const authority of [first, second, again]) authority.close();
});

test('what a crash left of writing a key is removed at the next start; what another process is writing stays', async (t) => {
  const directory = folder(t);
  const options = { directory, trustDomain: 'cluster.local', clock: movingClock(), timers: systemTimers, random: systemRandom, log: silentLog };
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const leave = (path: string): string => {
    mkdirSync(path);
    writeFileSync(join(path, 'root.pem'), 'a key');
    return path;
  };
  const old = leave(`${directory}.new-${process.pid}`);
  utimesSync(old, 1, 1);
  leave(`${directory}.new-${ended}`);
  leave(`${directory}.new-${process.ppid}`);
  leave(`${directory}.new-notes`);
  const first = await openAuthority(options);
  writeFileSync(join(directory, `issuing.pem.new-${ended}`), 'a key');
  const second = await openAuthority(options);
  assert.deepEqual(readdirSync(join(directory, '..')), ['ca', `ca.new-${process.ppid}`, 'ca.new-notes']);
  assert.ok(!readdirSync(directory).includes(`issuing.pem.new-${ended}`));
  for (const authority of [first, second]) authority.close();
});

test('the issuing authority is replaced at half life, and chains of before stay valid', async (t) => {
  const directory = folder(t);
  const clock = movingClock();
  const options = { directory, trustDomain: 'cluster.local', clock, timers: systemTimers, random: systemRandom, log: silentLog };
  const first = await openAuthority(options);
  const { spki } = await generateSigningKey(crypto);
  const id = { trustDomain: 'cluster.local', namespace: 'a', serviceAccount: 'b' };
  const before = await first.issue({ spki, id });
  clock.advance(200 * 86_400_000);
  writeFileSync(join(directory, `issuing.pem.new-${process.pid}`), 'left by a crash');
  const second = await openAuthority(options);
  const after = await second.issue({ spki, id });
  assert.notEqual(before.chain[1], after.chain[1]);
  assert.equal(second.rootsPem(), first.rootsPem());
  const roots = parseCertificates(second.rootsPem());
  assert.equal((await verifyChain(crypto, after.chain.flatMap(parseCertificates), roots, clock.now())).t, 'trusted');
  assert.equal((await verifyChain(crypto, before.chain.flatMap(parseCertificates), roots, Date.now())).t, 'trusted');
  for (const authority of [first, second]) authority.close();
});

test("the control plane's own certificate: seen by openssl, swapped while it serves", async (t) => {
  const { ca, port } = await room(t, { workloadTtlMs: 5000 });
  if (spawnSync('openssl', ['version']).error !== undefined) return t.skip('openssl is not installed');
  const look = async (): Promise<string> => {
    const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-alpn', 'h2'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let out = '';
    for await (const chunk of client.stdout) out += String(chunk);
    return out;
  };
  const shown = await look();
  const certificate = new X509Certificate(shown.slice(shown.indexOf('-----BEGIN')));
  assert.equal(
    certificate.subjectAltName,
    `URI:${ISTIOD}, DNS:istiod.istio-system.svc, DNS:istiod.istio-system.svc.cluster.local, DNS:localhost, IP Address:127.0.0.1`,
  );
  const changed = Promise.withResolvers<void>();
  ca.serverCertificate.onChange(() => changed.resolve());
  await changed.promise;
  const after = await look();
  assert.notEqual(new X509Certificate(after.slice(after.indexOf('-----BEGIN'))).serialNumber, certificate.serialNumber);
});
