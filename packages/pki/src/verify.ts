import { equalBytes } from './bytes.ts';
import type { Certificate } from './certificate.ts';
import { type CryptoPort, verifySignature } from './crypto.ts';

/** What verification of a chain says; `reason` is for a person. */
export type ChainVerdict = { readonly t: 'trusted'; readonly root: Certificate } | { readonly t: 'refused'; readonly reason: string };

const MAX_DEPTH = 8;

/**
 * Verifies a chain, leaf first, against trusted roots at `nowMs` (RFC 5280 section 6, without policies and revocation, which SVIDs do not
 * use): signatures, names, times, authority flags, path lengths, critical extensions.
 */
export async function verifyChain(
  crypto: CryptoPort,
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  nowMs: number,
): Promise<ChainVerdict> {
  const [leaf] = chain;
  if (leaf === undefined) return refused('the chain is empty');
  if (leaf.isAuthority) return refused('the first certificate is an authority, not a workload');
  let current = leaf;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const fault = ownFault(current, nowMs);
    if (fault !== undefined) return refused(fault);
    const root = await signerAmong(crypto, current, roots, depth);
    if (root !== undefined) {
      const rootFault = ownFault(root, nowMs);
      return rootFault === undefined ? { t: 'trusted', root } : refused(rootFault);
    }
    const parent = await signerAmong(crypto, current, chain.slice(depth + 1), depth);
    if (parent === undefined) return refused('no trusted root signed the chain');
    current = parent;
  }
  return refused(`the chain is longer than ${MAX_DEPTH}`);
}

function refused(reason: string): ChainVerdict {
  return { t: 'refused', reason };
}

function ownFault(certificate: Certificate, nowMs: number): string | undefined {
  if (nowMs < certificate.notBeforeMs) return `certificate ${certificate.serial} is not valid yet; check the clocks`;
  if (nowMs > certificate.notAfterMs) return `certificate ${certificate.serial} has expired`;
  if (certificate.unknownCritical.length > 0) return `certificate ${certificate.serial} has a critical extension that is not understood`;
  return undefined;
}

async function signerAmong(
  crypto: CryptoPort,
  child: Certificate,
  candidates: readonly Certificate[],
  authoritiesBelow: number,
): Promise<Certificate | undefined> {
  for (const candidate of candidates) {
    if (!candidate.isAuthority || !candidate.canSignCertificates || !equalBytes(candidate.subject, child.issuer)) continue;
    if (candidate.pathLength !== undefined && candidate.pathLength < authoritiesBelow) continue;
    if (await verifySignature(crypto, candidate.spki.slice(), child.signature.slice(), child.tbs.slice())) return candidate;
  }
  return undefined;
}
