import { join } from 'node:path';
import { MeshError, type Timer } from '@meltemi/base';
import {
  type Certificate,
  createIssuing,
  createRoot,
  type CryptoPort,
  formatSpiffeId,
  generateSigningKey,
  type Issuer,
  issueSvid,
  joinPem,
  pemEncode,
  type SpiffeId,
} from '@meltemi/pki';
import { appendAudit, createAuthorityFiles, loadAuthority, removeLeftovers, replaceIssuing, type StoredAuthority } from './store.ts';
import type { AuditRecord, AuthorityOptions } from './types.ts';

const DAY_MS = 86_400_000;
const ROOT_TTL_MS = 3650 * DAY_MS;
const ISSUING_TTL_MS = 365 * DAY_MS;
const DEFAULT_WORKLOAD_TTL_MS = DAY_MS;
const MIN_WORKLOAD_TTL_MS = 5_000;
const CHECK_EVERY_MS = DAY_MS / 2;

/** What is to be certified. `ttlMs` is cut to the authority's own limit. */
export interface IssueRequest {
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly id: SpiffeId;
  readonly ttlMs?: number;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** A certificate with the authorities between it and the root, PEM, leaf first, without the root. */
export interface Issued {
  readonly certificate: Certificate;
  readonly chain: readonly string[];
}

/** The certificate authority of the mesh. */
export interface Authority {
  readonly trustDomain: string;
  readonly workloadTtlMs: number;
  /** All trusted roots, PEM, joined. */
  rootsPem(): string;
  issue(request: IssueRequest): Promise<Issued>;
  /** One line of the audit log; the identity as a SPIFFE URI. Failing to write it is logged, not thrown. */
  audit(record: Omit<AuditRecord, 'timeMs'>): void;
  close(): void;
}

/** Opens the authority of a folder, creating root and issuing authority when there are none. Throws `ca/…`. */
export async function openAuthority(options: AuthorityOptions, crypto: CryptoPort = globalThis.crypto): Promise<Authority> {
  const workloadTtlMs = options.workloadTtlMs ?? DEFAULT_WORKLOAD_TTL_MS;
  if (!(workloadTtlMs >= MIN_WORKLOAD_TTL_MS))
    throw new MeshError(
      'ca/bad-ttl',
      `Certificates cannot live ${workloadTtlMs} ms; at least ${MIN_WORKLOAD_TTL_MS} ms is needed to renew them in time.`,
    );
  let stored = await openFolder(options, crypto);
  stored = await renewIssuing(options, crypto, stored);
  let timer: Timer | undefined;
  const check = (): void => {
    timer = options.timers.after(CHECK_EVERY_MS, () => {
      renewIssuing(options, crypto, stored).then(
        (next) => {
          stored = next;
          check();
        },
        (error: unknown) => {
          options.log.error('The issuing authority could not be renewed', { error: String(error) });
          check();
        },
      );
    });
  };
  check();
  return {
    trustDomain: options.trustDomain,
    workloadTtlMs,
    rootsPem: () => joinPem(...[stored.root, ...stored.trusted].map((root) => pemEncode('CERTIFICATE', root.der))),
    async issue(request) {
      if (request.id.trustDomain !== options.trustDomain)
        throw new MeshError('ca/foreign-identity', `${formatSpiffeId(request.id)} is not of trust domain ${options.trustDomain}.`);
      const issuer = stored.issuing;
      const ttlMs = Math.min(request.ttlMs ?? workloadTtlMs, workloadTtlMs);
      const certificate = await issueSvid(crypto, issuer, { ...request, nowMs: options.clock.now(), ttlMs });
      return { certificate, chain: [pemEncode('CERTIFICATE', certificate.der), pemEncode('CERTIFICATE', issuer.certificate.der)] };
    },
    audit: (record) => writeAudit(options, record),
    close: () => timer?.cancel(),
  };
}

async function openFolder(options: AuthorityOptions, crypto: CryptoPort): Promise<StoredAuthority> {
  removeLeftovers(options.directory);
  const found = await loadAuthority(crypto, options.directory);
  if (found !== undefined) return found;
  const rootKey = await generateSigningKey(crypto);
  const nowMs = options.clock.now();
  const { trustDomain } = options;
  const root = {
    certificate: await createRoot(crypto, { commonName: 'Meltemi root', trustDomain, key: rootKey, nowMs, ttlMs: ROOT_TTL_MS }),
    key: rootKey,
  };
  await createAuthorityFiles(crypto, options.directory, root, await newIssuing(options, crypto, root));
  const made = await loadAuthority(crypto, options.directory);
  if (made === undefined)
    throw new MeshError('ca/unwritable', `The authority in ${options.directory} vanished while it was created; is another process using the folder?`);
  options.log.info('Created a certificate authority', { directory: options.directory, root: made.root.serial });
  return made;
}

async function newIssuing(options: AuthorityOptions, crypto: CryptoPort, root: Issuer): Promise<Issuer> {
  const key = await generateSigningKey(crypto);
  const request = {
    commonName: 'Meltemi issuing authority',
    trustDomain: options.trustDomain,
    key,
    nowMs: options.clock.now(),
    ttlMs: ISSUING_TTL_MS,
  };
  return { certificate: await createIssuing(crypto, root, request), key };
}

/** The issuing authority is replaced when half of its life is over; what it has issued stays valid, as each chain carries its own. */
async function renewIssuing(options: AuthorityOptions, crypto: CryptoPort, stored: StoredAuthority): Promise<StoredAuthority> {
  const leftMs = stored.issuing.certificate.notAfterMs - options.clock.now();
  if (leftMs > ISSUING_TTL_MS / 2) return stored;
  if (stored.rootIssuer === undefined) {
    options.log.warn('The issuing authority runs out and the root key is not here to renew it', { daysLeft: Math.floor(leftMs / DAY_MS) });
    return stored;
  }
  const issuing = await newIssuing(options, crypto, stored.rootIssuer);
  await replaceIssuing(crypto, options.directory, issuing);
  options.log.info('Renewed the issuing authority', { serial: issuing.certificate.serial });
  return { ...stored, issuing };
}

function writeAudit(options: AuthorityOptions, record: Omit<AuditRecord, 'timeMs'>): void {
  try {
    appendAudit(join(options.directory, 'audit.jsonl'), JSON.stringify({ timeMs: options.clock.now(), ...record }));
  } catch (error) {
    options.log.error('The audit log cannot be written', { error: String(error) });
  }
}
