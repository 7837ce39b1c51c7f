import { DISABLED, settings } from '../filters.ts';
import { direct, to } from '../resources.ts';
import { http, raw } from '../steps.ts';
import { PASSED, perRoute, list, asks, OK, NO } from '../ext-authz.ts';

/** Authorization by a service of somebody else's, asked over HTTP. */
export const cases = [
  asks('what the service allows passes', { authz: OK }, [
    http(
      { path: '/a?b=c', headers: { authorization: 'Bearer x', 'x-other': 'y' } },
      {
        ...PASSED,
        backend: [
          {
            at: 'authz',
            method: 'GET',
            target: '/a?b=c',
            headers: { host: 'test.example', authorization: 'Bearer x', 'x-other': null, 'content-length': '0' },
          },
          { at: 'main', target: '/a?b=c', headers: { authorization: 'Bearer x', 'x-other': 'y' } },
        ],
      },
    ),
  ]),
  asks(
    'what the service refuses does not',
    { authz: NO },
    [http('/', { status: 403, body: 'go away', headers: { 'x-why': 'because', 'content-type': 'text/html' }, backend: { at: 'authz' } })],
    [{ code: 403, flags: 'UAEX', details: 'ext_authz_denied' }],
  ),
  asks('the service may redirect to a login', { authz: [{ status: 302, headers: { location: 'https://login.test/', 'set-cookie': 'a=b' } }] }, [
    http('/', { status: 302, headers: { location: 'https://login.test/', 'set-cookie': 'a=b' }, backend: { at: 'authz' } }),
  ]),
  asks('a client is told only what it may know', { authz: NO, service: { authorization_response: { allowed_client_headers: list('x-none') } } }, [
    http('/', { status: 403, body: 'go away', headers: { 'x-why': null } }),
  ]),
  asks(
    'a service that fails is no permission',
    { authz: [{ status: 500, body: 'broken' }] },
    [http('/', { status: 403, body: '', backend: { at: 'authz' } })],
    [{ code: 403, flags: 'UAEX', details: 'ext_authz_error' }],
  ),
  asks(
    'a service that is not there is no permission',
    { authz: { t: 'closed' } },
    [http('/', { status: 403, backend: null })],
    [{ flags: 'UAEX', details: 'ext_authz_error' }],
  ),
  asks('the status of a failure', { authz: { t: 'closed' }, fields: { status_on_error: { code: 'ServiceUnavailable' } } }, [
    http('/', { status: 503 }),
  ]),
  asks('a failure may be passed over', { authz: { t: 'closed' }, fields: { failure_mode_allow: true } }, [http('/', PASSED)]),
  asks(
    'a failure that is passed over may be told',
    { authz: { t: 'closed' }, fields: { failure_mode_allow: true, failure_mode_allow_header_add: true } },
    [http('/', { ...PASSED, backend: { headers: { 'x-envoy-auth-failure-mode-allowed': 'true' } } })],
  ),
  asks('a service that takes too long', { authz: [{ silent: true }], short: true }, [http('/', { status: 403 })]),
  asks('headers that are told', { authz: OK, fields: { allowed_headers: { patterns: [{ exact: 'x-a' }, { prefix: 'x-pre' }] } } }, [
    http(
      { headers: { 'x-a': '1', 'x-prefix': '2', 'x-other': '3' } },
      { ...PASSED, backend: [{ at: 'authz', headers: { 'x-a': '1', 'x-prefix': '2', 'x-other': null } }, { at: 'main' }] },
    ),
  ]),
  asks(
    'headers that are not told',
    { authz: OK, fields: { allowed_headers: { patterns: [{ prefix: 'x-' }] }, disallowed_headers: list('x-secret') } },
    [
      http(
        { headers: { 'x-a': '1', 'x-secret': '2' } },
        {
          ...PASSED,
          backend: [
            { at: 'authz', headers: { 'x-a': '1', 'x-secret': null } },
            { at: 'main', headers: { 'x-secret': '2' } },
          ],
        },
      ),
    ],
  ),
  asks(
    'a path of its own, and headers for the service',
    { authz: OK, service: { path_prefix: '/check', authorization_request: { headers_to_add: [{ key: 'x-from', value: 'proxy' }] } } },
    [
      http('/a', {
        ...PASSED,
        backend: [
          { at: 'authz', target: '/check/a', headers: { 'x-from': 'proxy' } },
          { at: 'main', target: '/a', headers: { 'x-from': null } },
        ],
      }),
    ],
  ),
  asks(
    'what the service says goes to the application',
    {
      authz: [{ status: 200, headers: { 'x-user': 'ann', 'x-groups': 'b', 'x-other': 'no', 'x-envoy-auth-headers-to-remove': 'x-gone' } }],
      service: { authorization_response: { allowed_upstream_headers: list('x-user'), allowed_upstream_headers_to_append: list('x-groups') } },
    },
    [
      http(
        { headers: { 'x-user': 'forged', 'x-groups': 'a', 'x-gone': '1' } },
        { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { 'x-user': 'ann', 'x-groups': 'a, b', 'x-other': null, 'x-gone': null } }] },
      ),
      http('/', { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { 'x-user': 'ann' } }] }),
    ],
  ),
  asks(
    'what the service says goes to the client',
    {
      authz: [{ status: 200, headers: { 'x-told': 'yes', 'x-other': 'no' } }],
      service: { authorization_response: { allowed_client_headers_on_success: list('x-told') } },
    },
    [http('/', { ...PASSED, headers: { 'x-told': 'yes', 'x-other': null } })],
  ),
  asks('the body is told', { authz: OK, fields: { with_request_body: { max_request_bytes: 100, allow_partial_message: false } } }, [
    http(
      { method: 'POST', body: 'hello' },
      {
        ...PASSED,
        backend: [
          { at: 'authz', method: 'POST', body: 'hello', headers: { 'content-length': '5' } },
          { at: 'main', body: 'hello' },
        ],
      },
    ),
    http(
      { method: 'POST', body: ['hel', 'lo'] },
      {
        ...PASSED,
        backend: [
          { at: 'authz', body: 'hello' },
          { at: 'main', body: 'hello' },
        ],
      },
    ),
  ]),
  asks('a body that is too large to be told is refused', { authz: OK, fields: { with_request_body: { max_request_bytes: 10 } } }, [
    raw(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n${'x'.repeat(40)}`, { status: 413, backend: null }),
  ]),
  asks(
    'the service may change the route',
    {
      authz: [{ status: 200, headers: { 'x-user': 'ann' } }],
      fields: { clear_route_cache: true },
      service: { authorization_response: { allowed_upstream_headers: list('x-user') } },
      routes: (c) => [direct('for ann', { prefix: '/', headers: [{ name: 'x-user', string_match: { exact: 'ann' } }] }), to(c, 'main')],
    },
    [http('/', { status: 200, body: 'for ann' })],
  ),
  asks('it may be switched off for a share', { authz: NO, fields: { filter_enabled: { default_value: { numerator: 0 } } } }, [
    http('/', { ...PASSED, backend: { at: 'main' } }),
  ]),
  asks(
    'where it is off it may refuse',
    { authz: OK, fields: { filter_enabled: { default_value: { numerator: 0 } }, deny_at_disable: { default_value: true, runtime_key: 'x' } } },
    [http('/', { status: 403, backend: null })],
  ),
  asks(
    'a route without it',
    {
      authz: NO,
      routes: (c) => [
        to(c, 'main', { prefix: '/off' }, {}, perRoute({ disabled: true })),
        to(c, 'main', { prefix: '/gone' }, {}, settings({ authz: DISABLED })),
        to(c, 'main'),
      ],
    },
    [http('/off', PASSED), http('/gone', PASSED), http('/', { status: 403 })],
  ),
  asks('two requests on a connection are asked about one by one', { authz: [{ status: 200 }, { status: 403 }, { status: 200 }] }, [
    http('/1', PASSED, { on: 'a' }),
    http('/2', { status: 403 }, { on: 'a' }),
    http('/3', PASSED, { on: 'a' }),
  ]),
  asks(
    'a client that leaves while its request is asked about',
    { authz: [{ gate: 'never' }] },
    [raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n', { backendHas: 1, name: 'authz' }, { reset: true }], {})],
    [{ code: 0, flags: 'DC' }],
  ),
];
