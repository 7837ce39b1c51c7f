import { defineCase } from '../define.ts';
import { DISABLED, filtered, settings } from '../filters.ts';
import { asks, bearer, jwt, MISSING, PASSED, PROVIDER, refused, REQUIRED, simple, token } from '../jwt.ts';
import { any, direct, to } from '../resources.ts';
import { http } from '../steps.ts';

/** Which requests need which token. */
export const cases = [
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
];

function twoProviders(requires: object): object {
  return jwt({
    providers: { p: PROVIDER, q: { ...PROVIDER, issuer: 'https://q.test', from_headers: [{ name: 'x-q' }] } },
    rules: [{ match: { prefix: '/' }, requires }],
  });
}
