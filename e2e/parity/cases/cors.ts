import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered, settings } from '../filters.ts';
import { any, direct, to } from '../resources.ts';
import { http, type Expectation, type Http1Request } from '../steps.ts';

const CORS = filter('cors', 'filters.http.cors.v3.Cors');
const policy = (fields: object): object => settings({ cors: any('filters.http.cors.v3.CorsPolicy', fields) });
const EXACT = [{ exact: 'https://a.test' }];
const FULL = {
  allow_origin_string_match: [{ exact: 'https://a.test' }, { suffix: '.b.test' }, { safe_regex: { regex: 'https://c[0-9]+\\.test' } }],
  allow_methods: 'GET,PUT',
  allow_headers: 'x-one,x-two',
  expose_headers: 'x-three',
  max_age: '600',
  allow_credentials: true,
};

const from = (origin: string, more: Readonly<Record<string, string>> = {}): Http1Request => ({ headers: { origin, ...more } });
const preflight = (origin: string, more: Readonly<Record<string, string>> = {}): Http1Request => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': 'PUT', ...more },
  body: '',
});
const FORBIDDEN = { 'access-control-allow-origin': null, 'access-control-allow-credentials': null, 'access-control-expose-headers': null } as const;

/** One request to a route with a policy. */
function asks(name: string, fields: object, request: Http1Request, expect: Expectation): ParityCase {
  return defineCase({
    name,
    resources: (c) => filtered(c, [CORS], [to(c, 'main', { prefix: '/' }, {}, policy(fields))]),
    steps: [http(request, expect)],
  });
}

/** Cross-origin resource sharing: preflights, and what browsers are told with responses. */
export const cases = [
  asks('a preflight is answered for an allowed origin', FULL, preflight('https://a.test'), {
    status: 200,
    backend: null,
    headers: {
      'access-control-allow-origin': 'https://a.test',
      'access-control-allow-methods': 'GET,PUT',
      'access-control-allow-headers': 'x-one,x-two',
      'access-control-max-age': '600',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-three',
    },
  }),
  asks('a response tells an allowed origin', FULL, from('https://x.b.test'), {
    status: 200,
    body: 'main',
    headers: {
      'access-control-allow-origin': 'https://x.b.test',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-three',
      'access-control-allow-methods': null,
    },
  }),
  asks('an origin by regular expression', FULL, from('https://c12.test'), { headers: { 'access-control-allow-origin': 'https://c12.test' } }),
  asks('an origin that a regular expression matches in part only', FULL, from('https://c12.test.evil'), { headers: FORBIDDEN }),
  asks('another origin is told nothing', FULL, from('https://evil.test'), { status: 200, body: 'main', headers: FORBIDDEN }),
  asks('without an origin nothing is told', FULL, {}, { status: 200, headers: FORBIDDEN }),
  asks('a preflight of another origin goes to the application', FULL, preflight('https://evil.test'), {
    status: 200,
    body: 'main',
    backend: { method: 'OPTIONS' },
  }),
  asks(
    'a preflight of another origin is answered without permission where it is not forwarded',
    { ...FULL, forward_not_matching_preflights: false },
    preflight('https://evil.test'),
    { status: 200, backend: null, headers: { 'access-control-allow-origin': null, 'access-control-allow-methods': 'GET,PUT' } },
  ),
  asks(
    'OPTIONS without a method to ask for is no preflight',
    FULL,
    { method: 'OPTIONS', headers: { origin: 'https://a.test' }, body: '' },
    {
      status: 200,
      body: 'main',
      headers: { 'access-control-allow-origin': 'https://a.test' },
    },
  ),
  asks('every origin', { allow_origin_string_match: [{ exact: '*' }] }, from('https://any.test'), {
    headers: { 'access-control-allow-origin': 'https://any.test', 'access-control-allow-credentials': null },
  }),
  asks(
    'a private network is allowed where the policy says so',
    { allow_origin_string_match: EXACT, allow_private_network_access: true },
    preflight('https://a.test', { 'access-control-request-private-network': 'true' }),
    {
      headers: { 'access-control-allow-private-network': 'true' },
    },
  ),
  asks(
    'a private network is not allowed otherwise',
    { allow_origin_string_match: EXACT },
    preflight('https://a.test', { 'access-control-request-private-network': 'true' }),
    {
      headers: { 'access-control-allow-private-network': null, 'access-control-allow-methods': null },
    },
  ),
  asks('a policy that is switched off', { ...FULL, filter_enabled: { default_value: { numerator: 0 } } }, preflight('https://a.test'), {
    body: 'main',
    headers: FORBIDDEN,
  }),
  asks(
    'a policy on trial changes nothing',
    { ...FULL, filter_enabled: { default_value: { numerator: 0 } }, shadow_enabled: { default_value: { numerator: 100 } } },
    from('https://a.test'),
    {
      body: 'main',
      headers: FORBIDDEN,
    },
  ),
  defineCase({
    name: 'the policy replaces what the application says',
    backends: { main: [{ body: 'x', headers: { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'own' } }] },
    resources: (c) => filtered(c, [CORS], [to(c, 'main', { prefix: '/' }, {}, policy(FULL))]),
    steps: [
      http(from('https://a.test'), { headers: { 'access-control-allow-origin': 'https://a.test', 'access-control-expose-headers': 'x-three' } }),
    ],
  }),
  defineCase({
    name: "a route's policy goes before that of its virtual host",
    resources: (c) =>
      filtered(
        c,
        [CORS],
        [
          {
            name: 'v',
            domains: ['*'],
            ...policy(FULL),
            routes: [to(c, 'main', { prefix: '/own' }, {}, policy({ allow_origin_string_match: [{ exact: 'https://own.test' }] })), to(c, 'main')],
          },
        ],
      ),
    steps: [
      http({ path: '/own', ...from('https://own.test') }, { headers: { 'access-control-allow-origin': 'https://own.test' } }),
      http({ path: '/own', ...from('https://a.test') }, {}),
      http({ path: '/other', ...from('https://a.test') }, { headers: { 'access-control-allow-origin': 'https://a.test' } }),
    ],
  }),
  defineCase({
    name: 'a route that answers itself has no policy',
    resources: (c) => filtered(c, [CORS], [direct('here', { prefix: '/' }, policy(FULL))]),
    steps: [http(preflight('https://a.test'), { status: 200, body: 'here', headers: FORBIDDEN })],
  }),
  defineCase({
    name: 'a refusal of a filter behind tells the origin too',
    resources: (c) =>
      filtered(c, [CORS, filter('rbac', 'filters.http.rbac.v3.RBAC', { rules: {} })], [to(c, 'main', { prefix: '/' }, {}, policy(FULL))]),
    steps: [http(from('https://a.test'), { status: 403, headers: { 'access-control-allow-origin': 'https://a.test' } })],
  }),
  defineCase({
    name: 'a preflight is no business of the filters behind',
    resources: (c) =>
      filtered(c, [CORS, filter('rbac', 'filters.http.rbac.v3.RBAC', { rules: {} })], [to(c, 'main', { prefix: '/' }, {}, policy(FULL))]),
    steps: [http(preflight('https://a.test'), { status: 200 })],
    log: [{ code: 200, details: 'cors_response' }],
  }),
];
