import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { derTime, readItem, readTime } from './der.ts';
import {
  certificateInfo,
  createCsr,
  createIssuing,
  createRoot,
  type CryptoPort,
  exportPrivateKey,
  formatSpiffeId,
  generateSigningKey,
  importSigningKey,
  issueSvid,
  joinPem,
  parseCertificate,
  parseCertificates,
  parseSpiffeId,
  pemDecode,
  pemEncode,
  renewalDelayMs,
  retryDelayMs,
  spiffeIdOf,
  verifyChain,
  verifyCsr,
} from './index.ts';

const port: CryptoPort = globalThis.crypto;
const DAY = 86_400_000;
const id = { trustDomain: 'cluster.local', namespace: 'bookinfo', serviceAccount: 'bookinfo-reviews' };

async function authority(nowMs = Date.now()) {
  const [rootKey, issuingKey] = [await generateSigningKey(port), await generateSigningKey(port)];
  const root = await createRoot(port, { commonName: 'root', trustDomain: 'cluster.local', key: rootKey, nowMs, ttlMs: 3650 * DAY });
  const issuing = await createIssuing(
    port,
    { certificate: root, key: rootKey },
    { commonName: 'issuing', trustDomain: 'cluster.local', key: issuingKey, nowMs, ttlMs: 365 * DAY },
  );
  return { root, issuer: { certificate: issuing, key: issuingKey } };
}

test('SPIFFE IDs have one spelling', () => {
  assert.deepEqual(parseSpiffeId(formatSpiffeId(id)), id);
  for (const bad of [
    'spiffe://cluster.local/ns/a',
    'spiffe://cluster.local/ns/a/sa/b/',
    'spiffe://cluster.local/ns/a/sa/b?x',
    'spiffe://Cluster.local/ns/a/sa/b',
    'SPIFFE://cluster.local/ns/a/sa/b',
    'spiffe:///ns/a/sa/b',
    'spiffe://cluster.local/ns//sa/b',
    'spiffe://cluster.local/ns/a/sa/..',
    'spiffe://cluster.local/ns/a/sa/b%2f',
    'spiffe://u@cluster.local/ns/a/sa/b',
    'spiffe://cluster.local:1/ns/a/sa/b',
    'https://cluster.local/ns/a/sa/b',
    'spiffe://cluster.local/sa/a/ns/b',
    `spiffe://cluster.local/ns/a/sa/${'b'.repeat(3000)}`,
  ])
    assert.equal(parseSpiffeId(bad), undefined, bad);
});

test('a leaf is what SPIFFE asks for, in the eyes of Node, @peculiar/x509 and openssl', async () => {
  const { root, issuer } = await authority();
  const key = await generateSigningKey(port);
  const nowMs = Date.now();
  const leaf = await issueSvid(port, issuer, { spki: key.spki, id, nowMs, ttlMs: DAY });
  const node = new X509Certificate(leaf.der);
  assert.equal(node.subjectAltName, `URI:${formatSpiffeId(id)}`);
  assert.equal(node.subject, undefined);
  assert.ok(node.checkIssued(new X509Certificate(issuer.certificate.der)) && node.verify(new X509Certificate(issuer.certificate.der).publicKey));
  assert.equal(node.serialNumber.toLowerCase(), leaf.serial);
  assert.equal(leaf.serial.length, 32);
  assert.ok(Math.abs(leaf.notBeforeMs - (nowMs - 150_000)) < 1000);
  assert.deepEqual(spiffeIdOf(leaf), id);
  const peculiar = new x509.X509Certificate(leaf.der);
  assert.ok(peculiar.getExtension('2.5.29.17')?.critical);
  assert.equal(peculiar.getExtension(x509.KeyUsagesExtension)?.usages, x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment);
  assert.ok(peculiar.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId);
  assert.deepEqual(
    { before: peculiar.notBefore.getTime(), after: peculiar.notAfter.getTime() },
    { before: leaf.notBeforeMs, after: leaf.notAfterMs },
  );
  const dir = mkdtempSync(join(tmpdir(), 'pki-'));
  try {
    const file = (name: string, pem: string): string => (writeFileSync(join(dir, name), pem), join(dir, name));
    const args = [
      'verify',
      '-purpose',
      'sslserver',
      '-x509_strict',
      '-CAfile',
      file('root.pem', pemEncode('CERTIFICATE', root.der)),
      '-untrusted',
      file('i.pem', pemEncode('CERTIFICATE', issuer.certificate.der)),
      file('l.pem', pemEncode('CERTIFICATE', leaf.der)),
    ];
    const said = spawnSync('openssl', args, { encoding: 'utf8' });
    if (said.error === undefined) assert.match(said.stdout, /l\.pem: OK/, said.stderr);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('requests: ours are read by @peculiar/x509, theirs by us, forged ones are refused', async () => {
  const key = await generateSigningKey(port);
  const pem = await createCsr(port, key, formatSpiffeId(id));
  assert.ok(await new x509.Pkcs10CertificateRequest(pem).verify());
  const ours = await verifyCsr(port, pem);
  assert.deepEqual([ours.spki, ours.uris], [key.spki, [formatSpiffeId(id)]]);
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const theirs = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } });
  assert.deepEqual((await verifyCsr(port, `${theirs.toString('pem')}\n`)).uris, []);
  const der = pemDecode('CERTIFICATE REQUEST', pem)[0] ?? new Uint8Array();
  const forged = der.slice();
  forged[40] = (forged[40] ?? 0) ^ 1;
  await assert.rejects(verifyCsr(port, pemEncode('CERTIFICATE REQUEST', forged)), { code: /pki\/bad-(der|signature)/ });
  const rsa = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const rsaRequest = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=x',
    keys: rsa,
    signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  });
  await assert.rejects(verifyCsr(port, rsaRequest.toString('pem')), { code: 'pki/bad-der' });
});

