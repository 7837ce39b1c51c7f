import { defineCase, type ParityCase } from '../define.ts';
import { chain, filter, filtered } from '../filters.ts';
import { direct, hcm, http1, listener, serverTls, to } from '../resources.ts';
import { http, type Expectation, type Http1Request } from '../steps.ts';

const EDGE = { use_remote_address: true };
/** From outside: somebody else has passed it on. */
const OUTSIDE = { 'x-forwarded-for': '1.2.3.4' };

/** A match of one header. */
const on = (name: string, match: object = { present_match: true }): object => ({
  prefix: '/',
  headers: [{ name, ...match }],
});
const exactly = (name: string, exact: string): object => on(name, { string_match: { exact } });

/** Does a route by this match take the request? */
function seen(
  name: string,
  options: Readonly<Record<string, unknown>>,
  match: object,
  request: string | Http1Request,
  body: 'seen' | 'unseen',
): ParityCase {
  return defineCase({
    name: `routes: ${name}`,
    backends: {},
    resources: (c) => http1(c, [direct('seen', match), direct('unseen')], { ...chain(c, []), ...options }),
    steps: [http(request, { status: 200, body })],
  });
}

/** The same over mutual TLS. */
function seenOverTls(
  name: string,
  options: Readonly<Record<string, unknown>>,
  match: object,
  headers: Readonly<Record<string, string>>,
  body: string,
): ParityCase {
  return defineCase({
    name: `routes over TLS: ${name}`,
    backends: {},
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          filter_chains: [
            {
              transport_socket: serverTls(c, 'server', { mutual: true }),
              filters: [hcm(c, [direct('seen', match), direct('unseen')], options)],
            },
          ],
        }),
      ],
      clusters: [],
    }),
    steps: [http({ headers }, { status: 200, body }, { tls: { identity: 'client' } })],
  });
}

/** A rule of RBAC by one header. */
const rbac = (action: 'ALLOW' | 'DENY', header: object): object =>
  filter('rbac', 'filters.http.rbac.v3.RBAC', {
    rules: { action, policies: { p: { permissions: [{ header }], principals: [{ any: true }] } } },
  });

const mutation = (mutations: readonly object[]): object =>
  filter('mutate', 'filters.http.header_mutation.v3.HeaderMutation', { mutations: { request_mutations: mutations } });
const set = (key: string, value: string, action = 'OVERWRITE_IF_EXISTS_OR_ADD'): object => ({
  append: { header: { key, value }, append_action: action },
});

function mutated(
  name: string,
  options: Readonly<Record<string, unknown>>,
  mutations: readonly object[],
  headers: Readonly<Record<string, string>>,
  backend: Readonly<Record<string, string | RegExp | null>>,
): ParityCase {
  return defineCase({
    name: `mutated: ${name}`,
    resources: (c) => http1(c, [to(c, 'main')], { ...chain(c, [mutation(mutations)]), ...options }),
    steps: [http({ headers }, { status: 200, backend: { headers: backend } } satisfies Expectation)],
  });
}

/** The client's address in the list. */
const WITH_CLIENT = { string_match: { safe_regex: { regex: '1\\.2\\.3\\.4, ?[0-9.]+' } } };

