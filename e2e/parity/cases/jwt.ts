import { createHmac, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto';
import { defineCase, type ParityCase } from '../define.ts';
import { chain, DISABLED, filter, filtered, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, direct, hcm, listener, to } from '../resources.ts';
import { http, push, type Expectation, type Http1Request, type Step } from '../steps.ts';

/** Keys of this run, by their `kid`. */
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');
const jwk = (key: KeyObject, kid: string, more: object = {}): object => ({ ...key.export({ format: 'jwk' }), kid, ...more });
const JWKS = JSON.stringify({
  keys: [jwk(rsa.publicKey, 'rsa'), jwk(p256.publicKey, 'p256'), jwk(p384.publicKey, 'p384'), jwk(p521.publicKey, 'p521'), jwk(ed.publicKey, 'ed')],
});

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const HOUR = 3600;
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = { iss: 'https://issuer.test', sub: 'ann', aud: ['books'], exp: NOW + HOUR, iat: NOW - 10 };

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
function token(claims: object = {}, { alg = 'RS256', key = rsa.privateKey, kid = 'rsa' as string | undefined, header = {} } = {}): string {
  const data = `${encode({ alg, ...(kid === undefined ? {} : { kid }), ...header })}.${encode({ ...CLAIMS, ...claims })}`;
  return `${data}.${signature(alg, key, data)}`;
}

const bearer = (text: string): Http1Request => ({ headers: { authorization: `Bearer ${text}` } });
const PROVIDER = { issuer: 'https://issuer.test', local_jwks: { inline_string: JWKS } };
const REQUIRED = { provider_name: 'p' };

const jwt = (config: object): object => filter('jwt', 'filters.http.jwt_authn.v3.JwtAuthentication', config);
const simple = (provider: object = {}, requires: object = REQUIRED): object =>
  jwt({ providers: { p: { ...PROVIDER, ...provider } }, rules: [{ match: { prefix: '/' }, requires }] });

const PASSED = { status: 200, body: 'main' } as const;
const refused = (body: string | RegExp): Expectation => ({ status: 401, body, backend: null });
const MISSING = refused('Jwt is missing');

function asks(name: string, steps: readonly Step[], provider: object = {}, requires: object = REQUIRED): ParityCase {
  return defineCase({ name, resources: (c) => filtered(c, [simple(provider, requires)]), steps });
}

const set = (key: string, value: string): string => `${key}=${value}`;
const remote = (c: CaseContext, more: object = {}): object => ({
  issuer: PROVIDER.issuer,
  remote_jwks: { http_uri: { uri: 'http://keys.test/jwks', cluster: c.name('keys'), timeout: '5s' }, ...more },
  local_jwks: undefined,
});

const tampered = (text: string): string => `${text.slice(0, text.lastIndexOf('.') - 4)}AAAA${text.slice(text.lastIndexOf('.'))}`;
const swapped = (text: string): string => {
  const [head = '', , tail = ''] = text.split('.');
  return `${head}.${encode({ ...CLAIMS, sub: 'admin' })}.${tail}`;
};
const hmac = (secret: string | Buffer = rsa.publicKey.export({ format: 'pem', type: 'spki' })): string => {
  const data = `${encode({ alg: 'HS256', kid: 'rsa' })}.${encode(CLAIMS)}`;
  return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
};
const unsigned = (): string => `${encode({ alg: 'none', kid: 'rsa' })}.${encode(CLAIMS)}.`;

/** JSON web tokens. */
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
  asks('the place of RFC 6750 for parameters', [http(`/x?access_token=${token()}&a=b`, PASSED)]),
  asks(
    'a header of its own',
    [http({ headers: { 'x-token': token() } }, { ...PASSED, backend: { headers: { 'x-token': null } } }), http(bearer(token()), MISSING)],
    { from_headers: [{ name: 'x-token' }] },
  ),
  asks('a header with a prefix', [http({ headers: { 'x-token': `JWT ${token()}` } }, PASSED), http({ headers: { 'x-token': token() } }, MISSING)], {
    from_headers: [{ name: 'x-token', value_prefix: 'JWT ' }],
  }),
  asks('a parameter of its own', [http(`/x?jwt=${token()}`, PASSED), http(`/x?access_token=${token()}`, MISSING)], {
    from_params: ['jwt'],
    forward: true,
  }),
  asks(
    'a cookie',
    [http({ headers: { cookie: set('a', 'b; ') + set('session', token()) } }, PASSED), http({ headers: { cookie: 'a=b' } }, MISSING)],
    {
      from_cookies: ['session'],
    },
  ),
  asks(
    'the payload in a header',
    [
      http(bearer(token()), { ...PASSED, backend: { headers: { 'x-payload': /^[A-Za-z0-9_-]+$/ } } }),
      http(
        { headers: { 'x-payload': 'forged', authorization: `Bearer ${token()}` } },
        { ...PASSED, backend: { headers: { 'x-payload': /^[A-Za-z0-9_-]{40,}$/ } } },
      ),
    ],
    { forward_payload_header: 'x-payload' },
  ),
  asks(
    'the payload in a header with its padding',
    [http(bearer(token({ sub: 'a' })), PASSED), http(bearer(token({ sub: 'ab' })), PASSED), http(bearer(token({ sub: 'abc' })), PASSED)],
    {
      forward_payload_header: 'x-payload',
      pad_forward_payload_header: true,
    },
  ),
  asks(
    'claims in headers',
    [
      http(bearer(token({ n: 3, f: 1.5, yes: true, nested: { a: { b: 'deep' } }, list: ['a', 'b'] })), {
        ...PASSED,
        backend: { headers: { 'x-sub': 'ann', 'x-n': '3', 'x-f': '1.500000', 'x-yes': 'true', 'x-deep': 'deep', 'x-none': null } },
      }),
      http(
        { headers: { 'x-sub': 'forged', authorization: `Bearer ${token({ sub: undefined })}` } },
        { ...PASSED, backend: { headers: { 'x-sub': null } } },
      ),
    ],
    {
      claim_to_headers: [
        ['x-sub', 'sub'],
        ['x-n', 'n'],
        ['x-f', 'f'],
        ['x-yes', 'yes'],
        ['x-deep', 'nested.a.b'],
        ['x-list', 'list'],
        ['x-none', 'none'],
      ].map(([header_name, claim_name]) => ({ header_name, claim_name })),
    },
  ),
  defineCase({
    name: 'the payload for other filters and the log',
    resources: (c) =>
      filtered(
        c,
        [
          simple({
            payload_in_metadata: 'payload',
            header_in_metadata: 'header',
            normalize_payload_in_metadata: { space_delimited_claims: ['scope'] },
          }),
          filter('rbac', 'filters.http.rbac.v3.RBAC', {
            rules: {
              policies: {
                p: {
                  permissions: [{ any: true }],
                  principals: [
                    {
                      metadata: {
                        filter: 'envoy.filters.http.jwt_authn',
                        path: [{ key: 'payload' }, { key: 'scope' }],
                        value: { list_match: { one_of: { string_match: { exact: 'write' } } } },
                      },
                    },
                  ],
                },
              },
            },
          }),
        ],
        undefined,
        { user: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub)%', alg: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:header:alg)%' },
      ),
    steps: [http(bearer(token({ scope: 'read write' })), PASSED), http(bearer(token({ scope: 'read' })), { status: 403 })],
    log: [
      { user: 'ann', alg: 'RS256' },
      { user: 'ann', code: 403 },
    ],
  }),
  asks('expiration may be required', [http(bearer(token()), PASSED), http(bearer(token({ exp: undefined })), { status: 401 })], {
    require_expiration: true,
  }),
  asks('a life that is too long', [http(bearer(token()), PASSED), http(bearer(token({ exp: NOW + 10 * HOUR })), { status: 401 })], {
    max_lifetime: '7200s',
  }),
  asks('a subject', [http(bearer(token()), PASSED), http(bearer(token({ sub: 'bob' })), { status: 401 })], { subjects: { prefix: 'an' } }),
  asks(
    'a token may be missing, but not bad',
    [http('/', PASSED), http(bearer(token()), PASSED), http(bearer(token({ exp: 1 })), refused('Jwt is expired'))],
    {},
    {
      requires_any: { requirements: [REQUIRED, { allow_missing: {} }] },
    },
  ),
  asks(
    'a token may be missing or bad',
    [http('/', PASSED), http(bearer(token({ exp: 1 })), PASSED), http(bearer('nonsense'), PASSED)],
    {},
    {
      requires_any: { requirements: [REQUIRED, { allow_missing_or_failed: {} }] },
    },
  ),
  asks(
    'a token may be missing, of whatever issuer',
    [http('/', PASSED), http(bearer(token({ iss: 'https://evil.test' })), refused('Jwt issuer is not configured'))],
    {},
    { allow_missing: {} },
  ),
  asks('whatever a token is', [http('/', PASSED), http(bearer(token({ exp: 1 })), PASSED)], {}, { allow_missing_or_failed: {} }),
  defineCase({
    name: 'one of two providers',
    resources: (c) => filtered(c, [twoProviders({ requires_any: { requirements: [{ provider_name: 'p' }, { provider_name: 'q' }] } })]),
    steps: [
      http(bearer(token()), PASSED),
      http({ headers: { 'x-q': token({ iss: 'https://q.test' }) } }, PASSED),
      http('/', MISSING),
      http(bearer(token({ exp: 1 })), refused('Jwt is expired')),
    ],
  }),
  defineCase({
    name: 'both of two providers',
    resources: (c) => filtered(c, [twoProviders({ requires_all: { requirements: [{ provider_name: 'p' }, { provider_name: 'q' }] } })]),
    steps: [
      http({ headers: { authorization: `Bearer ${token()}`, 'x-q': token({ iss: 'https://q.test' }) } }, PASSED),
      http(bearer(token()), MISSING),
    ],
  }),
  defineCase({
    name: 'the first rule that matches counts',
    resources: (c) =>
      filtered(c, [
        jwt({
          providers: { p: PROVIDER },
          rules: [
            { match: { prefix: '/open' } },
            { match: { prefix: '/named' }, requirement_name: 'n' },
            { match: { prefix: '/' }, requires: REQUIRED },
          ],
          requirement_map: { n: { provider_and_audiences: { provider_name: 'p', audiences: ['films'] } } },
        }),
      ]),
    steps: [http('/open/x', PASSED), http({ path: '/named', ...bearer(token()) }, { status: 403 }), http('/other', MISSING)],
  }),
  defineCase({
    name: 'where no rule matches everybody passes',
    resources: (c) => filtered(c, [jwt({ providers: { p: PROVIDER }, rules: [{ match: { prefix: '/closed' }, requires: REQUIRED }] })]),
    steps: [http('/open', PASSED), http('/closed', MISSING)],
  }),
  defineCase({
    name: 'a preflight needs no token where that is said',
    resources: (c) =>
      filtered(c, [jwt({ providers: { p: PROVIDER }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }], bypass_cors_preflight: true })]),
    steps: [
      http({ method: 'OPTIONS', headers: { origin: 'https://a.test', 'access-control-request-method': 'PUT' }, body: '' }, PASSED),
      http({ method: 'OPTIONS', headers: { origin: 'https://a.test' }, body: '' }, MISSING),
    ],
  }),
  defineCase({
    name: 'a refusal without words',
    resources: (c) =>
      filtered(c, [jwt({ providers: { p: PROVIDER }, rules: [{ match: { prefix: '/' }, requires: REQUIRED }], strip_failure_response: true })]),
    steps: [http('/', { status: 401, body: '', headers: { 'www-authenticate': null } })],
  }),
  defineCase({
    name: 'a route has a requirement of its own, or none',
    resources: (c) =>
      filtered(
        c,
        [
          jwt({
            providers: { p: PROVIDER },
            rules: [{ match: { prefix: '/' }, requires: REQUIRED }],
            requirement_map: { may: { allow_missing: {} } },
          }),
        ],
        [
          to(c, 'main', { prefix: '/may' }, {}, settings({ jwt: any('filters.http.jwt_authn.v3.PerRouteConfig', { requirement_name: 'may' }) })),
          to(c, 'main', { prefix: '/off' }, {}, settings({ jwt: any('filters.http.jwt_authn.v3.PerRouteConfig', { disabled: true }) })),
          to(c, 'main', { prefix: '/gone' }, {}, settings({ jwt: DISABLED })),
          to(c, 'main', { prefix: '/wrong' }, {}, settings({ jwt: any('filters.http.jwt_authn.v3.PerRouteConfig', { requirement_name: 'none' }) })),
          to(c, 'main'),
        ],
      ),
    steps: [http('/may', PASSED), http('/off', PASSED), http('/gone', PASSED), http('/wrong', { status: 403 }), http('/', MISSING)],
  }),
  defineCase({
    name: 'a claim chooses the route',
    resources: (c) =>
      filtered(
        c,
        [simple({ claim_to_headers: [{ header_name: 'x-sub', claim_name: 'sub' }], clear_route_cache: true })],
        [direct('for ann', { prefix: '/', headers: [{ name: 'x-sub', string_match: { exact: 'ann' } }] }), to(c, 'main')],
      ),
    steps: [http(bearer(token()), { status: 200, body: 'for ann' }), http(bearer(token({ sub: 'bob' })), PASSED)],
  }),
  defineCase({
    name: 'of two tokens both must be good',
    resources: (c) => filtered(c, [simple({ from_headers: [{ name: 'x-a' }, { name: 'x-b' }] })]),
    steps: [
      http({ headers: { 'x-a': token(), 'x-b': token() } }, { status: 200 }),
      http({ headers: { 'x-a': token(), 'x-b': token({ exp: 1 }) } }, { status: 401 }),
      http({ headers: { 'x-a': token({ exp: 1 }), 'x-b': token() } }, { status: 401 }),
      http({ headers: { 'x-a': token({ exp: 1 }), 'x-b': token({ exp: 1 }) } }, { status: 401 }),
    ],
  }),
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

function twoProviders(requires: object): object {
  return jwt({
    providers: { p: PROVIDER, q: { ...PROVIDER, issuer: 'https://q.test', from_headers: [{ name: 'x-q' }] } },
    rules: [{ match: { prefix: '/' }, requires }],
  });
}
