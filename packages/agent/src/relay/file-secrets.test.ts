import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
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

test('files are served by name, and again once they were renewed', async () => {
  const { files, manual, next } = setup();
  const certificate = write('cert.pem', pem('one'));
  const key = write('key.pem', pem('key', 'EC PRIVATE KEY'));
  const name = `file-cert:${certificate}~${key}`;
  assert.equal(isFileSecret(TYPE_URL.secret, name), true);
  assert.equal(isFileSecret(TYPE_URL.secret, 'default'), false);
  files.want([name]);
  files.want([name]);
  const first = await next();
  assert.ok(first.startsWith(`${name} `) && first.includes('one') && first.includes('key'), first);
  write('cert.pem', pem('two'));
  await manual.armed();
  manual.fire();
  assert.ok((await next()).includes('two'));
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
