import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MeshError } from '@meltemi/base';
import {
  type Certificate,
  type CryptoPort,
  exportPrivateKey,
  importSigningKey,
  type Issuer,
  parseCertificates,
  pemDecode,
  pemEncode,
} from '@meltemi/pki';

/** Format of the folder; a newer one is refused, an older one would be migrated with a copy. */
const CA_FORMAT = 1;

/** Writing takes milliseconds. */
const WRITING_MS = 60_000;

const FILES = { format: 'format.json', root: 'root.pem', issuing: 'issuing.pem', trusted: 'trusted' } as const;

/** What stands on disk. The root's key is missing when it is kept elsewhere; then the issuing authority cannot be renewed here. */
export interface StoredAuthority {
  readonly root: Certificate;
  readonly rootIssuer: Issuer | undefined;
  readonly issuing: Issuer;
  /** Roots that are trusted beside our own: the old or the next one during a rotation. */
  readonly trusted: readonly Certificate[];
}

/** Reads an authority; undefined when there is none yet. Throws `ca/format`, `ca/unreadable`. */
export async function loadAuthority(crypto: CryptoPort, directory: string): Promise<StoredAuthority | undefined> {
  if (!existsSync(join(directory, FILES.format))) return undefined;
  checkFormat(directory);
  try {
    const rootPem = readFileSync(join(directory, FILES.root), 'utf8');
    const [root] = parseCertificates(rootPem);
    if (root === undefined) throw new Error(`${FILES.root} holds no certificate`);
    const issuing = await readIssuer(crypto, readFileSync(join(directory, FILES.issuing), 'utf8'));
    if (issuing === undefined) throw new Error(`${FILES.issuing} holds no certificate with its key`);
    return { root, rootIssuer: await readIssuer(crypto, rootPem), issuing, trusted: readTrusted(directory) };
  } catch (cause) {
    throw new MeshError(
      'ca/unreadable',
      `The authority in ${directory} cannot be read: ${message(cause)}. Restore the folder from a copy, or move it away to start with a new root.`,
      { cause },
    );
  }
}

/**
 * Writes a new authority as a whole: into a folder beside, then renamed, so that a crash leaves all of it or nothing. Returns false when
 * another process was faster; its authority stands then.
 */
export async function createAuthorityFiles(crypto: CryptoPort, directory: string, root: Issuer, issuing: Issuer): Promise<boolean> {
  const staging = `${directory}.new-${process.pid}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(join(staging, FILES.trusted), { recursive: true, mode: 0o700 });
  chmodSync(staging, 0o700);
  try {
    writePrivate(join(staging, FILES.root), await issuerPem(crypto, root));
    writePrivate(join(staging, FILES.issuing), await issuerPem(crypto, issuing));
    writePrivate(join(staging, FILES.format), `${JSON.stringify({ format: CA_FORMAT })}\n`);
    removeEmpty(directory);
    renameSync(staging, directory);
    return true;
  } catch (error) {
    if (existsSync(join(directory, FILES.format))) return false;
    throw new MeshError('ca/unwritable', `The authority cannot be written to ${directory}: ${message(error)}.`, { cause: error });
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Removes what a crash left in the middle of writing: it holds keys. Another process may be about to write; such a folder is young, and
 * its process lives.
 */
export function removeLeftovers(directory: string): void {
  for (const [folder, name] of [
    [dirname(directory), basename(directory)],
    [directory, FILES.issuing],
  ] as const) {
    if (!existsSync(folder)) continue;
    for (const entry of readdirSync(folder)) {
      const pid = entry.startsWith(`${name}.new-`) ? Number(entry.slice(name.length + 5)) : Number.NaN;
      if (Number.isInteger(pid) && !isBeingWritten(join(folder, entry), pid)) rmSync(join(folder, entry), { recursive: true, force: true });
    }
  }
}

function isBeingWritten(path: string, pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // The number may be another process's by now; in a container it is always our own.
  const info = statSync(path, { throwIfNoEntry: false });
  return info !== undefined && Date.now() - info.mtimeMs < WRITING_MS;
}

/** Replaces the issuing authority; its certificate and key are one file, so the swap is one rename. */
export async function replaceIssuing(crypto: CryptoPort, directory: string, issuing: Issuer): Promise<void> {
  const staging = join(directory, `${FILES.issuing}.new-${process.pid}`);
  // Of a crash in between; in a container the process always has the same number.
  rmSync(staging, { force: true });
  writePrivate(staging, await issuerPem(crypto, issuing));
  renameSync(staging, join(directory, FILES.issuing));
}

function checkFormat(directory: string): void {
  const { format } = JSON.parse(readFileSync(join(directory, FILES.format), 'utf8')) as { format?: unknown };
  if (format !== CA_FORMAT)
    throw new MeshError(
      'ca/format',
      `The authority in ${directory} has format ${String(format)}; this version knows ${CA_FORMAT}. Use the version that wrote it, or a newer one.`,
    );
  const mode = statSync(directory).mode & 0o077;
  if (mode !== 0) chmodSync(directory, 0o700);
}

async function readIssuer(crypto: CryptoPort, pem: string): Promise<Issuer | undefined> {
  const [certificate] = parseCertificates(pem);
  const [pkcs8] = pemDecode('PRIVATE KEY', pem);
  if (certificate === undefined || pkcs8 === undefined) return undefined;
  return { certificate, key: await importSigningKey(crypto, pkcs8, certificate.spki) };
}

async function issuerPem(crypto: CryptoPort, issuer: Issuer): Promise<string> {
  return pemEncode('CERTIFICATE', issuer.certificate.der) + pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, issuer.key));
}

function readTrusted(directory: string): Certificate[] {
  const folder = join(directory, FILES.trusted);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.pem'))
    .sort();
  return files.flatMap((file) => parseCertificates(readFileSync(join(folder, file), 'utf8')));
}

function removeEmpty(directory: string): void {
  // rename() replaces an empty folder on POSIX only; elsewhere it must not be there.
  if (existsSync(directory) && readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}

function writePrivate(file: string, text: string): void {
  const fd = openSync(file, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Appends audit lines to a file of mode 0600; at 4 MiB it becomes `….1` and a new one begins. */
export function appendAudit(file: string, line: string): void {
  if (existsSync(file) && statSync(file).size > MAX_AUDIT_BYTES) renameSync(file, `${file}.1`);
  writeFileSync(file, `${line}\n`, { flag: 'a', mode: 0o600 });
}

const MAX_AUDIT_BYTES = 4 * 1024 * 1024;
