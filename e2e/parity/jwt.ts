/** Keys, tokens and filters for cases about JSON web tokens. */
import { createHmac, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto';
import { defineCase, type ParityCase } from './define.ts';
import { filter, filtered } from './filters.ts';
import type { Expectation, Http1Request, Step } from './steps.ts';

/** Keys of this run, by their `kid`. */
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
export const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
export const ed = generateKeyPairSync('ed25519');
const jwk = (key: KeyObject, kid: string, more: object = {}): object => ({ ...key.export({ format: 'jwk' }), kid, ...more });
export const JWKS = JSON.stringify({
  keys: [jwk(rsa.publicKey, 'rsa'), jwk(p256.publicKey, 'p256'), jwk(p384.publicKey, 'p384'), jwk(p521.publicKey, 'p521'), jwk(ed.publicKey, 'ed')],
});

export const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const HOUR = 3600;
export const NOW = Math.floor(Date.now() / 1000);
export const CLAIMS = { iss: 'https://issuer.test', sub: 'ann', aud: ['books'], exp: NOW + HOUR, iat: NOW - 10 };

const DIGESTS: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' };

function signature(alg: string, key: KeyObject, data: string): string {
  const digest = DIGESTS[alg.slice(2)] ?? 'sha256';
  const bytes = Buffer.from(data);
  if (alg === 'EdDSA') return sign(null, bytes, key).toString('base64url');
  if (alg.startsWith('PS'))
    return sign(digest, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }).toString('base64url');
  if (alg.startsWith('ES')) return sign(digest, bytes, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return sign(digest, bytes, key).toString('base64url');
}

/** A token; RS256 with the first key unless it says otherwise. */
export function token(claims: object = {}, { alg = 'RS256', key = rsa.privateKey, kid = 'rsa' as string | undefined, header = {} } = {}): string {
  const data = `${encode({ alg, ...(kid === undefined ? {} : { kid }), ...header })}.${encode({ ...CLAIMS, ...claims })}`;
  return `${data}.${signature(alg, key, data)}`;
}

export const bearer = (text: string): Http1Request => ({ headers: { authorization: `Bearer ${text}` } });
export const PROVIDER = { issuer: 'https://issuer.test', local_jwks: { inline_string: JWKS } };
export const REQUIRED = { provider_name: 'p' };

export const jwt = (config: object): object => filter('jwt', 'filters.http.jwt_authn.v3.JwtAuthentication', config);
export const simple = (provider: object = {}, requires: object = REQUIRED): object =>
  jwt({ providers: { p: { ...PROVIDER, ...provider } }, rules: [{ match: { prefix: '/' }, requires }] });

export const PASSED = { status: 200, body: 'main' } as const;
export const refused = (body: string | RegExp): Expectation => ({ status: 401, body, backend: null });
export const MISSING = refused('Jwt is missing');

export function asks(name: string, steps: readonly Step[], provider: object = {}, requires: object = REQUIRED): ParityCase {
  return defineCase({ name, resources: (c) => filtered(c, [simple(provider, requires)]), steps });
}

export const swapped = (text: string): string => {
  const [head = '', , tail = ''] = text.split('.');
  return `${head}.${encode({ ...CLAIMS, sub: 'admin' })}.${tail}`;
};
export const hmac = (secret: string | Buffer = rsa.publicKey.export({ format: 'pem', type: 'spki' })): string => {
  const data = `${encode({ alg: 'HS256', kid: 'rsa' })}.${encode(CLAIMS)}`;
  return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
};
