import { X509Certificate } from 'node:crypto';
import type { CommonTls, RuntimeSecret } from '@meltemi/runtime';
import { parseAltNames, spiffeName } from './tls-peer.ts';

/** Looks a secret up by name (`RuntimeState.secret`). A new version is a new object. */
export type SecretLookup = (name: string) => RuntimeSecret | undefined;

/** The PEM texts that a TLS context is made of. */
export interface TlsMaterial {
  readonly certificateChain: string | undefined;
  readonly privateKey: string | undefined;
  readonly trustedCa: string | undefined;
  readonly crl: string | undefined;
  /** Pairs beside the first, with keys of other types. */
  readonly more: readonly { readonly certificateChain: string; readonly privateKey: string }[];
}

/** The material in force, or the name of a secret that has not come yet. */
export type TlsMaterialResult = { readonly ok: true; readonly material: TlsMaterial } | { readonly ok: false; readonly missing: string };

/** Resolves where a context's certificate and trust come from. */
export function resolveMaterial(tls: CommonTls, secret: SecretLookup): TlsMaterialResult {
  let certificateChain: string | undefined;
  let privateKey: string | undefined;
  let trustedCa: string | undefined;
  let crl: string | undefined;
  if (tls.certificate?.t === 'sds') {
    const found = secret(tls.certificate.name);
    if (found?.t !== 'certificate') return { ok: false, missing: tls.certificate.name };
    ({ certificateChain, privateKey } = found);
  } else if (tls.certificate !== undefined) ({ certificateChain, privateKey } = tls.certificate);
  if (tls.trust?.t === 'sds') {
    const found = secret(tls.trust.name);
    if (found?.t !== 'trust') return { ok: false, missing: tls.trust.name };
    ({ trustedCa, crl } = found);
  } else {
    trustedCa = tls.trust?.trustedCa;
    crl = tls.trust?.crl;
  }
  // One of several that is not there leaves the others in force.
  const more = tls.moreCertificates.flatMap((source): TlsMaterial['more'] => {
    if (source.t === 'inline') return [source];
    const found = secret(source.name);
    return found?.t === 'certificate' ? [found] : [];
  });
  return { ok: true, material: { certificateChain, privateKey, trustedCa, crl, more } };
}

export function sameMaterial(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.certificateChain === b.certificateChain &&
    a.privateKey === b.privateKey &&
    a.trustedCa === b.trustedCa &&
    a.crl === b.crl &&
    a.more.length === b.more.length &&
    a.more.every(
      ({ certificateChain, privateKey }, index) => certificateChain === b.more[index]?.certificateChain && privateKey === b.more[index].privateKey,
    )
  );
}

/** Our own SPIFFE ID in a certificate chain, '' = none. */
export function ownUri(certificateChain: string | undefined): string {
  return certificateChain === undefined ? '' : spiffeName(parseAltNames(new X509Certificate(certificateChain).subjectAltName));
}
