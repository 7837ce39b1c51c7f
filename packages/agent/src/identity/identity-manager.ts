import { MeshError, onceOutside, type Timer, type WallSpan } from '@meltemi/base';
import {
  createCsr,
  type CryptoPort,
  exportPrivateKey,
  formatSpiffeId,
  generateSigningKey,
  joinPem,
  parseCertificates,
  pemEncode,
  renewalDelayMs,
  retryDelayMs,
  spiffeIdOf,
  type SpiffeId,
  verifyChain,
} from '@meltemi/pki';
import type { Platform } from '../platform.ts';

/** A workload's certificate with its key, PEM; in memory only. */
export interface Identity {
  readonly certificateChain: string;
  readonly privateKey: string;
  /** All trusted roots. */
  readonly roots: string;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What the workload shows to the authority. */
export type Proof = { readonly t: 'token'; readonly token: string } | { readonly t: 'certificate'; readonly identity: Identity };

export interface IdentityOptions {
  readonly id: SpiffeId;
  /** The first join token. */
  readonly token: string;
  /** A new token, for when the certificate expired while the authority was away; absent where nobody can get one. */
  readonly newToken?: (() => Promise<string>) | undefined;
  /** Sends a request to the authority; resolves with the chain, root last. Rejects with `grpc/…`. */
  readonly requestCertificate: (csr: string, proof: Proof) => Promise<readonly string[]>;
  /** An attempt failed; there will be another. */
  readonly onFailure?: (message: string) => void;
  readonly platform: Platform;
  readonly crypto?: CryptoPort;
}

/** Gets the workload's certificate and keeps it fresh; the last one stays in force as long as the authority is away. */
export interface IdentityManager {
  /** The first certificate. Rejects with `identity/refused` when the authority refuses the workload for good. */
  readonly first: Promise<Identity>;
  current(): Identity | undefined;
  onChange(listener: (identity: Identity) => void): () => void;
  /** How often in a row renewal failed; 0 when all is well. */
  readonly failures: number;
  close(): void;
}

export function startIdentityManager(options: IdentityOptions): IdentityManager {
  const { platform } = options;
  const crypto = options.crypto ?? globalThis.crypto;
  const listeners = new Set<(identity: Identity) => void>();
  const first = Promise.withResolvers<Identity>();
  first.promise.catch(() => undefined); // whoever waits for it is told; nobody has to
  const proofs = createProofs(options);
  let identity: Identity | undefined;
  let failures = 0;
  let timer: Timer | undefined;
  let closed = false;

  const attempt = async (): Promise<void> => {
    const next = await obtain(options, crypto, await proofs.next(identity));
    proofs.used();
    failures = 0;
    identity = next;
    first.resolve(next);
    for (const listener of listeners) listener(next);
  };

  const onFailure = (error: unknown): void => {
    failures++;
    const known = MeshError.from(error, 'identity/failed');
    // A refused token stays refused: another one next time, where one can be had.
    if (known.code === 'grpc/unauthenticated' && proofs.used() && options.newToken === undefined && identity === undefined) {
      first.reject(new MeshError('identity/refused', `The certificate authority refused this workload: ${known.message}`, { cause: error }));
      closed = true;
    }
    platform.log.warn('A certificate could not be had; another attempt follows', { error: known.message, failures });
    options.onFailure?.(known.message);
  };

  const run = (): void => {
    attempt()
      .catch(onFailure)
      .finally(() => {
        if (closed) return;
        timer =
          failures > 0 || identity === undefined
            ? platform.timers.after(retryDelay(identity, failures, platform), run)
            : onceOutside(platform, inForce(identity, platform), run);
      });
  };
  run();

  return {
    first: first.promise,
    current: () => identity,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get failures() {
      return failures;
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

interface Proofs {
  /** The join token while it is unused; then the certificate; then, when that has expired, another token. */
  next(identity: Identity | undefined): Promise<Proof>;
  /** The token at hand is worth nothing any more. False: there was none. */
  used(): boolean;
}

function createProofs({ token: first, newToken, platform }: IdentityOptions): Proofs {
  let token: string | undefined = first;
  return {
    async next(identity) {
      if (token === undefined && identity !== undefined && isValid(identity, platform.clock.now())) return { t: 'certificate', identity };
      if (token === undefined && newToken === undefined)
        throw new MeshError(
          'identity/expired',
          'The certificate is not valid any more and there is no way to get a new join token; start the workload again.',
        );
      token ??= await newToken?.();
      return { t: 'token', token: token ?? '' };
    },
    used() {
      const had = token !== undefined;
      token = undefined;
      return had;
    },
  };
}

function isValid({ notBeforeMs, notAfterMs }: Identity, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}

/** Until it is renewed. With the clock set to before it, nobody takes it any more. */
function inForce(identity: Identity, { clock, random }: Platform): WallSpan {
  const nowMs = clock.now();
  return { fromMs: identity.notBeforeMs, untilMs: nowMs + renewalDelayMs(identity, nowMs, random) };
}

/** A short-lived certificate cannot wait a minute for the next attempt: at most a quarter of what is left, never under half a second. */
function retryDelay(identity: Identity | undefined, failures: number, platform: Platform): number {
  const delayMs = retryDelayMs(failures, platform.random);
  if (identity === undefined) return Math.min(delayMs, 5000);
  const leftMs = identity.notAfterMs - platform.clock.now();
  return leftMs <= 0 ? Math.min(delayMs, 5000) : Math.max(500, Math.min(delayMs, leftMs / 4));
}

async function obtain(options: IdentityOptions, crypto: CryptoPort, proof: Proof): Promise<Identity> {
  const key = await generateSigningKey(crypto);
  const chain = await options.requestCertificate(await createCsr(crypto, key, formatSpiffeId(options.id)), proof);
  const roots = chain.at(-1) ?? '';
  const certificates = chain.slice(0, -1).flatMap(parseCertificates);
  const [leaf] = certificates;
  const verdict = await verifyChain(crypto, certificates, parseCertificates(roots), options.platform.clock.now());
  if (leaf === undefined || verdict.t === 'refused')
    throw new MeshError(
      'identity/bad-certificate',
      `The authority sent a certificate that cannot be used: ${verdict.t === 'refused' ? verdict.reason : 'none'}.`,
    );
  const named = spiffeIdOf(leaf);
  const same =
    named !== undefined && formatSpiffeId(named) === formatSpiffeId(options.id) && leaf.spki.every((byte, index) => byte === key.spki[index]);
  if (!same) throw new MeshError('identity/bad-certificate', 'The authority sent a certificate for another identity or another key.');
  return {
    certificateChain: joinPem(...certificates.map((certificate) => pemEncode('CERTIFICATE', certificate.der))),
    privateKey: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)),
    roots: joinPem(roots),
    serial: leaf.serial,
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
  };
}