/** Headers that this hop makes or takes away are seen as such by routes and filters: what a client forges is judged by nobody. */
export const cases = [
  seen('x-forwarded-for of an edge ends in the client', EDGE, on('x-forwarded-for', WITH_CLIENT), { headers: OUTSIDE }, 'seen'),
  seen('x-forwarded-for of an edge is there', EDGE, on('x-forwarded-for'), '/', 'seen'),
  defineCase({
    name: 'RBAC: x-forwarded-for of an edge ends in the client',
    resources: (c) => http1(c, [to(c, 'main')], { ...EDGE, ...chain(c, [rbac('ALLOW', { name: 'x-forwarded-for', ...WITH_CLIENT })]) }),
    steps: [http({ headers: OUTSIDE }, { status: 200 }), http('/', { status: 403 })],
  }),
  defineCase({
    name: 'a route by x-forwarded-for adds a header by format',
    resources: (c) =>
      http1(c, [to(c, 'main', on('x-forwarded-for', WITH_CLIENT), { timeout: '5s' })], {
        ...EDGE,
        ...chain(c, [mutation([set('x-saw', '%REQ(x-forwarded-for)%')])]),
      }),
    steps: [http({ headers: OUTSIDE }, { status: 200, backend: { headers: { 'x-saw': '1.2.3.4,127.0.0.1' } } })],
  }),
  seen(
    'x-forwarded-proto of an edge is the connection’s',
    EDGE,
    exactly('x-forwarded-proto', 'https'),
    { headers: { 'x-forwarded-proto': 'https' } },
    'unseen',
  ),
  seen('x-forwarded-proto of an edge is there', EDGE, exactly('x-forwarded-proto', 'http'), '/', 'seen'),
  seen(
    'x-forwarded-proto of a sidecar is what it is told',
    {},
    exactly('x-forwarded-proto', 'https'),
    { headers: { 'x-forwarded-proto': 'https' } },
    'seen',
  ),
  seen('x-forwarded-proto of a sidecar is there', {}, exactly('x-forwarded-proto', 'http'), '/', 'seen'),
  seen(
    'x-forwarded-proto behind a trusted hop',
    { ...EDGE, xff_num_trusted_hops: 1 },
    exactly('x-forwarded-proto', 'https'),
    { headers: { ...OUTSIDE, 'x-forwarded-proto': 'https' } },
    'seen',
  ),
  seen('x-forwarded-client-cert is hidden', {}, on('x-forwarded-client-cert'), { headers: { 'x-forwarded-client-cert': 'By=forged' } }, 'unseen'),
  seen(
    'x-forwarded-client-cert without TLS is hidden',
    { forward_client_cert_details: 'APPEND_FORWARD' },
    on('x-forwarded-client-cert'),
    { headers: { 'x-forwarded-client-cert': 'By=forged' } },
    'unseen',
  ),
  seen(
    'x-forwarded-client-cert is seen where it is always forwarded',
    { forward_client_cert_details: 'ALWAYS_FORWARD_ONLY' },
    exactly('x-forwarded-client-cert', 'By=a'),
    { headers: { 'x-forwarded-client-cert': 'By=a' } },
    'seen',
  ),
  seen('x-forwarded-for of a sidecar is what it is told', {}, exactly('x-forwarded-for', '1.2.3.4'), { headers: OUTSIDE }, 'seen'),
  seen(
    'x-envoy-external-address of an edge',
    EDGE,
    on('x-envoy-external-address', { string_match: { prefix: '127.' } }),
    { headers: { ...OUTSIDE, 'x-envoy-external-address': '6.6.6.6' } },
    'seen',
  ),
  seen('x-envoy-internal from outside is hidden', EDGE, on('x-envoy-internal'), { headers: { ...OUTSIDE, 'x-envoy-internal': 'true' } }, 'unseen'),
  seen(
    'x-envoy-original-path from outside is hidden',
    EDGE,
    on('x-envoy-original-path'),
    { headers: { ...OUTSIDE, 'x-envoy-original-path': '/admin' } },
    'unseen',
  ),
  seen(
    'x-envoy-max-retries from outside is hidden',
    EDGE,
    on('x-envoy-max-retries'),
    { headers: { ...OUTSIDE, 'x-envoy-max-retries': '3' } },
    'unseen',
  ),
  seen('x-envoy-max-retries to a sidecar is hidden', {}, on('x-envoy-max-retries'), { headers: { 'x-envoy-max-retries': '3' } }, 'unseen'),
  seen(
    'x-envoy-decorator-operation from outside is hidden',
    EDGE,
    on('x-envoy-decorator-operation'),
    { headers: { ...OUTSIDE, 'x-envoy-decorator-operation': 'x' } },
    'unseen',
  ),
  seen('x-request-id that is made here is there', {}, on('x-request-id'), '/', 'seen'),
  seen(
    'x-request-id from outside is not the client’s',
    EDGE,
    exactly('x-request-id', 'mine'),
    { headers: { ...OUTSIDE, 'x-request-id': 'mine' } },
    'unseen',
  ),
  seen('x-request-id of a sidecar’s caller is kept', {}, exactly('x-request-id', 'mine'), { headers: { 'x-request-id': 'mine' } }, 'seen'),
  seen(
    'a name with an underscore that is dropped is hidden',
    { common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } },
    on('x_admin'),
    { headers: { x_admin: '1' } },
    'unseen',
  ),
  seen(
    'x-forwarded-host is the client’s',
    EDGE,
    exactly('x-forwarded-host', 'a.test'),
    { headers: { ...OUTSIDE, 'x-forwarded-host': 'a.test' } },
    'seen',
  ),
  seenOverTls('x-forwarded-proto is there', {}, exactly('x-forwarded-proto', 'https'), {}, 'seen'),
  seenOverTls(
    'x-forwarded-client-cert is the connection’s',
    { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: { uri: true } },
    on('x-forwarded-client-cert', { string_match: { suffix: 'URI=spiffe://parity.test/ns/test/sa/client' } }),
    { 'x-forwarded-client-cert': 'By=forged' },
    'seen',
  ),
  seenOverTls('x-forwarded-client-cert that is sanitized', {}, on('x-forwarded-client-cert'), { 'x-forwarded-client-cert': 'By=forged' }, 'unseen'),
  seenOverTls(
    'x-forwarded-client-cert that is only forwarded',
    { forward_client_cert_details: 'FORWARD_ONLY' },
    exactly('x-forwarded-client-cert', 'By=a'),
    { 'x-forwarded-client-cert': 'By=a' },
    'seen',
  ),
  seenOverTls(
    'x-forwarded-client-cert with one more element',
    { forward_client_cert_details: 'APPEND_FORWARD' },
    on('x-forwarded-client-cert', { string_match: { prefix: 'By=a,By=spiffe' } }),
    { 'x-forwarded-client-cert': 'By=a' },
    'seen',
  ),
  defineCase({
    name: 'RBAC: what is forged allows nothing',
    resources: (c) => filtered(c, [rbac('ALLOW', { name: 'x-forwarded-client-cert', string_match: { contains: 'sa/admin' } })]),
    steps: [http({ headers: { 'x-forwarded-client-cert': 'By=x;URI=spiffe://parity.test/ns/test/sa/admin' } }, { status: 403 })],
  }),
  defineCase({
    name: 'RBAC: plain text is denied whatever the client says',
    resources: (c) =>
      http1(c, [to(c, 'main')], { ...EDGE, ...chain(c, [rbac('DENY', { name: 'x-forwarded-proto', string_match: { exact: 'http' } })]) }),
    steps: [http({ headers: { 'x-forwarded-proto': 'https' } }, { status: 403 }), http('/', { status: 403 })],
  }),
  mutated('x-forwarded-for goes', EDGE, [{ remove: 'x-forwarded-for' }], OUTSIDE, { 'x-forwarded-for': null }),
  mutated('x-forwarded-for is another', EDGE, [set('x-forwarded-for', '9.9.9.9')], OUTSIDE, { 'x-forwarded-for': '9.9.9.9' }),
  mutated('x-forwarded-proto is another', EDGE, [set('x-forwarded-proto', 'https')], {}, { 'x-forwarded-proto': 'https' }),
  mutated('x-forwarded-proto goes', {}, [{ remove: 'x-forwarded-proto' }], {}, { 'x-forwarded-proto': null }),
  mutated('x-request-id is another', {}, [set('x-request-id', 'other')], { 'x-request-id': 'mine' }, { 'x-request-id': 'other' }),
  mutated('x-request-id that is made goes', {}, [{ remove: 'x-request-id' }], {}, { 'x-request-id': null }),
  mutated('x-request-id that is made stays', {}, [set('x-request-id', 'other', 'ADD_IF_ABSENT')], {}, { 'x-request-id': '<uuid>' }),
  mutated(
    'x-forwarded-client-cert is set',
    {},
    [set('x-forwarded-client-cert', 'By=filter')],
    { 'x-forwarded-client-cert': 'By=forged' },
    { 'x-forwarded-client-cert': 'By=filter' },
  ),
  mutated('x-envoy-external-address is another', EDGE, [set('x-envoy-external-address', '9.9.9.9')], OUTSIDE, {
    'x-envoy-external-address': '9.9.9.9',
  }),
  mutated('x-envoy-max-retries is set for the router', EDGE, [set('x-envoy-max-retries', '0')], OUTSIDE, { 'x-envoy-max-retries': null }),
  mutated(
    'headers by format see what this hop says',
    EDGE,
    [set('x-saw', '%REQ(x-forwarded-proto)% %REQ(x-forwarded-for)%')],
    { 'x-forwarded-proto': 'https' },
    { 'x-saw': 'http 127.0.0.1' },
  ),
];
