import { createPrivateKey, X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { getCACertificates, rootCertificates } from 'node:tls';
import { hashBytes, pushAll } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource } from '@meltemi/xds';
import type { Platform } from '../platform.ts';
import { encodeCertificateSecret, encodeRootSecret } from '../wire/messages.ts';

const CERTIFICATE = 'file-cert:';
const ROOTS = 'file-root:';
/** The trusted certificates of the machine itself, as `file-root:system`. */
const SYSTEM = 'system';

/** Files are renewed in their place; how soon a proxy takes the new ones. */
const LOOK_AGAIN_MS = 30_000;
/** The same for a certificate and a key that do not belong together: they are just being renewed, one after the other. */
const UNMATCHED_MS = 1_000;

/** Istio's names for keys and certificates that lie as files beside the workload: `file-cert:CERT~KEY`, `file-root:CA`; ours with revoked ones `file-root:CA~CRL`. */
export function isFileSecret(typeUrl: string, name: string): boolean {
  return typeUrl === TYPE_URL.secret && (name.startsWith(CERTIFICATE) || name.startsWith(ROOTS));
}

/** Reads the files that proxies ask for by name, and again as long as the agent runs. */
export interface FileSecrets {
  want(names: readonly string[]): void;
  close(): void;
}

export interface FileSecretOptions {
  readonly platform: Platform;
  readonly publish: (resources: readonly Resource[]) => void;
  /** A file that cannot be read or holds no PEM text; told once for as long as it lasts. Without it the proxy makes no connection that needs it. */
  readonly onFault: (message: string) => void;
}

/** Keys stay in memory: they go from the file to the proxy's socket. */
export function createFileSecrets({ platform, publish, onFault }: FileSecretOptions): FileSecrets {
  const versions = new Map<string, string>();
  const faults = new Map<string, string>();
  /** Pairs that did not match at the last look. */
  const unmatched = new Set<string>();
  let timer: { readonly delayMs: number; cancel(): void } | undefined;
  let closed = false;
  const look = async (name: string): Promise<void> => {
    const read = await readSecret(name);
    if (closed) return;
    if ('fault' in read) {
      const isFirst = read.unmatched === true && !unmatched.has(name);
      if (read.unmatched === true) unmatched.add(name);
      else unmatched.delete(name);
      if (isFirst) return again();
      if (faults.get(name) !== read.fault) onFault(`${name}: ${read.fault}`);
      faults.set(name, read.fault);
      return;
    }
    faults.delete(name);
    unmatched.delete(name);
    const version = hashBytes(read.bytes);
    if (versions.get(name) === version) return;
    versions.set(name, version);
    publish([{ name, version, bytes: read.bytes }]);
  };
  const again = (): void => {
    const delayMs = unmatched.size > 0 ? UNMATCHED_MS : LOOK_AGAIN_MS;
    if (timer !== undefined && timer.delayMs <= delayMs) return;
    timer?.cancel();
    const set = platform.timers.after(delayMs, () => {
      timer = undefined;
      for (const name of versions.keys()) void look(name);
      again();
    });
    timer = { delayMs, cancel: () => set.cancel() };
  };
  return {
    want(names) {
      for (const name of names) {
        if (versions.has(name)) continue;
        versions.set(name, '');
        void look(name);
      }
      if (versions.size > 0) again();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

type ReadSecret = { readonly bytes: Uint8Array } | { readonly fault: string; readonly unmatched?: true };

async function readSecret(name: string): Promise<ReadSecret> {
  try {
    if (name.startsWith(ROOTS)) {
      const [path = '', revocations] = name.slice(ROOTS.length).split('~', 2);
      const roots = path === SYSTEM ? systemRoots() : await readPem(path, 'CERTIFICATE');
      return { bytes: encodeRootSecret(name, roots, revocations === undefined ? undefined : await readPem(revocations, 'X509 CRL')) };
    }
    const [certificatePath = '', keyPath = ''] = name.slice(CERTIFICATE.length).split('~', 2);
    const [certificate, key] = [await readPem(certificatePath, 'CERTIFICATE'), await readPem(keyPath, 'PRIVATE KEY')];
    const fault = pairFault(certificate, key);
    return fault === undefined ? { bytes: encodeCertificateSecret(name, certificate, key) } : { fault, unmatched: true };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

/** A proxy must not get half of a renewal: with a key of another certificate it could not serve at all. */
function pairFault(certificate: string, key: string): string | undefined {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? undefined : 'the key is not that of the certificate';
  } catch (error) {
    return `the certificate and its key cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Far more than all the roots of a machine. */
const MAX_BYTES = 4 << 20;
const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----$/;

/** The blocks of a label, `EC PRIVATE KEY` being a `PRIVATE KEY` too. Throws when the file has none. */
async function readPem(path: string, label: string): Promise<string> {
  const text = await readText(path);
  // Whoever writes configuration names the file: nothing but what is asked for may leave through here, above all no key as a certificate, which dumps show.
  const kept: string[] = [];
  let block: { readonly end: string; readonly lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const begun = BEGIN.exec(line)?.[1];
    if (begun !== undefined) block = begun.endsWith(label) ? { end: `-----END ${begun}-----`, lines: [] } : undefined;
    block?.lines.push(line);
    if (line !== block?.end) continue;
    pushAll(kept, block.lines);
    block = undefined;
  }
  if (kept.length === 0) throw new Error(`${path} holds no PEM text with a ${label}`);
  return `${kept.join('\n')}\n`;
}

/** Of a regular file: a pipe would never end, a device neither. */
async function readText(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error(`${path} is no regular file`);
    if (stats.size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** The machine's own store; where that is empty (a bare container), the one that came with the runtime. */
function systemRoots(): string {
  const own = getCACertificates('system');
  return (own.length > 0 ? own : rootCertificates).join('\n');
}
