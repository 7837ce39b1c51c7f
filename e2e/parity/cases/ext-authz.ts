import { ofHttp } from '../counts.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { grpcReply } from '../backend/grpc-message.ts';
import type { BackendScript, Reply } from '../backend/script.ts';
import { chain, DISABLED, filter, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, http1, HTTP2_UPSTREAM, listener, serverTls, TLS_INSPECTOR, to, type Resources } from '../resources.ts';
import { clusterStats, http, raw, type Step } from '../steps.ts';

const TYPE = 'filters.http.ext_authz.v3.ExtAuthz';
const PASSED = { status: 200, body: 'main' } as const;
const perRoute = (config: object): object => settings({ authz: any('filters.http.ext_authz.v3.ExtAuthzPerRoute', config) });
const list = (...names: readonly string[]): object => ({ patterns: names.map((exact) => ({ exact })) });

const httpService = (c: CaseContext, more: object, timeout: string): object => ({
  http_service: { server_uri: { uri: 'http://authz.test', cluster: c.name('authz'), timeout }, ...more },
});

/** A filter that asks a service over HTTP. */
const byHttp = (c: CaseContext, { fields = {}, service = {}, short = false }: Pick<Setting, 'fields' | 'service' | 'short'>): object =>
  filter('authz', TYPE, { transport_api_version: 'V3', ...httpService(c, service, short ? '0.1s' : '5s'), ...fields });

interface Setting {
  readonly authz: BackendScript;
  readonly fields?: object;
  readonly service?: object;
  readonly main?: BackendScript;
  readonly routes?: (c: CaseContext) => readonly object[];
  /** The service has only a tenth of a second. */
  readonly short?: boolean;
}

function asks(
  name: string,
  { authz, main = [{ body: 'main' }], routes = (c) => [to(c, 'main')], ...setting }: Setting,
  steps: readonly Step[],
  log?: ParityCase['log'],
): ParityCase {
  return defineCase({
    name,
    backends: { main, authz },
    resources: (c) => http1(c, routes(c), chain(c, [byHttp(c, setting)])),
    steps,
    ...(log === undefined ? {} : { log }),
  });
}

/** What refusals are counted as, of the cluster that the request would have gone to. */
const counted = (counts: Readonly<Record<string, number>>): Step => clusterStats('main', counts);

const OK: readonly Reply[] = [{ status: 200 }];
const NO: readonly Reply[] = [{ status: 403, body: 'go away', headers: { 'x-why': 'because', 'content-type': 'text/html' } }];

const check = (json: object): readonly Reply[] => grpcReply('envoy.service.auth.v3.CheckResponse', json);
const USER_LOG = { user: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:user)%' };

interface QueryChange {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}
const parameters = ({ set = {}, remove = [] }: QueryChange): object => ({
  query_parameters_to_set: Object.entries(set).map(([key, value]) => ({ key, value })),
  query_parameters_to_remove: remove,
});
const option = (key: string, value: string, more: object = {}): object => ({ header: { key, value }, ...more });

function byGrpc(
  name: string,
  replies: readonly Reply[],
  steps: readonly Step[],
  { fields = {}, routes = (c: CaseContext) => [to(c, 'main')] as readonly object[], log = {}, main = [{ body: 'main' }] as readonly Reply[] } = {},
): ParityCase {
  return defineCase({
    name: `gRPC: ${name}`,
    backends: { main, authz: { t: 'http2', replies } },
    resources: (c): Resources => {
      const asking = filter('authz', TYPE, {
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: c.name('authz') }, timeout: '5s' },
        ...fields,
      });
      return http1(c, routes(c), chain(c, [asking], log), [cluster(c, 'main'), cluster(c, 'authz', HTTP2_UPSTREAM)]);
    },
    steps,
  });
}

