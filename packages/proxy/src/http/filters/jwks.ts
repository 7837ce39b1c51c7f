import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  timingSafeEqual,
  verify,
  type KeyObject,
  type VerifyKeyObjectInput,
} from 'node:crypto';
import type { Jwt, JwtAlgorithm } from '@meltemi/runtime';

/** One public key of an issuer. */
interface JwksKey {
  /** '' = the key is for every token. */
  readonly kid: string;
  /** '' = for every algorithm of its kind. */
  readonly algorithm: string;
  readonly type: 'rsa' | 'ec' | 'ed25519' | 'secret';
  /** Of elliptic keys: `prime256v1`. */
  readonly curve: string;
  readonly key: KeyObject;
}

/** The keys of an issuer. */
export type Jwks = readonly JwksKey[];

const CURVES: Readonly<Record<string, string>> = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
const MAX_KEYS = 100;

/** Reads a key set (RFC 7517); undefined = it has no key that could be used. Keys of kinds that are not known are passed over. */
export function parseJwks(text: string): Jwks | undefined {
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { readonly keys?: unknown } | null)?.keys;
  } catch {
    return undefined;
  }
  if (!Array.isArray(keys)) return undefined;
  const known = keys
    .slice(0, MAX_KEYS)
    .map(readKey)
    .filter((key) => key !== undefined);
  return known.length === 0 ? undefined : known;
}

function readKey(entry: unknown): JwksKey | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const parts = entry as Readonly<Record<string, unknown>>;
  const { use, crv } = parts;
  const type = keyType(parts);
  if (type === undefined || (use !== undefined && use !== 'sig')) return undefined;
  try {
    const key = type === 'secret' ? createSecretKey(textOf(parts, 'k'), 'base64url') : createPublicKey({ format: 'jwk', key: publicParts(parts) });
    return { kid: textOf(parts, 'kid'), algorithm: textOf(parts, 'alg'), type, curve: type === 'ec' ? (CURVES[String(crv)] ?? '') : '', key };
  } catch {
    return undefined;
  }
}

/** A secret that issuer and proxy share counts for HMAC alone, so no public key can be passed off as one. */
function keyType(parts: Readonly<Record<string, unknown>>): JwksKey['type'] | undefined {
  const { kty, crv } = parts;
  if (kty === 'RSA') return 'rsa';
  if (kty === 'EC') return Object.hasOwn(CURVES, String(crv)) ? 'ec' : undefined;
  if (kty === 'OKP') return crv === 'Ed25519' ? 'ed25519' : undefined;
  return kty === 'oct' && textOf(parts, 'k') !== '' ? 'secret' : undefined;
}

function textOf(parts: Readonly<Record<string, unknown>>, name: string): string {
  const value = Object.hasOwn(parts, name) ? parts[name] : undefined;
  return typeof value === 'string' ? value : '';
}

/** A key set with private parts in it is still good for checking, by its public ones. */
function publicParts(parts: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(['kty', 'crv', 'n', 'e', 'x', 'y'].map((name) => [name, textOf(parts, name)]).filter(([, value]) => value !== ''));
}

/** How a signature of an algorithm is checked (RFC 7518 section 3.1): an algorithm fixes the kind of key, its curve and the digest. */
const CHECKS: Readonly<
  Record<JwtAlgorithm, { readonly type: JwksKey['type']; readonly digest: string | null; readonly curve: string; readonly pss: boolean }>
> = {
  RS256: { type: 'rsa', digest: 'sha256', curve: '', pss: false },
  RS384: { type: 'rsa', digest: 'sha384', curve: '', pss: false },
  RS512: { type: 'rsa', digest: 'sha512', curve: '', pss: false },
  PS256: { type: 'rsa', digest: 'sha256', curve: '', pss: true },
  PS384: { type: 'rsa', digest: 'sha384', curve: '', pss: true },
  PS512: { type: 'rsa', digest: 'sha512', curve: '', pss: true },
  ES256: { type: 'ec', digest: 'sha256', curve: 'prime256v1', pss: false },
  ES384: { type: 'ec', digest: 'sha384', curve: 'secp384r1', pss: false },
  ES512: { type: 'ec', digest: 'sha512', curve: 'secp521r1', pss: false },
  EdDSA: { type: 'ed25519', digest: null, curve: '', pss: false },
  HS256: { type: 'secret', digest: 'sha256', curve: '', pss: false },
  HS384: { type: 'secret', digest: 'sha384', curve: '', pss: false },
  HS512: { type: 'secret', digest: 'sha512', curve: '', pss: false },
};

/** '' = one of the keys made the signature, else what is wrong, in Envoy's words. */
export function checkSignature(jwt: Jwt, keys: Jwks): string {
  const { algorithm, kid } = jwt;
  const matching = keys.filter((key) => (kid === '' || key.kid === '' || key.kid === kid) && (key.algorithm === '' || key.algorithm === algorithm));
  if (matching.length === 0) return "Jwks doesn't have key to match kid or alg from Jwt";
  return matching.some((key) => isSigned(jwt, key)) ? '' : 'Jwt verification fails';
}

function isSigned({ algorithm, signed, signature }: Jwt, { type, curve, key }: JwksKey): boolean {
  const check = CHECKS[algorithm];
  if (type !== check.type || curve !== check.curve) return false;
  if (type === 'secret') {
    const made = createHmac(check.digest ?? 'sha256', key)
      .update(signed, 'latin1')
      .digest();
    return made.length === signature.length && timingSafeEqual(made, signature);
  }
  const input: VerifyKeyObjectInput = check.pss
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : check.type === 'ec'
      ? { key, dsaEncoding: 'ieee-p1363' }
      : { key };
  try {
    return verify(check.digest, Buffer.from(signed, 'latin1'), input, signature);
  } catch {
    return false;
  }
}
