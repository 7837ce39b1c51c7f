import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chooserOf } from './tls-certificates.ts';

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';
const folder = mkdtempSync(join(tmpdir(), 'meltemi-certificates-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function pair(subject: string, altNames?: string): { readonly certificateChain: string; readonly privateKey: string } {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const more = altNames === undefined ? [] : ['-addext', `subjectAltName=${altNames}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const made = spawnSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, '-subj', subject, ...more], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return { certificateChain: readFileSync(certificate, 'utf8'), privateKey: readFileSync(key, 'utf8') };
}

test('a certificate is for its DNS names; one that has no names at all, for its common name; the default needs no choice', { skip }, () => {
  const more = [
    pair('/CN=no.test', 'DNS:first.test,DNS:*.first.test'),
    pair('/O=x/CN=plain.test'),
    pair('/CN=*.wild.test'),
    pair('/CN=hidden.test', 'IP:127.0.0.1'),
    pair('/O=nobody'),
  ];
  const choose = chooserOf({ ...pair('/CN=default.test', 'DNS:default.test'), trustedCa: undefined, crl: undefined, more }, {});
  const names = [
    'first.test',
    'a.first.test',
    'plain.test',
    'a.wild.test',
    'b.wild.test',
    'no.test',
    'hidden.test',
    'wild.test',
    'a.b.wild.test',
    '',
    'default.test',
  ];
  const chosen = names.map((name) => choose?.(name));
  const order = [...new Set(chosen)];
  assert.deepEqual(
    chosen.map((context) => (context === undefined ? '-' : order.indexOf(context))),
    [0, 0, 1, 2, 2, '-', '-', '-', '-', '-', '-'],
  );
});