/** Authorization by a service of somebody else's. */
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

  byGrpc('what the service allows passes', check({}), [http({ path: '/a?b=c', headers: { 'x-a': '1' } }, PASSED)]),
  byGrpc('what the service refuses does not', check({ status: { code: 7 } }), [http('/', { status: 403, body: '' })]),
  byGrpc(
    'a refusal in its own words',
    check({
      status: { code: 16 },
      denied_response: { status: { code: 'Unauthorized' }, body: 'who are you', headers: [option('x-why', 'because')] },
    }),
    [http('/', { status: 401, body: 'who are you', headers: { 'x-why': 'because' } })],
  ),
  byGrpc(
    'headers for the application',
    check({ ok_response: { headers: [option('x-user', 'ann'), option('x-more', '2', { append: true })], headers_to_remove: ['x-gone'] } }),
    [
      http(
        { headers: { 'x-user': 'forged', 'x-more': '1', 'x-gone': '1' } },
        { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { 'x-user': 'ann', 'x-more': '1,2', 'x-gone': null } }] },
      ),
    ],
  ),
  byGrpc(
    'headers for the client',
    check({ ok_response: { response_headers_to_add: [option('x-told', 'yes', { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' })] } }),
    [http('/', { ...PASSED, headers: { 'x-told': 'yes' } })],
  ),
  byGrpc('metadata for the log', check({ dynamic_metadata: { user: 'ann' } }), [http('/', PASSED)], {
    log: { user: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:user)%', own: '%DYNAMIC_METADATA(authz:user)%' },
  }),
  byGrpc(
    'a status that is no answer',
    [{ headers: { 'content-type': 'application/grpc', 'grpc-status': '14' } }],
    [http('/', { status: 403, body: '' })],
  ),
  byGrpc('a failure is passed over', [{ after: 'reset' }], [http('/', PASSED)], { fields: { failure_mode_allow: true } }),
  byGrpc('extensions of routes', check({}), [http('/', PASSED)], {
    routes: (c) => [to(c, 'main', { prefix: '/' }, {}, perRoute({ check_settings: { context_extensions: { route: 'one' } } }))],
  }),
  defineCase({
    name: 'gRPC: who asks over mutual TLS, and what filters before know',
    backends: { main: [{ body: 'main' }], authz: { t: 'http2', replies: check({}) } },
    resources: (c) => {
      const asking = filter('authz', TYPE, {
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: c.name('authz') }, timeout: '5s', initial_metadata: [{ key: 'x-from', value: 'proxy' }] },
        include_peer_certificate: true,
        include_tls_session: true,
        metadata_context_namespaces: ['ns', 'none'],
        disallowed_headers: list('x-secret'),
      });
      const meta = filter('meta', 'filters.http.set_metadata.v3.Config', { metadata: [{ metadata_namespace: 'ns', value: { level: 3 } }] });
      const tls = { filters: [hcm(c, [to(c, 'main')], chain(c, [meta, asking]))], transport_socket: serverTls(c, 'server', { mutual: true }) };
      return {
        listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [tls] })],
        clusters: [cluster(c, 'main'), cluster(c, 'authz', HTTP2_UPSTREAM)],
      };
    },
    steps: [
      http(
        { path: '/a', headers: { 'x-secret': '1', 'x-twice': 'a' } },
        {
          ...PASSED,
          backend: [
            { at: 'authz', headers: { 'x-from': 'proxy' }, body: /"principal":"spiffe:\/\/parity.test\/ns\/test\/sa\/client"/ },
            { at: 'main' },
          ],
        },
        { tls: { identity: 'client', sni: 'server.test' } },
      ),
    ],
  }),
  byGrpc(
    'headers as they came, byte by byte',
    check({}),
    [
      http(
        {
          headers: [
            ['x-request-id', 'fixed'],
            ['x-a', '1'],
            ['x-a', '2'],
          ],
        },
        PASSED,
      ),
    ],
    { fields: { encode_raw_headers: true } },
  ),
  byGrpc('a forged certificate is not told', check({}), [
    http(
      { headers: { 'x-forwarded-client-cert': 'By=a;URI=spiffe://parity.test/ns/test/sa/admin' } },
      {
        ...PASSED,
        backend: [
          { at: 'authz', body: /^(?!.*sa\/admin)/s },
          { at: 'main', headers: { 'x-forwarded-client-cert': null } },
        ],
      },
    ),
  ]),
  byGrpc('several lines of a header', check({}), [
    http(
      {
        headers: [
          ['x-a', '1'],
          ['x-a', '2'],
        ],
      },
      PASSED,
    ),
  ]),
  byGrpc('a body as bytes', check({}), [http({ method: 'POST', body: 'hello' }, PASSED)], {
    fields: { with_request_body: { max_request_bytes: 100, pack_as_bytes: true } },
  }),
  byGrpc(
    'a part of the body',
    check({}),
    [http({ method: 'POST', body: 'hello world' }, { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', body: 'hello world' }] })],
    {
      fields: { with_request_body: { max_request_bytes: 5, allow_partial_message: true } },
    },
  ),
  ...(['X-A: 1\r\nx-b', 'x a'] as const).map((key) =>
    byGrpc(
      `mutations are looked at: ${JSON.stringify(key)}`,
      check({ ok_response: { headers: [option(key, '1')] } }),
      [http('/', { status: 500, body: '', backend: { at: 'authz' } })],
      { fields: { validate_mutations: true } },
    ),
  ),
  byGrpc(
    'mutations are looked at: a line break in a value',
    check({ ok_response: { headers: [option('x-a', '1\nx-b: 2')] } }),
    [http('/', { status: 500, body: '', backend: { at: 'authz' } })],
    { fields: { validate_mutations: true } },
  ),
  byGrpc(
    'mutations are looked at: a refusal',
    check({ status: { code: 7 }, denied_response: { status: { code: 'Forbidden' }, headers: [option('x-a', '1\r\n')], body: 'no' } }),
    [http('/', { status: 500, body: '', backend: { at: 'authz' } })],
    { fields: { validate_mutations: true } },
  ),
  byGrpc(
    'mutations are looked at, and are good',
    check({ ok_response: { headers: [option('x-a', '1\tb')], headers_to_remove: ['x-c'] } }),
    [http({ headers: { 'x-c': '1' } }, { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { 'x-a': '1\tb', 'x-c': null } }] })],
    { fields: { validate_mutations: true } },
  ),
  ...(
    [
      ['x=1&keep=a%20b', { set: { x: '2', new: 'a%26b' } }, '?keep=a%20b&new=a%26b&x=2'],
      ['x=1&x=2&y=1&z', { remove: ['x', 'none'] }, '?y=1&z='],
      ['x=1', { remove: ['x'] }, ''],
      ['x=1&y=2&z=3', { set: { y: '3' }, remove: ['y', 'x'] }, '?z=3'],
      ['%62=1&b=2', { set: { b: '3', '': '1' } }, '?=1&%62=1&b=3'],
    ] as readonly (readonly [string, QueryChange, string])[]
  ).map(([query, change, expected]) =>
    byGrpc(`parameters of the query: ${query}`, check({ ok_response: parameters(change) }), [
      http(`/a?${query}`, { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', target: `/a${expected}` }] }),
    ]),
  ),
  byGrpc(
    'parameters of a path that the service gives, by which the route is chosen anew',
    check({ ok_response: { headers: [option(':path', '/other?q=1')], ...parameters({ set: { b: '' } }) } }),
    [http('/a?c=1', { status: 200, body: 'other' })],
    { fields: { clear_route_cache: true }, routes: (c) => [direct('other', { path: '/other' }), to(c, 'main')] },
  ),
  byGrpc(
    'parameters that would break the request line end the request',
    check({ ok_response: parameters({ set: { x: '2 HTTP/1.1\r\nevil: 1' } }) }),
    [http('/', { status: 503, backend: { at: 'authz' } })],
  ),
  byGrpc(
    'actions of options do not count on requests',
    check({
      ok_response: {
        headers: [
          option('x-a', '2', { append_action: 'ADD_IF_ABSENT' }),
          option('x-b', '2', { append_action: 'OVERWRITE_IF_EXISTS' }),
          option('x-c', '2', { append: true }),
          option('x-d', '2', { append: true }),
          option('x-e', 'ü'),
        ],
      },
    }),
    [
      http(
        { headers: { 'x-a': '1', 'x-c': '1' } },
        { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { 'x-a': '2', 'x-b': '2', 'x-c': '1,2', 'x-d': null } }] },
      ),
    ],
  ),
  byGrpc('another host', check({ ok_response: { headers: [option('host', 'other.example')], headers_to_remove: ['host', ':path', 'X-A'] } }), [
    http({ headers: { 'x-a': '1' } }, { ...PASSED, backend: [{ at: 'authz' }, { at: 'main', headers: { host: 'other.example', 'x-a': null } }] }),
  ]),
  ...[option('x-b', '1\r\nevil: 1'), option('x-b\r\nevil', '1'), option('x-b', 'a\u0000b')].map((header, at) =>
    byGrpc(`a line break or NUL in a header ends the request ${at}`, check({ ok_response: { headers: [header] } }), [
      http('/', { status: 503, backend: { at: 'authz' } }),
      counted({ 'ext_authz.ok': 1 }),
      ofHttp({ 'ext_authz.ok': 1 }, /^downstream_|^rq_|^no_|^passthrough|^rs_/),
    ]),
  ),
  ...[{ 'x-big': 'y'.repeat(70_000) }, Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`x-${at}`, '1']))].map((headers, at) =>
    byGrpc(
      `more headers than a client may send end the request ${at}`,
      check({ ok_response: { headers: Object.entries(headers).map(([key, value]) => option(key, value)) } }),
      [http('/', { status: 500, body: '', backend: { at: 'authz' } }), http('/', { status: 500 })],
    ),
  ),
  byGrpc(
    'actions of options count on responses',
    check({
      ok_response: {
        response_headers_to_add: [
          option('x-a', '2', { append_action: 'ADD_IF_ABSENT' }),
          option('x-b', '2', { append_action: 'ADD_IF_ABSENT' }),
          option('x-c', '2', { append_action: 'OVERWRITE_IF_EXISTS' }),
          option('x-d', '2', { append_action: 'OVERWRITE_IF_EXISTS' }),
          option('set-cookie', 'a=1'),
          option('set-cookie', 'b=2'),
        ],
      },
    }),
    [http('/', { ...PASSED, headers: { 'x-a': '1', 'x-b': '2', 'x-c': '2', 'x-d': null } })],
    { main: [{ body: 'main', headers: { 'x-a': '1', 'x-c': '1' } }] },
  ),
  byGrpc(
    'a refusal is counted, and adds its headers whatever their actions',
    check({
      status: { code: 7 },
      denied_response: {
        status: { code: 'Unauthorized' },
        headers: [
          option('x-a', '2'),
          option('x-a', '3', { append_action: 'ADD_IF_ABSENT' }),
          option('x-b', '3', { append_action: 'OVERWRITE_IF_EXISTS' }),
          option('x-c', '3', { append: true }),
          option('x-d', '2'),
          option('x-d', '3', { append: false }),
          option('content-length', '1'),
          option(':status', '200'),
        ],
        body: 'hello',
      },
      dynamic_metadata: { user: 'bob' },
    }),
    [
      http('/', { status: 401, body: 'hello', headers: { 'x-a': '2, 3', 'x-b': '3', 'x-c': null, 'x-d': '2, 3' } }),
      counted({ 'ext_authz.denied': 1, 'internal.upstream_rq_401': 1, upstream_rq_4xx: 1, upstream_rq_completed: 1, upstream_rq_total: 0 }),
    ],
    { log: USER_LOG },
  ),
  byGrpc('a refusal that is not to be counted', check({ status: { code: 7 } }), [http('/', { status: 403 }), counted({ 'ext_authz.denied': 1 })], {
    fields: { charge_cluster_response_stats: false },
  }),
  byGrpc('a refusal may have any status', check({ status: { code: 7 }, denied_response: { status: { code: 'OK' }, body: 'fine' } }), [
    http('/', { status: 200, body: 'fine' }),
    counted({ upstream_rq_200: 1, upstream_rq_completed: 1 }),
  ]),
  byGrpc(
    'a refusal with the answer of a permission, a permission with that of a refusal',
    [...check({ status: { code: 7 }, ok_response: { headers: [option('x-a', '1')] } }), ...check({ denied_response: { body: 'no' } })],
    [http('/', { status: 403 }), http('/', PASSED)],
  ),
  byGrpc('metadata as services said it before', check({ ok_response: { dynamic_metadata: { user: 'ann' } } }), [http('/', PASSED)], {
    log: USER_LOG,
  }),
  byGrpc('what is no answer', grpcReply('envoy.service.auth.v3.DeniedHttpResponse', { body: 'garbage' }), [
    http('/', { status: 403 }),
    counted({ 'ext_authz.error': 1 }),
  ]),
  asks('refusals, failures and permissions are counted', { authz: [{ status: 401 }, { status: 500 }, { status: 200 }, { status: 302 }] }, [
    http('/', { status: 401 }),
    http('/', { status: 403 }),
    http('/', PASSED),
    http('/', { status: 302 }),
    counted({
      'ext_authz.denied': 2,
      'ext_authz.error': 1,
      'ext_authz.ok': 1,
      'external.upstream_rq_completed': 1,
      'internal.upstream_rq_completed': 2,
      upstream_rq_401: 1,
      upstream_rq_302: 1,
    }),
  ]),
];
