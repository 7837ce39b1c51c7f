import { MeshError } from '@meltemi/base';
import { type CryptoPort, signBytes, type SigningKey, verifySignature } from './crypto.ts';
import { readAltNames, readExtensionList } from './certificate.ts';
import { expectEcdsaSha256, expectTag, oid, readBitString, readInteger, readItem, readItems, readOid, readSequence, tlv } from './der.ts';
import { extension, uriName } from './issue.ts';
import { OID, TAG } from './oids.ts';
import { pemDecode, pemEncode } from './pem.ts';

/** A certificate request whose signature was verified: the sender holds the private key. */
export interface CertificateRequest {
  readonly spki: Uint8Array<ArrayBuffer>;
  /** What the sender asks to be named. Never to be believed: the authority names what the sender has proved. */
  readonly uris: readonly string[];
}

/** A PKCS#10 request (RFC 2986) for one URI name, PEM. */
export async function createCsr(crypto: CryptoPort, key: SigningKey, uri: string): Promise<string> {
  const names = extension(OID.subjectAltName, false, tlv(TAG.sequence, uriName(uri)));
  const attribute = tlv(TAG.sequence, oid(OID.extensionRequest), tlv(TAG.set, tlv(TAG.sequence, names)));
  const info = tlv(TAG.sequence, Uint8Array.of(TAG.integer, 1, 0), tlv(TAG.sequence), key.spki, tlv(TAG.context0, attribute));
  const signature = await signBytes(crypto, key, info);
  const der = tlv(TAG.sequence, info, tlv(TAG.sequence, oid(OID.ecdsaWithSha256)), tlv(TAG.bitString, Uint8Array.of(0), signature));
  return pemEncode('CERTIFICATE REQUEST', der);
}

/** Reads and verifies a request. Throws `pki/bad-pem`, `pki/bad-der`, `pki/bad-signature`; only P-256 with SHA-256 is accepted. */
export async function verifyCsr(crypto: CryptoPort, pem: string): Promise<CertificateRequest> {
  const [der, ...others] = pemDecode('CERTIFICATE REQUEST', pem);
  if (der === undefined || others.length > 0) throw new MeshError('pki/bad-pem', 'Exactly one PEM block "CERTIFICATE REQUEST" is expected.');
  const [info, algorithm, signature] = readSequence(der, 3);
  expectEcdsaSha256(algorithm);
  const signed = expectTag(info, TAG.sequence);
  const [version, subject, spki, attributes] = readItems(signed.content, 4);
  if (readInteger(version)[0] !== 0) throw new MeshError('pki/bad-der', 'Not a certificate request: its version is not 1.');
  expectTag(subject, TAG.sequence);
  const key = expectTag(spki, TAG.sequence).whole;
  if (!(await verifySignature(crypto, key.slice(), readBitString(signature).slice(), signed.whole.slice()))) {
    throw new MeshError('pki/bad-signature', 'The request is not signed by the P-256 key that it names.');
  }
  return { spki: key.slice(), uris: attributes === undefined ? [] : requestedUris(expectTag(attributes, TAG.context0).content) };
}

function requestedUris(attributes: Uint8Array<ArrayBuffer>): string[] {
  const uris: string[] = [];
  for (const attribute of readItems(attributes)) {
    const [id, values] = readItems(expectTag(attribute, TAG.sequence).content, 2);
    if (readOid(id) !== OID.extensionRequest) continue;
    for (const entry of readExtensionList(readItem(expectTag(values, TAG.set).content))) {
      if (entry.id === OID.subjectAltName) uris.push(...readAltNames(entry.value).uris);
    }
  }
  return uris;
}
