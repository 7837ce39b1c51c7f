import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Certificate and key as PEM text. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority of one's own, as a company has it. */
export interface Authority extends Pair {
  /** For a host, or several with commas. */
  issue(names: string, more?: { readonly keyType?: 'ec' | 'rsa' }): Promise<Pair>;
  /** A list with these certificates revoked. */
  revoke(...pairs: readonly Pair[]): Promise<string>;
}

const KEYS = { ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'], rsa: ['-newkey', 'rsa:2048'] } as const;
let count = 0;

/** Makes one with `openssl`, in a folder. */
export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const file = (suffix: string): string => join(folder, `${name}-${suffix}`);
  const read = (suffix: string): string => readFileSync(file(suffix), 'utf8');
  await run('openssl', [
    'req',
    '-x509',
    ...KEYS.ec,
    '-nodes',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.crt'),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  ]);
  writeFileSync(file('index'), '');
  writeFileSync(file('ca.cnf'), `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index')}\ndefault_md=sha256\ndefault_crl_days=2\n`);
  return {
    cert: read('ca.crt'),
    key: read('ca.key'),
    async issue(names, { keyType = 'ec' } = {}) {
      const hosts = names.split(',');
      const id = `leaf${++count}`;
      await run('openssl', [
        'req',
        ...KEYS[keyType],
        '-nodes',
        '-keyout',
        file(`${id}.key`),
        '-out',
        file(`${id}.csr`),
        '-subj',
        `/CN=${hosts[0] ?? ''}`,
      ]);
      writeFileSync(file(`${id}.ext`), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join()}\n`);
      const signed = [
        '-CA',
        file('ca.crt'),
        '-CAkey',
        file('ca.key'),
        '-set_serial',
        String(1000 + count),
        '-days',
        '1',
        '-extfile',
        file(`${id}.ext`),
      ];
      await run('openssl', ['x509', '-req', '-in', file(`${id}.csr`), ...signed, '-out', file(`${id}.crt`)]);
      return { cert: read(`${id}.crt`), key: read(`${id}.key`) };
    },
    async revoke(...pairs) {
      const ca = ['ca', '-config', file('ca.cnf'), '-cert', file('ca.crt'), '-keyfile', file('ca.key')];
      for (const [index, { cert }] of pairs.entries()) {
        writeFileSync(file(`revoked${index}.crt`), cert);
        await run('openssl', [...ca, '-revoke', file(`revoked${index}.crt`)]);
      }
      await run('openssl', [...ca, '-gencrl', '-out', file('crl')]);
      return read('crl');
    },
  };
}
