/** One key of a key set (RFC 7517 section 4), as it was read. */
export type Jwk = Readonly<Record<string, unknown>>;

/** A curve y² = x³ - 3x + b over the integers modulo `prime` (FIPS 186-4, D.1.2). */
interface Curve {
  readonly prime: bigint;
  readonly b: bigint;
  readonly alg: string;
}

const CURVES: Readonly<Record<string, Curve>> = {
  'P-256': {
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    alg: 'ES256',
  },
  'P-384': {
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    alg: 'ES384',
  },
  'P-521': {
    prime: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
    alg: 'ES512',
  },
};

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const RSA_BITS = { least: 1_024, most: 16_384 };
/** Longer ones are none, and take long to read. */
const MAX_DIGITS = 4_096;

/** What is wrong with a key by which tokens are to be checked, or undefined. Envoy refuses a whole listener for the sake of a set without a good one. */
export function publicKeyFault(key: Jwk): string | undefined {
  const kty = textOf(key, 'kty');
  if (kty === 'RSA') return rsaFault(key) ?? algFault(key, /^[RP]S\d/);
  if (kty === 'EC') return ellipticFault(key);
  if (kty === 'OKP') return edwardsFault(key) ?? algFault(key, /^EdDSA$/);
  if (kty === 'oct') return numberOf(key, 'k') === undefined ? missing('k') : algFault(key, /^HS\d/);
  return `kty "${kty}" is none of RSA, EC, OKP, oct`;
}

function textOf(key: Jwk, name: string): string {
  const value = Object.hasOwn(key, name) ? key[name] : undefined;
  return typeof value === 'string' ? value : '';
}

function missing(name: string): string {
  return `"${name}" is missing, or not base64url`;
}

/** Bytes in base64url (RFC 7515 section 2) as a number; undefined: they are none. */
function numberOf(key: Jwk, name: string): bigint | undefined {
  const text = textOf(key, name);
  if (text === '' || text.length > MAX_DIGITS || text.length % 4 === 1) return undefined;
  let value = 0n;
  for (const digit of text) {
    const index = DIGITS.indexOf(digit);
    if (index < 0) return undefined;
    value = value * 64n + BigInt(index);
  }
  return value >> BigInt((text.length * 6) % 8);
}

function algFault(key: Jwk, fitting: RegExp): string | undefined {
  const alg = textOf(key, 'alg');
  return alg === '' || fitting.test(alg) ? undefined : `alg "${alg}" is none of a key of the kind ${textOf(key, 'kty')}`;
}

function rsaFault(key: Jwk): string | undefined {
  const [n, e] = [numberOf(key, 'n'), numberOf(key, 'e')];
  if (n === undefined || e === undefined) return missing(n === undefined ? 'n' : 'e');
  const bits = n.toString(2).length;
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) return `its modulus has ${bits} bits; from ${RSA_BITS.least} to ${RSA_BITS.most} are taken`;
  return n % 2n === 1n && e % 2n === 1n && e > 1n && e < 2n ** 33n ? undefined : '"n" and "e" are no public key of RSA';
}

function ellipticFault(key: Jwk): string | undefined {
  const name = textOf(key, 'crv');
  const curve = Object.hasOwn(CURVES, name) ? CURVES[name] : undefined;
  if (curve === undefined) return `crv "${name}" is none of ${Object.keys(CURVES).join(', ')}`;
  const [x, y] = [numberOf(key, 'x'), numberOf(key, 'y')];
  if (x === undefined || y === undefined) return missing(x === undefined ? 'x' : 'y');
  const { prime, b, alg } = curve;
  const onCurve = x < prime && y < prime && (y * y - x * x * x + 3n * x - b) % prime === 0n;
  return onCurve ? algFault(key, new RegExp(`^${alg}$`)) : `"x" and "y" are no point of ${name}`;
}

function edwardsFault(key: Jwk): string | undefined {
  if (textOf(key, 'crv') !== 'Ed25519') return `crv "${textOf(key, 'crv')}" is none of Ed25519`;
  return numberOf(key, 'x') === undefined || textOf(key, 'x').length !== 43 ? '"x" is not 32 bytes in base64url' : undefined;
}
