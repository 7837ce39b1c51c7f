import { ofHttp } from '../counts.ts';
import { defineCase } from '../define.ts';
import { grpcReply } from '../backend/grpc-message.ts';
import { chain, filter } from '../filters.ts';
import { cluster, direct, hcm, HTTP2_UPSTREAM, listener, serverTls, TLS_INSPECTOR, to } from '../resources.ts';
import { http } from '../steps.ts';
import { TYPE, PASSED, perRoute, list, asks, counted, check, USER_LOG, type QueryChange, parameters, option, byGrpc } from '../ext-authz.ts';

/** Authorization by a service of somebody else's, asked over gRPC. */
export const cases = [
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
