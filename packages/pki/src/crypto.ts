import { MeshError } from '@meltemi/base';
import { concatBytes } from './bytes.ts';
import { derIntegerBytes, readInteger, readSequence, tlv } from './der.ts';
import { TAG } from './oids.ts';

/** A key inside the crypto port; its material cannot be seen from here. */
export interface CryptoKeyHandle {
  readonly type: string;
}

export interface CryptoKeyPairHandle {
  readonly publicKey: CryptoKeyHandle;
  readonly privateKey: CryptoKeyHandle;
}

/** The part of W3C Web Crypto that this package uses; Node's `globalThis.crypto` is one. */
export interface CryptoPort {
  getRandomValues(into: Uint8Array<ArrayBuffer>): unknown;
  readonly subtle: {
    generateKey(algorithm: { name: 'ECDSA'; namedCurve: 'P-256' }, extractable: boolean, usages: ('sign' | 'verify')[]): Promise<CryptoKeyPairHandle>;
    importKey(
      format: 'pkcs8' | 'spki',
      data: Uint8Array<ArrayBuffer>,
      algorithm: { name: 'ECDSA'; namedCurve: 'P-256' },
      extractable: boolean,
      usages: ('sign' | 'verify')[],
    ): Promise<CryptoKeyHandle>;
    exportKey(format: 'pkcs8' | 'spki', key: CryptoKeyHandle): Promise<ArrayBuffer>;
    sign(algorithm: { name: 'ECDSA'; hash: 'SHA-256' }, key: CryptoKeyHandle, data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
    verify(
      algorithm: { name: 'ECDSA'; hash: 'SHA-256' },
      key: CryptoKeyHandle,
      signature: Uint8Array<ArrayBuffer>,
      data: Uint8Array<ArrayBuffer>,
    ): Promise<boolean>;
    digest(algorithm: 'SHA-256', data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  };
}

/** A P-256 key pair in memory. */
export interface SigningKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly privateKey: CryptoKeyHandle;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ECDSA_SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;
const COORDINATE_BYTES = 32;
/** SPKI of a P-256 key up to the point: 26 bytes, then the uncompressed point 04 ‖ x ‖ y. */
const SPKI_PREFIX = [
  0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
  0x42, 0x00,
];
const SPKI_BYTES = SPKI_PREFIX.length + 1 + 2 * COORDINATE_BYTES;

/** A new P-256 key. */
export async function generateSigningKey(crypto: CryptoPort): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  return { spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)), privateKey: pair.privateKey };
}

/** The private key as PKCS#8 DER, for a secret that goes to a proxy or a file of the authority. */
export async function exportPrivateKey(crypto: CryptoPort, key: SigningKey): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.exportKey('pkcs8', key.privateKey));
}

/** A key back from PKCS#8 DER and the public key that its certificate names. Throws `pki/bad-key`. */
export async function importSigningKey(crypto: CryptoPort, pkcs8: Uint8Array<ArrayBuffer>, spki: Uint8Array<ArrayBuffer>): Promise<SigningKey> {
  try {
    const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, P256, true, ['sign']);
    const key = { spki, privateKey };
    const probe = Uint8Array.of(1);
    if (!(await verifySignature(crypto, spki, await signBytes(crypto, key, probe), probe)))
      throw new Error('the private key is not the one of the certificate');
    return key;
  } catch (cause) {
    throw new MeshError('pki/bad-key', `The private key cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`, { cause });
  }
}

/** ECDSA with SHA-256 over `data`; the signature as DER (RFC 5480), as certificates hold it. */
export async function signBytes(crypto: CryptoPort, key: SigningKey, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const raw = new Uint8Array(await crypto.subtle.sign(ECDSA_SHA256, key.privateKey, data));
  const half = raw.length / 2;
  return tlv(TAG.sequence, tlv(TAG.integer, derIntegerBytes(raw.subarray(0, half))), tlv(TAG.integer, derIntegerBytes(raw.subarray(half))));
}

/** Verifies a DER signature by the key of `spki`; `false` also for keys and signatures that are not well-formed P-256. */
export async function verifySignature(
  crypto: CryptoPort,
  spki: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (!isP256Spki(spki)) return false;
  const raw = rawSignature(signature);
  if (raw === undefined) return false;
  try {
    const key = await crypto.subtle.importKey('spki', spki, P256, true, ['verify']);
    return await crypto.subtle.verify(ECDSA_SHA256, key, raw, data);
  } catch {
    return false; // the point does not lie on the curve
  }
}

/** Whether a SubjectPublicKeyInfo is an uncompressed P-256 key in its one DER spelling. */
export function isP256Spki(spki: Uint8Array): boolean {
  return spki.length === SPKI_BYTES && SPKI_PREFIX.every((byte, index) => spki[index] === byte) && spki[SPKI_PREFIX.length] === 4;
}

/** Key identifier of RFC 7093 method 1: the first 20 bytes of SHA-256 over the public key's bits. */
export async function keyIdentifier(crypto: CryptoPort, spki: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const digest = await crypto.subtle.digest('SHA-256', spki.slice(SPKI_PREFIX.length));
  return new Uint8Array(digest).slice(0, 20);
}

function rawSignature(der: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  try {
    const [r, s] = readSequence(der, 2).map((item) => paddedCoordinate(readInteger(item)));
    return r === undefined || s === undefined ? undefined : concatBytes(r, s);
  } catch {
    return undefined;
  }
}

function paddedCoordinate(value: Uint8Array): Uint8Array | undefined {
  const bytes = value[0] === 0 ? value.subarray(1) : value;
  if (bytes.length > COORDINATE_BYTES) return undefined;
  const out = new Uint8Array(COORDINATE_BYTES);
  out.set(bytes, COORDINATE_BYTES - bytes.length);
  return out;
}