test('hostile bytes end in a MeshError, whatever they are', async () => {
  const { issuer } = await authority();
  const seeds = [
    issuer.certificate.der,
    pemDecode('CERTIFICATE REQUEST', await createCsr(port, issuer.key, 'spiffe://a/ns/b/sa/c'))[0] ?? new Uint8Array(),
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(1000))
    .map(([seed, edits, cut]) => {
      const out = seed.slice(0, cut < 900 ? undefined : cut - 800);
      for (const [at, value] of edits) if (at < out.length) out[at] = value;
      return out;
    });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
      ),
      async (bytes) => {
        try {
          parseCertificate(bytes);
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^pki\//);
        }
        await verifyCsr(port, pemEncode('CERTIFICATE REQUEST', bytes)).catch((error: { code?: string }) =>
          assert.match(String(error.code), /^pki\//),
        );
      },
    ),
    { numRuns: 400 },
  );
});

test('chains: trusted by the right root only, in their time only, through authorities only', async () => {
  const { root, issuer } = await authority();
  const other = await authority();
  const nowMs = Date.now();
  const key = await generateSigningKey(port);
  const leaf = await issueSvid(port, issuer, { spki: key.spki, id, nowMs, ttlMs: 20_000 });
  const below = await issueSvid(port, { certificate: leaf, key }, { spki: key.spki, id: { ...id, serviceAccount: 'evil' }, nowMs, ttlMs: 10_000 });
  const chain = [leaf, issuer.certificate];
  assert.equal((await verifyChain(port, chain, [other.root, root], nowMs)).t, 'trusted');
  assert.equal((await verifyChain(port, chain, [other.root], nowMs)).t, 'refused');
  assert.equal((await verifyChain(port, chain, [root], nowMs + 21_000)).t, 'refused');
  assert.equal((await verifyChain(port, chain, [root], nowMs - 200_000)).t, 'refused');
  assert.equal((await verifyChain(port, [leaf], [root], nowMs)).t, 'refused');
  assert.equal((await verifyChain(port, [below, ...chain], [root], nowMs)).t, 'refused');
  assert.equal((await verifyChain(port, [], [root], nowMs)).t, 'refused');
});

test('keys and PEM survive the way to a file and back; a foreign key is noticed', async () => {
  const { root, issuer } = await authority();
  const key = await importSigningKey(port, await exportPrivateKey(port, issuer.key), issuer.certificate.spki);
  const leaf = await issueSvid(
    port,
    { certificate: issuer.certificate, key },
    { spki: key.spki, id, nowMs: Date.now(), ttlMs: 1000, dnsNames: ['istiod.istio-system.svc'], ipAddresses: ['127.0.0.1'] },
  );
  assert.equal(new X509Certificate(leaf.der).subjectAltName, `URI:${formatSpiffeId(id)}, DNS:istiod.istio-system.svc, IP Address:127.0.0.1`);
  const pem = joinPem(pemEncode('CERTIFICATE', leaf.der).trim(), '', pemEncode('CERTIFICATE', root.der).trim());
  assert.deepEqual(
    parseCertificates(pem).map((c) => c.serial),
    [leaf.serial, root.serial],
  );
  assert.deepEqual(certificateInfo(pem).spiffeId, id);
  await assert.rejects(importSigningKey(port, await exportPrivateKey(port, await generateSigningKey(port)), issuer.certificate.spki), {
    code: 'pki/bad-key',
  });
  assert.throws(() => pemDecode('CERTIFICATE', '-----BEGIN CERTIFICATE-----\nAAAA'), { code: 'pki/bad-pem' });
});

test('times agree with the calendar from 1970 to 2200', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2200, 0) / 1000 }), (seconds) => {
      assert.equal(readTime(readItem(derTime(seconds * 1000))), seconds * 1000);
      const text = new Date(seconds * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14);
      assert.ok(
        Buffer.from(derTime(seconds * 1000))
          .toString('latin1')
          .endsWith(`${text.slice(2)}Z`),
      );
    }),
  );
});

test('renewal at half life with jitter, never a busy loop', () => {
  const at = (left: number, next: number): number => renewalDelayMs({ notAfterMs: left }, 0, { next: () => next });
  assert.deepEqual([at(20_000, 0), at(20_000, 0.5), at(-5, 0.5), at(1e15, 1)], [9000, 10_000, 1000, 2 ** 31 - 1]);
  assert.deepEqual(
    [retryDelayMs(1, { next: () => 0 }), retryDelayMs(1, { next: () => 1 }), retryDelayMs(40, { next: () => 1 })],
    [500, 1000, 60_000],
  );
});
