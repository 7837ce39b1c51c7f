import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { publicKeyFault, type Jwk } from './public-key.ts';

const jwk = ({ publicKey }: { readonly publicKey: KeyObject }): Jwk => publicKey.export({ format: 'jwk' });
const elliptic = (namedCurve: string): Jwk => jwk(generateKeyPairSync('ec', { namedCurve }));
const rsa = jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }));

test('keys that were just made are good', () => {
  for (const key of [
    rsa,
    { ...rsa, alg: 'PS512' },
    jwk(generateKeyPairSync('rsa', { modulusLength: 1024 })),
    jwk(generateKeyPairSync('ed25519')),
    ...['P-256', 'P-384', 'P-521'].map(elliptic),
    { ...elliptic('P-384'), alg: 'ES384' },
    { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' },
  ])
    assert.equal(publicKeyFault(key), undefined, JSON.stringify(key));
});

test('what is no key, or one of another kind than it says, is told', () => {
  const point = elliptic('P-256');
  const wrong: readonly (readonly [Jwk, RegExp])[] = [
    [{ ...point, x: point['y'], y: point['x'] }, /no point of P-256/],
    [{ ...elliptic('P-384'), crv: 'P-256' }, /no point of P-256/],
    [{ ...point, alg: 'ES512' }, /alg "ES512"/],
    [{ ...point, y: undefined }, /"y" is missing/],
    [{ ...point, crv: 'secp256k1' }, /crv "secp256k1"/],
    [{ ...point, crv: 'constructor' }, /crv "constructor"/],
    [{ ...rsa, alg: 'RSA-OAEP' }, /alg "RSA-OAEP"/],
    [{ ...rsa, n: 'AQAB' }, /17 bits/],
    [{ ...rsa, n: 'A' }, /"n" is missing/],
    [{ ...rsa, n: 'A'.repeat(5_000) }, /"n" is missing/],
    [{ ...rsa, n: `${String(rsa['n'])}=` }, /"n" is missing/],
    [{ ...rsa, e: 'AQAA' }, /no public key of RSA/],
    [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }, /not 32 bytes/],
    [{ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }, /crv "X25519"/],
    [{ kty: 'oct' }, /"k" is missing/],
    [{ kty: 7 }, /kty ""/],
    [{}, /kty ""/],
  ];
  for (const [key, message] of wrong) assert.match(publicKeyFault(key) ?? 'good', message, JSON.stringify(key));
});
