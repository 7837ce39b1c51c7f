import { MeshError } from '@meltemi/base';
import { asciiBytes, concatBytes } from './bytes.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { type CryptoPort, isP256Spki, keyIdentifier, signBytes, type SigningKey } from './crypto.ts';
import { derTime, oid, tlv } from './der.ts';
import { OID, TAG } from './oids.ts';
import { formatSpiffeId, isValidSpiffeId, type SpiffeId } from './spiffe.ts';

/** How far before its issue a certificate is valid already, for clocks that run behind. */
export const BACKDATE_MS = 150_000;
const AUTHORITY_BACKDATE_MS = 3_600_000;
const SERIAL_BYTES = 16;

/** An authority that signs: its certificate and its key. */
export interface Issuer {
  readonly certificate: Certificate;
  readonly key: SigningKey;
}

/** What a workload's certificate says. Times in milliseconds; the end is never after the issuer's own. */
export interface SvidRequest {
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly id: SpiffeId;
  readonly nowMs: number;
  readonly ttlMs: number;
  /** For servers that are reached by name or address as well: the control plane. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** What an authority's own certificate says. */
export interface AuthorityRequest {
  readonly commonName: string;
  readonly trustDomain: string;
  readonly key: SigningKey;
  readonly nowMs: number;
  readonly ttlMs: number;
}

/**
 * Issues an X.509 SVID: empty subject, one critical URI name, digitalSignature and keyEncipherment, server and client authentication,
 * valid from 150 s before `nowMs`. Throws `pki/bad-identity`, `pki/bad-key` (only P-256 is accepted), `pki/issuer-expired`.
 */
export async function issueSvid(crypto: CryptoPort, issuer: Issuer, request: SvidRequest): Promise<Certificate> {
  if (!isValidSpiffeId(request.id)) throw new MeshError('pki/bad-identity', `"${formatSpiffeId(request.id)}" is not a well-formed identity.`);
  if (!isP256Spki(request.spki))
    throw new MeshError('pki/bad-key', 'The public key is not an uncompressed P-256 key; make the request with curve P-256.');
  const notAfterMs = Math.min(request.nowMs + request.ttlMs, issuer.certificate.notAfterMs);
  if (notAfterMs <= request.nowMs)
    throw new MeshError('pki/issuer-expired', 'The issuing certificate has expired; restart the control plane to renew it.');
  const names = [uriName(formatSpiffeId(request.id)), ...(request.dnsNames ?? []).map(dnsName), ...(request.ipAddresses ?? []).map(ipName)];
  return build(crypto, {
    issuerName: issuer.certificate.subject,
    subjectName: tlv(TAG.sequence),
    signer: issuer.key,
    spki: request.spki,
    notBeforeMs: request.nowMs - BACKDATE_MS,
    notAfterMs,
    extensions: [
      extension(OID.basicConstraints, true, tlv(TAG.sequence)),
      extension(OID.keyUsage, true, Uint8Array.of(TAG.bitString, 2, 5, 0xa0)),
      extension(OID.extendedKeyUsage, false, tlv(TAG.sequence, oid(OID.serverAuth), oid(OID.clientAuth))),
      extension(
        OID.authorityKeyIdentifier,
        false,
        tlv(TAG.sequence, tlv(TAG.context0Primitive, await keyIdentifier(crypto, issuer.certificate.spki))),
      ),
      extension(OID.subjectAltName, true, tlv(TAG.sequence, ...names)),
    ],
  });
}

/** A self-signed root. */
export async function createRoot(crypto: CryptoPort, request: AuthorityRequest): Promise<Certificate> {
  const name = authorityName(request);
  return build(crypto, { ...(await authorityParts(crypto, request, undefined)), issuerName: name, subjectName: name, signer: request.key });
}

/** An issuing authority below a root; it may sign leaves only. */
export async function createIssuing(crypto: CryptoPort, root: Issuer, request: AuthorityRequest): Promise<Certificate> {
  return build(crypto, {
    ...(await authorityParts(crypto, request, root.certificate)),
    issuerName: root.certificate.subject,
    subjectName: authorityName(request),
    signer: root.key,
  });
}

interface CertificateParts {
  readonly issuerName: Uint8Array;
  readonly subjectName: Uint8Array;
  readonly signer: SigningKey;
  readonly spki: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: readonly Uint8Array[];
}

const SIGNATURE_ALGORITHM = tlv(TAG.sequence, oid(OID.ecdsaWithSha256));
const VERSION_3 = tlv(TAG.context0, Uint8Array.of(TAG.integer, 1, 2));

async function build(crypto: CryptoPort, parts: CertificateParts): Promise<Certificate> {
  const serial = new Uint8Array(SERIAL_BYTES);
  crypto.getRandomValues(serial);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40; // positive and always of full length
  const tbs = tlv(
    TAG.sequence,
    VERSION_3,
    tlv(TAG.integer, serial),
    SIGNATURE_ALGORITHM,
    parts.issuerName,
    tlv(TAG.sequence, derTime(parts.notBeforeMs), derTime(parts.notAfterMs)),
    parts.subjectName,
    parts.spki,
    tlv(TAG.context3, tlv(TAG.sequence, ...parts.extensions)),
  );
  const signature = await signBytes(crypto, parts.signer, tbs);
  return parseCertificate(tlv(TAG.sequence, tbs, SIGNATURE_ALGORITHM, tlv(TAG.bitString, Uint8Array.of(0), signature)));
}

async function authorityParts(
  crypto: CryptoPort,
  request: AuthorityRequest,
  parent: Certificate | undefined,
): Promise<Pick<CertificateParts, 'spki' | 'notBeforeMs' | 'notAfterMs' | 'extensions'>> {
  const constraints = parent === undefined ? [] : [Uint8Array.of(TAG.integer, 1, 0)];
  const extensions = [
    extension(OID.basicConstraints, true, tlv(TAG.sequence, Uint8Array.of(TAG.boolean, 1, 255), ...constraints)),
    extension(OID.keyUsage, true, Uint8Array.of(TAG.bitString, 2, 1, 0x06)),
    extension(OID.subjectKeyIdentifier, false, tlv(TAG.octetString, await keyIdentifier(crypto, request.key.spki))),
    extension(OID.subjectAltName, false, tlv(TAG.sequence, uriName(`spiffe://${request.trustDomain}`))),
  ];
  if (parent !== undefined) {
    extensions.push(
      extension(OID.authorityKeyIdentifier, false, tlv(TAG.sequence, tlv(TAG.context0Primitive, await keyIdentifier(crypto, parent.spki)))),
    );
  }
  const notAfterMs = Math.min(request.nowMs + request.ttlMs, parent?.notAfterMs ?? Number.POSITIVE_INFINITY);
  return { spki: request.key.spki, notBeforeMs: request.nowMs - AUTHORITY_BACKDATE_MS, notAfterMs, extensions };
}

function authorityName(request: AuthorityRequest): Uint8Array<ArrayBuffer> {
  const attribute = (id: string, value: string): Uint8Array => tlv(TAG.set, tlv(TAG.sequence, oid(id), tlv(TAG.utf8String, ascii(value))));
  return tlv(TAG.sequence, attribute(OID.organization, request.trustDomain), attribute(OID.commonName, request.commonName));
}

/** One extension as DER; `value` is the DER inside. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const flag = critical ? [Uint8Array.of(TAG.boolean, 1, 255)] : [];
  return tlv(TAG.sequence, oid(id), ...flag, tlv(TAG.octetString, value));
}

/** A URI as a GeneralName. */
export function uriName(uri: string): Uint8Array<ArrayBuffer> {
  return tlv(TAG.uriName, ascii(uri));
}

function dnsName(name: string): Uint8Array<ArrayBuffer> {
  return tlv(TAG.dnsName, ascii(name));
}

function ipName(address: string): Uint8Array<ArrayBuffer> {
  const parts = address.split('.').map(Number);
  const ok = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  if (!ok) throw new MeshError('pki/bad-identity', `"${address}" is not an IPv4 address.`);
  return tlv(TAG.ipName, concatBytes(Uint8Array.from(parts)));
}

function ascii(text: string): Uint8Array {
  const bytes = asciiBytes(text);
  if (bytes === undefined) throw new MeshError('pki/bad-identity', `"${text}" holds characters outside ASCII, which certificates cannot name.`);
  return bytes;
}
