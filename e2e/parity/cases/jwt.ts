import { defineCase } from '../define.ts';
import { filtered } from '../filters.ts';
import {
  asks,
  bearer,
  CLAIMS,
  ed,
  encode,
  hmac,
  HOUR,
  MISSING,
  NOW,
  other,
  p256,
  p384,
  p521,
  PASSED,
  refused,
  rsa,
  simple,
  swapped,
  token,
} from '../jwt.ts';
import { http } from '../steps.ts';

const tampered = (text: string): string => `${text.slice(0, text.lastIndexOf('.') - 4)}AAAA${text.slice(text.lastIndexOf('.'))}`;
const unsigned = (): string => `${encode({ alg: 'none', kid: 'rsa' })}.${encode(CLAIMS)}.`;

/** Which JSON web tokens are good. (Where they are looked for: jwt-headers; who needs one: jwt-rules; whose keys count: jwt-keys.) */
export const cases = [
  defineCase({
    name: 'without a token there is no way',
    resources: (c) => filtered(c, [simple()]),
    steps: [
      http('/a?b=c', { ...MISSING, headers: { 'www-authenticate': 'Bearer realm="http://test.example/a?b=c"', 'content-type': 'text/plain' } }),
    ],
    log: [{ code: 401, flags: '-', details: 'jwt_authn_access_denied{Jwt_is_missing}' }],
  }),
  defineCase({
    name: 'a good token opens, and is not passed on',
    resources: (c) => filtered(c, [simple()]),
    steps: [http(bearer(token()), { ...PASSED, backend: { headers: { authorization: null } } })],
  }),
  asks('a good token is passed on where it shall be', [http(bearer(token()), { ...PASSED, backend: { headers: { authorization: /^Bearer / } } })], {
    forward: true,
  }),
  ...(
    [
      ['RS384', rsa, 'rsa'],
      ['RS512', rsa, 'rsa'],
      ['PS256', rsa, 'rsa'],
      ['PS384', rsa, 'rsa'],
      ['PS512', rsa, 'rsa'],
      ['ES256', p256, 'p256'],
      ['ES384', p384, 'p384'],
      ['ES512', p521, 'p521'],
      ['EdDSA', ed, 'ed'],
    ] as const
  ).map(([alg, { privateKey: key }, kid]) =>
    asks(`${alg} is checked`, [
      http(bearer(token({}, { alg, key, kid })), PASSED),
      http(bearer(swapped(token({}, { alg, key, kid }))), refused('Jwt verification fails')),
    ]),
  ),
  asks('an expired token', [
    http(bearer(token({ exp: NOW - 2 * HOUR })), { ...refused('Jwt is expired'), headers: { 'www-authenticate': /error="invalid_token"$/ } }),
  ]),
  asks('a clock that goes wrong by less than a minute', [
    http(bearer(token({ exp: NOW - 20 })), PASSED),
    http(bearer(token({ nbf: NOW + 20 })), PASSED),
  ]),
  asks('a clock that may go wrong by an hour', [http(bearer(token({ exp: NOW - 1800 })), PASSED)], { clock_skew_seconds: HOUR }),
  asks('a token of tomorrow', [http(bearer(token({ nbf: NOW + HOUR })), refused('Jwt not yet valid'))]),
  asks('a token of another issuer', [http(bearer(token({ iss: 'https://evil.test' })), refused('Jwt issuer is not configured'))]),
  asks('a provider without an issuer takes any', [http(bearer(token({ iss: 'https://any.test' })), PASSED)], { issuer: '' }),
  asks('a token with another payload', [http(bearer(swapped(token())), refused('Jwt verification fails'))]),
  asks('a token of another key', [http(bearer(token({}, { key: other.privateKey })), refused('Jwt verification fails'))]),
  asks('a key that is not there', [http(bearer(token({}, { kid: 'gone' })), refused("Jwks doesn't have key to match kid or alg from Jwt"))]),
  asks('a token without a key id is held against every key', [http(bearer(token({}, { kid: undefined })), PASSED)]),
  asks('no algorithm', [http(bearer(unsigned()), { status: 401, backend: null })]),
  asks('an algorithm with a shared secret, made of the public key', [http(bearer(hmac()), { status: 401, backend: null })]),
  asks('a token of two parts', [http(bearer('a.b'), refused('Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'))]),
  asks('a header that is no JSON', [http(bearer(`${encode('nope')}.${encode(CLAIMS)}.AAAA`), refused('Jwt header is an invalid JSON'))]),
  asks('a header that is no base64', [http(bearer(`a.${encode(CLAIMS)}.AAAA`), { status: 401, backend: null })]),
  asks('a header without an algorithm', [
    http(bearer(`${encode({ kid: 'x' })}.${encode(CLAIMS)}.AAAA`), refused('Jwt header [alg] field is required and must be a string')),
  ]),
  asks('an algorithm that nobody knows', [
    http(bearer(`${encode({ alg: 'XX256' })}.${encode(CLAIMS)}.AAAA`), refused('Jwt header [alg] is not supported')),
  ]),
  asks('a payload that is no JSON', [http(bearer(`${encode({ alg: 'RS256' })}.${encode('nope')}.AAAA`), refused('Jwt payload is an invalid JSON'))]),
  asks('an expiration that is a text', [http(bearer(token({ exp: 'tomorrow' })), { status: 401, backend: null })]),
  asks('a broken signature', [http(bearer(tampered(token())), { status: 401, backend: null })]),
  defineCase({
    name: 'an audience',
    resources: (c) => filtered(c, [simple({ audiences: ['books', 'https://shop.test/'] })]),
    steps: [
      http(bearer(token({ aud: 'books' })), PASSED),
      http(bearer(token({ aud: ['x', 'https://shop.test'] })), PASSED),
      http(bearer(token({ aud: 'films' })), { status: 403, body: 'Audiences in Jwt are not allowed', backend: null }),
      http(bearer(token({ aud: undefined })), { status: 403, backend: null }),
    ],
    log: [{}, {}, { details: 'jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}' }, {}],
  }),
  asks(
    'an audience of the requirement goes before that of the provider',
    [http(bearer(token({ aud: 'films' })), PASSED), http(bearer(token({ aud: 'books' })), { status: 403 })],
    { audiences: ['books'] },
    { provider_and_audiences: { provider_name: 'p', audiences: ['films'] } },
  ),
  asks('expiration may be required', [http(bearer(token()), PASSED), http(bearer(token({ exp: undefined })), { status: 401 })], {
    require_expiration: true,
  }),
  asks('a life that is too long', [http(bearer(token()), PASSED), http(bearer(token({ exp: NOW + 10 * HOUR })), { status: 401 })], {
    max_lifetime: '7200s',
  }),
  asks('a subject', [http(bearer(token()), PASSED), http(bearer(token({ sub: 'bob' })), { status: 401 })], { subjects: { prefix: 'an' } }),
];
