import { execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LIMIT_MS = 5_000;

/** Whether the program is there. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** What somebody outside of the mesh sees when he speaks TLS to a port. */
export interface TlsView {
  /** URI names of the server's certificate. */
  readonly uris: readonly string[];
  readonly serial: string;
  /** Seconds from the beginning to the end of its validity. */
  readonly lifeS: number;
  /** What came back for the request; empty when the server ended the connection. */
  readonly answer: string;
}

/** `openssl s_client` with the mesh's ALPN, and a request for `path`; with a certificate if a PEM file with chain and key is named. */
export async function tlsView(address: string, port: number, path: string, certificate?: string): Promise<TlsView> {
  const identity = certificate === undefined ? [] : ['-cert', certificate, '-key', certificate];
  const shown = await speak(
    ['s_client', '-connect', `${address}:${port}`, '-alpn', 'istio-http/1.1', '-showcerts', '-ign_eof', ...identity],
    `GET ${path} HTTP/1.1\r\nhost: details\r\nconnection: close\r\n\r\n`,
  );
  const text = await speak(['x509', '-noout', '-serial', '-dates', '-ext', 'subjectAltName'], shown);
  const date = (name: string): number => Date.parse(new RegExp(`${name}=(.+)`).exec(text)?.[1] ?? '');
  return {
    uris: [...text.matchAll(/URI:(\S+)/g)].map((match) => match[1] ?? ''),
    serial: /serial=(\S+)/.exec(text)?.[1] ?? '',
    lifeS: (date('notAfter') - date('notBefore')) / 1000,
    answer: /^HTTP\/1\.1 [^]*/m.exec(shown)?.[0] ?? '',
  };
}

/** A certificate that nobody in the mesh trusts, whatever name it gives itself. PEM file with key. */
export async function foreignCertificate(folder: string, uri: string): Promise<string> {
  const file = join(folder, 'foreign.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    '-keyout',
    file,
    '-out',
    `${file}.crt`,
    '-days',
    '1',
    '-subj',
    '/',
    '-addext',
    `subjectAltName=URI:${uri}`,
  ]);
  await run('sh', ['-c', `cat ${file}.crt >> ${file}`]);
  return file;
}

/** Runs openssl; resolves with what it printed, whatever its exit code. */
function speak(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: LIMIT_MS });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
