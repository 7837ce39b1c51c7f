/** Tokens of an issuer of this run, and RequestAuthentications that take them. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** Who signs tokens, and the public halves of the keys as a JWKS. */
export interface Issuer {
  readonly name: string;
  readonly jwks: string;
  readonly key: KeyObject;
}

export function createIssuer(name: string): Issuer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { name, jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: name, alg: 'ES256' }] }), key: privateKey };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token; `iss` is the issuer's name unless the claims say another. */
export function tokenOf(issuer: Issuer, claims: object = {}): string {
  const data = `${encode({ alg: 'ES256', kid: issuer.name })}.${encode({ iss: issuer.name, sub: 'ann', ...claims })}`;
  return `${data}.${sign('sha256', Buffer.from(data), { key: issuer.key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Of the usual place. */
export function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** A RequestAuthentication with these rules (YAML, flow style). */
export function authentication(rules: readonly string[], { name = 'tokens', more = '' } = {}): string {
  return `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: ${name} }
spec:
  ${more}
  jwtRules: [${rules.join(', ')}]`;
}
