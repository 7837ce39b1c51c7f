import { defineCase } from '../define.ts';
import { filter, filtered } from '../filters.ts';
import { asks, bearer, MISSING, PASSED, simple, token } from '../jwt.ts';
import { http } from '../steps.ts';

const set = (key: string, value: string): string => `${key}=${value}`;

/** Where a token is looked for, and what of it others are told. */
export const cases = [
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
];
