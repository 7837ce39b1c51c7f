import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createRoot, exportPrivateKey, generateSigningKey, pemEncode } from '@meltemi/pki';
import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource } from '@meltemi/xds';
import { createManualPlatform } from '../testing/manual-platform.ts';
import { createFileSecrets, isFileSecret } from './file-secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'meltemi-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const pem = (text: string, label = 'CERTIFICATE'): string => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

function setup() {
  const manual = createManualPlatform(0);
  const waiting: ((value: string) => void)[] = [];
  const told: string[] = [];
  const tell = (value: string): void => {
    const next = waiting.shift();
    if (next === undefined) told.push(value);
    else next(value);
  };
  const files = createFileSecrets({
    platform: manual.platform,
    publish: (resources: readonly Resource[]) =>
      resources.forEach((resource) => tell(`${resource.name} ${new TextDecoder().decode(resource.bytes)}`)),
    onFault: (message) => tell(`fault ${message}`),
  });
  const next = (): Promise<string> => {
    const now = told.shift();
    return now === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(now);
  };
  return { files, manual, next, told };
}

/** A certificate and its key. */
async function pair(commonName: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const key = await generateSigningKey(crypto);
  const { der } = await createRoot(crypto, { commonName, trustDomain: 'test', key, nowMs: Date.now(), ttlMs: 86_400_000 });
  return { certificate: pemEncode('CERTIFICATE', der), key: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)) };
}

test('files are served by name, and again once they were renewed, both of them', async () => {
  const { files, manual, next, told } = setup();
  const [one, two] = [await pair('one'), await pair('two')];
  const certificate = write('cert.pem', one.certificate);
  const key = write('key.pem', one.key);
  const name = `file-cert:${certificate}~${key}`;
  assert.equal(isFileSecret(TYPE_URL.secret, name), true);
  assert.equal(isFileSecret(TYPE_URL.secret, 'default'), false);
  files.want([name]);
  files.want([name]);
  const first = await next();
  assert.ok(first.startsWith(`${name} `) && first.includes(one.certificate) && first.includes(one.key), first);
  write('cert.pem', two.certificate);
  assert.equal(await manual.armed(), 30_000);
  manual.fire();
  while ((await manual.armed()) !== 1_000) await new Promise(setImmediate);
  assert.deepEqual(told, [], 'the key is still the old one: nobody gets a pair that is none, and nobody is alarmed yet');
  manual.fire();
  assert.match(await next(), /^fault .*the key is not that of the certificate$/);
  write('key.pem', two.key);
  assert.equal(await manual.armed(), 1_000);
  manual.fire();
  const renewed = await next();
  assert.ok(renewed.includes(two.certificate) && renewed.includes(two.key), renewed);
  files.close();
});

test('the roots of the machine are there; what is no PEM text never leaves', async () => {
  const { files, next } = setup();
  files.want(['file-root:system']);
  assert.ok((await next()).includes('BEGIN CERTIFICATE'));
  files.want([`file-root:${write('ca.pem', pem('roots'))}~${write('crl.pem', pem('revoked', 'X509 CRL'))}`]);
  const both = await next();
  assert.ok(both.includes('roots') && both.includes('revoked'), both);
  files.want([`file-root:${write('passwd', 'root:x:0:0')}`]);
  assert.match(await next(), /^fault file-root:.*holds no PEM text with a CERTIFICATE$/);
  files.want([`file-root:${join(folder, 'missing')}`]);
  assert.match(await next(), /^fault .*ENOENT/);
  files.close();
});

test('a certificate file gives certificates only: not the key that lies with them, no text around them, and nothing that never ends', async () => {
  const { files, next } = setup();
  const mixed = write('mixed.pem', `password: hunter2\r\n${pem('one').replaceAll('\n', '\r\n')}${pem('mine', 'PRIVATE KEY')}${pem('two')}`);
  files.want([`file-root:${mixed}`]);
  const roots = await next();
  assert.ok(roots.includes('one') && roots.includes('two'), roots);
  assert.doesNotMatch(roots, /mine|hunter2/);
  files.want([`file-root:${write('only-key.pem', pem('mine', 'RSA PRIVATE KEY'))}`]);
  assert.match(await next(), /^fault .*holds no PEM text with a CERTIFICATE$/);
  for (const [path, reason] of [
    ['/dev/zero', /no regular file$/],
    [write('large.pem', ' '.repeat(5 << 20)), /larger than/],
  ] as const) {
    files.want([`file-root:${path}`]);
    assert.match(await next(), reason);
  }
  files.close();
});
