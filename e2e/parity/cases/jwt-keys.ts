import { defineCase } from '../define.ts';
import { chain, filtered } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { bearer, encode, hmac, jwt, JWKS, MISSING, PASSED, PROVIDER, refused, REQUIRED, simple, swapped, token } from '../jwt.ts';
import { hcm, listener, to } from '../resources.ts';
import { http, push } from '../steps.ts';

const remote = (c: CaseContext, more: object = {}): object => ({
  issuer: PROVIDER.issuer,
  remote_jwks: { http_uri: { uri: 'http://keys.test/jwks', cluster: c.name('keys'), timeout: '5s' }, ...more },
  local_jwks: undefined,
});

/** The keys that tokens are checked with, given or fetched. */
export const cases = [
  defineCase({
    name: 'a key set that is none is refused',
    steps: [
      push(
        (c) => ({ listeners: [listener(c, [hcm(c, [to(c, 'main')], chain(c, [simple({ local_jwks: { inline_string: 'nope' } })]))], {}, 'bad')] }),
        { verdict: 'nack' },
      ),
    ],
  }),
  defineCase({
    name: 'a shared secret',
    resources: (c) =>
      filtered(c, [
        simple({
          local_jwks: { inline_string: JSON.stringify({ keys: [{ kty: 'oct', kid: 'rsa', k: encode('a secret of some length, for two') }] }) },
        }),
      ]),
    steps: [http(bearer(hmac('a secret of some length, for two')), PASSED), http(bearer(hmac('another')), refused('Jwt verification fails'))],
  }),
  defineCase({
    name: 'a key set as bytes, and a cache of tokens',
    resources: (c) =>
      filtered(c, [simple({ local_jwks: { inline_bytes: Buffer.from(JWKS).toString('base64') }, jwt_cache_config: { jwt_cache_size: 2 } })]),
    steps: [http(bearer(token()), PASSED), http(bearer(token()), PASSED), http(bearer(token({ exp: 1 })), refused('Jwt is expired'))],
  }),
  defineCase({
    name: 'keys are fetched once, and kept',
    backends: { main: [{ body: 'main' }], keys: [{ body: JWKS }] },
    resources: (c) =>
      filtered(c, [jwt({ providers: { p: remote(c, { cache_duration: '300s' }) }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }] })]),
    steps: [
      http(bearer(token()), { ...PASSED, backend: [{ at: 'keys', method: 'GET', target: '/jwks', headers: { host: 'keys.test' } }, { at: 'main' }] }),
      http(bearer(token()), { ...PASSED, backend: { at: 'main' } }),
      http(bearer(swapped(token())), refused('Jwt verification fails')),
      http('/', MISSING),
    ],
  }),
  defineCase({
    name: 'keys that cannot be fetched open nothing',
    backends: { main: [{ body: 'main' }], keys: [{ status: 500 }] },
    resources: (c) => filtered(c, [jwt({ providers: { p: remote(c) }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }] })]),
    steps: [http(bearer(token()), { status: 401, body: 'Jwks remote fetch is failed' })],
  }),
  defineCase({
    name: 'an issuer that is not there',
    backends: { main: [{ body: 'main' }], keys: { t: 'closed' } },
    resources: (c) => filtered(c, [jwt({ providers: { p: remote(c) }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }] })]),
    steps: [http(bearer(token()), { status: 401, body: 'Jwks remote fetch is failed', backend: null })],
  }),
  defineCase({
    name: 'after a failure keys are fetched again',
    backends: { main: [{ body: 'main' }], keys: [{ status: 503 }, { body: JWKS }] },
    resources: (c) => filtered(c, [jwt({ providers: { p: remote(c) }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }] })]),
    steps: [http(bearer(token()), { status: 401 }), http(bearer(token()), { status: 200, body: 'main' })],
  }),
];
