import { MeshError } from '@meltemi/base';
import { hexText, latin1Text } from './bytes.ts';
import {
  type DerItem,
  expectEcdsaSha256,
  expectTag,
  readBitString,
  readInteger,
  readItem,
  readItems,
  readOid,
  readSequence,
  readTime,
} from './der.ts';
import { OID, TAG } from './oids.ts';
import { pemDecode } from './pem.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe.ts';

/** An X.509 certificate, read. Times are milliseconds since the epoch. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** The signed part, for verification. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Hexadecimal, lower case, without a leading zero byte. */
  readonly serial: string;
  /** Names as their DER, for comparison. */
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly isAuthority: boolean;
  /** How many more authorities may stand below; undefined without a limit. */
  readonly pathLength: number | undefined;
  /** Whether the key may sign certificates. */
  readonly canSignCertificates: boolean;
  /** Empty when the certificate does not restrict its use. */
  readonly extendedKeyUsage: readonly ('serverAuth' | 'clientAuth' | 'other')[];
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** Extensions that must be understood and are not: a chain with one is refused. */
  readonly unknownCritical: readonly string[];
}

/** What a person wants to know about a certificate (`proxy-config secret`). Times are milliseconds since the epoch. */
export interface CertificateInfo {
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly uris: readonly string[];
  readonly spiffeId: SpiffeId | undefined;
  readonly isAuthority: boolean;
}

interface Extensions {
  uris: string[];
  dnsNames: string[];
  isAuthority: boolean;
  pathLength: number | undefined;
  canSignCertificates: boolean;
  extendedKeyUsage: ('serverAuth' | 'clientAuth' | 'other')[];
  subjectKeyId: string | undefined;
  authorityKeyId: string | undefined;
  unknownCritical: string[];
}

/** Reads one certificate. Throws `pki/bad-der`; certificates signed with anything but ECDSA and SHA-256 are refused. */
export function parseCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const [tbs, algorithm, signature] = readSequence(der, 3);
  expectEcdsaSha256(algorithm);
  const [version, serial, innerAlgorithm, issuer, validity, subject, spki, ...rest] = readItems(expectTag(tbs, TAG.sequence).content);
  expectTag(version, TAG.context0);
  expectEcdsaSha256(innerAlgorithm);
  const [notBefore, notAfter] = readItems(expectTag(validity, TAG.sequence).content, 2);
  return {
    der,
    tbs: expectTag(tbs, TAG.sequence).whole,
    signature: readBitString(signature),
    serial: hexText(readInteger(serial)).replace(/^(?:00)+(?=.)/, ''),
    issuer: expectTag(issuer, TAG.sequence).whole,
    subject: expectTag(subject, TAG.sequence).whole,
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    spki: expectTag(spki, TAG.sequence).whole,
    ...readExtensions(rest),
  };
}

/** All certificates of a PEM text, in order. Throws `pki/bad-pem`, `pki/bad-der`. */
export function parseCertificates(pem: string): Certificate[] {
  return pemDecode('CERTIFICATE', pem).map(parseCertificate);
}

/** The facts of the first certificate of a PEM text (the leaf of a chain). Throws `pki/bad-pem`, `pki/bad-der`. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = parseCertificates(pem)[0];
  if (certificate === undefined) throw new MeshError('pki/bad-pem', 'The text holds no certificate in PEM form.');
  const { serial, notBeforeMs, notAfterMs, uris, isAuthority } = certificate;
  return { serial, notBeforeMs, notAfterMs, uris, spiffeId: spiffeIdOf(certificate), isAuthority };
}

/** The identity of an SVID: it must have exactly one URI name (SPIFFE X509-SVID section 2). */
export function spiffeIdOf(certificate: Certificate): SpiffeId | undefined {
  const [uri, ...others] = certificate.uris;
  return uri === undefined || others.length > 0 ? undefined : parseSpiffeId(uri);
}

/** URI and DNS names out of the value of a subjectAltName extension. */
export function readAltNames(value: Uint8Array<ArrayBuffer>): { uris: string[]; dnsNames: string[] } {
  const names = readSequence(value);
  const texts = (tag: number): string[] => names.filter((name) => name.tag === tag).map((name) => latin1Text(name.content));
  return { uris: texts(TAG.uriName), dnsNames: texts(TAG.dnsName) };
}

/** The extensions of a SEQUENCE OF Extension as (id, critical, value). */
export function readExtensionList(list: DerItem): { id: string; critical: boolean; value: Uint8Array<ArrayBuffer> }[] {
  return readItems(expectTag(list, TAG.sequence).content).map((extension) => {
    const parts = readItems(expectTag(extension, TAG.sequence).content, 3);
    const flag = parts.length === 3 ? expectTag(parts[1], TAG.boolean).content[0] : 0;
    return { id: readOid(parts[0]), critical: flag !== 0, value: expectTag(parts.at(-1), TAG.octetString).content };
  });
}

function readExtensions(rest: readonly DerItem[]): Extensions {
  const out: Extensions = {
    uris: [],
    dnsNames: [],
    isAuthority: false,
    pathLength: undefined,
    canSignCertificates: false,
    extendedKeyUsage: [],
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    unknownCritical: [],
  };
  const holder = rest.find((item) => item.tag === TAG.context3);
  if (holder === undefined) return out;
  const seen = new Set<string>();
  for (const { id, critical, value } of readExtensionList(readItem(holder.content))) {
    if (seen.has(id)) throw new MeshError('pki/bad-der', `Not a certificate in DER: extension ${id} stands twice.`);
    seen.add(id);
    if (!readExtension(out, id, value) && critical) out.unknownCritical.push(id);
  }
  return out;
}

function readExtension(out: Extensions, id: string, value: Uint8Array<ArrayBuffer>): boolean {
  switch (id) {
    case OID.subjectAltName:
      Object.assign(out, readAltNames(value));
      return true;
    case OID.basicConstraints: {
      const [flag, limit] = readSequence(value);
      out.isAuthority = flag?.tag === TAG.boolean && flag.content[0] !== 0;
      out.pathLength = limit === undefined ? undefined : readInteger(limit)[0];
      return true;
    }
    case OID.keyUsage:
      out.canSignCertificates = ((expectTag(readItem(value), TAG.bitString).content[1] ?? 0) & 0x04) !== 0;
      return true;
    case OID.extendedKeyUsage:
      out.extendedKeyUsage = readSequence(value).map((item) => {
        const use = readOid(item);
        return use === OID.serverAuth ? 'serverAuth' : use === OID.clientAuth ? 'clientAuth' : 'other';
      });
      return true;
    case OID.subjectKeyIdentifier:
      out.subjectKeyId = hexText(expectTag(readItem(value), TAG.octetString).content);
      return true;
    case OID.authorityKeyIdentifier: {
      const id0 = readSequence(value).find((item) => item.tag === TAG.context0Primitive);
      out.authorityKeyId = id0 === undefined ? undefined : hexText(id0.content);
      return true;
    }
    default:
      return false;
  }
}
