import { grpcReply } from '../backend/grpc-message.ts';
import type { BackendScript } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { chain, filter, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { http2, type Step } from '../steps.ts';

interface Setting {
  readonly filters: (c: CaseContext) => readonly object[];
  readonly backends?: Readonly<Record<string, BackendScript>>;
  readonly routes?: (c: CaseContext) => readonly object[];
}

const MAIN: Readonly<Record<string, BackendScript>> = { main: { t: 'http2', replies: [{ body: 'main' }] } };

/** HTTP/2 on both sides of the filters. */
function over2(name: string, { filters, backends = MAIN, routes = (c) => [to(c, 'main')] }: Setting, steps: readonly Step[]): ParityCase {
  return defineCase({
    name,
    backends,
    resources: (c) =>
      http1(
        c,
        routes(c),
        chain(c, filters(c)),
        Object.entries(backends).map(([backend, script]) => cluster(c, backend, 't' in script && script.t === 'http2' ? HTTP2_UPSTREAM : {})),
      ),
    steps,
  });
}

const rbac = (rules: object): object => filter('rbac', 'filters.http.rbac.v3.RBAC', { rules });
const headerIs = (name: string, value: string): object => ({ header: { name, string_match: { exact: value } } });
const denying = (permission: object): object => rbac({ action: 'DENY', policies: { p: { permissions: [permission], principals: [{ any: true }] } } });
const REFUSED = { status: 403, body: 'RBAC: access denied', backend: null } as const;
const PASSED = { status: 200, body: 'main' } as const;

const GRPC = { method: 'POST', path: '/pkg.Service/Method', headers: { 'content-type': 'application/grpc', te: 'trailers' } } as const;
const ANSWER: BackendScript = {
  t: 'http2',
  replies: [{ headers: { 'content-type': 'application/grpc' }, body: '\0\0\0\0\x02hi', trailers: { 'grpc-status': '0' } }],
};
const TEXT = 'a text that is long enough to be worth it. '.repeat(40);
const gzip = filter('gzip', 'filters.http.compressor.v3.Compressor', {
  compressor_library: { name: 'gzip', typed_config: any('compression.gzip.compressor.v3.Gzip') },
});
const set = (key: string, value: string): object => ({ append: { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } });
const mutation = (mutations: object): object => filter('mutation', 'filters.http.header_mutation.v3.HeaderMutation', { mutations });

/** Filters where requests come and go over HTTP/2. */
export const cases = [
  over2('a policy refuses a stream, and the others live', { filters: () => [denying(headerIs('x-bad', '1'))] }, [
    http2([{ path: '/1' }, { path: '/2', headers: { 'x-bad': '1' } }, { path: '/3' }], { responses: [PASSED, { status: 403 }, PASSED] }),
  ]),
  over2(
    'a policy sees method, path and authority',
    {
      filters: () => [
        denying({
          and_rules: { rules: [headerIs(':method', 'PUT'), headerIs(':authority', 'secret.test'), { url_path: { path: { exact: '/a' } } }] },
        }),
      ],
    },
    [
      http2({ method: 'PUT', path: '/a?b', authority: 'secret.test', body: 'x' }, { status: 403 }),
      http2({ method: 'PUT', path: '/a?b', authority: 'open.test', body: 'x' }, PASSED),
    ],
  ),
  over2('a gRPC call is refused in the way of gRPC', { filters: () => [rbac({})], backends: { main: ANSWER } }, [
    http2(
      { ...GRPC, body: '\0\0\0\0\0' },
      { status: 200, headers: { 'grpc-status': '7', 'grpc-message': 'RBAC: access denied', 'content-type': 'application/grpc' }, backend: null },
    ),
  ]),
  over2('a gRPC call passes, with its trailers', { filters: () => [denying(headerIs('x-bad', '1'))], backends: { main: ANSWER } }, [
    http2({ ...GRPC, body: '\0\0\0\0\0' }, { status: 200, body: '\0\0\0\0\x02hi', trailers: { 'grpc-status': '0' } }),
  ]),
  over2(
    'a gRPC method is a path',
    { filters: () => [denying({ url_path: { path: { exact: '/pkg.Service/Secret' } } })], backends: { main: ANSWER } },
    [http2({ ...GRPC, path: '/pkg.Service/Secret', body: '\0\0\0\0\0' }, { headers: { 'grpc-status': '7' } })],
  ),
  over2(
    'headers are changed both ways',
    {
      filters: () => [
        mutation({ request_mutations: [set('x-up', '%PROTOCOL%'), { remove: 'x-gone' }], response_mutations: [set('x-down', '%RESPONSE_CODE%')] }),
      ],
    },
    [http2({ headers: { 'x-gone': '1' } }, { ...PASSED, headers: { 'x-down': '200' }, backend: { headers: { 'x-up': 'HTTP/2', 'x-gone': null } } })],
  ),
  over2(
    'responses are compressed',
    { filters: () => [gzip], backends: { main: { t: 'http2', replies: [{ headers: { 'content-type': 'text/html' }, body: TEXT }] } } },
    [
      http2({ headers: { 'accept-encoding': 'gzip' } }, { status: 200, body: TEXT, headers: { 'content-encoding': 'gzip' } }),
      http2({}, { status: 200, body: TEXT, headers: { 'content-encoding': null } }),
    ],
  ),
  over2(
    'a preflight',
    {
      filters: () => [filter('cors', 'filters.http.cors.v3.Cors')],
      routes: (c) => [
        to(
          c,
          'main',
          { prefix: '/' },
          {},
          settings({
            cors: any('filters.http.cors.v3.CorsPolicy', { allow_origin_string_match: [{ exact: 'https://a.test' }], allow_methods: 'PUT' }),
          }),
        ),
      ],
    },
    [
      http2(
        { method: 'OPTIONS', headers: { origin: 'https://a.test', 'access-control-request-method': 'PUT' } },
        { status: 200, headers: { 'access-control-allow-origin': 'https://a.test', 'access-control-allow-methods': 'PUT' }, backend: null },
      ),
    ],
  ),
  over2(
    'a request is held until its body is whole',
    { filters: () => [filter('buffer', 'filters.http.buffer.v3.Buffer', { max_request_bytes: 10_000 })] },
    [
      http2(
        { method: 'POST', body: ['abc', 'def', 'g'.repeat(5000)] },
        { ...PASSED, backend: { body: `abcdef${'g'.repeat(5000)}`, headers: { 'content-length': '5006' } } },
      ),
    ],
  ),
  over2(
    'a fault',
    { filters: () => [filter('fault', 'filters.http.fault.v3.HTTPFault', { abort: { http_status: 418, percentage: { numerator: 100 } } })] },
    [http2({}, { status: 418, body: 'fault filter abort' })],
  ),
  over2(
    'an authorization service sees the stream',
    {
      filters: (c) => [
        filter('authz', 'filters.http.ext_authz.v3.ExtAuthz', {
          transport_api_version: 'V3',
          grpc_service: { envoy_grpc: { cluster_name: c.name('authz') }, timeout: '5s' },
          with_request_body: { max_request_bytes: 100 },
        }),
      ],
      backends: {
        ...MAIN,
        authz: {
          t: 'http2',
          replies: grpcReply('envoy.service.auth.v3.CheckResponse', { ok_response: { headers: [{ header: { key: 'x-user', value: 'ann' } }] } }),
        },
      },
    },
    [
      http2(
        { method: 'POST', path: '/a', body: 'hello', headers: { 'x-a': '1' } },
        {
          ...PASSED,
          backend: [
            { at: 'authz', body: /"body":"hello"/ },
            { at: 'main', body: 'hello', headers: { 'x-user': 'ann' } },
          ],
        },
      ),
    ],
  ),
  over2(
    'limits are told',
    {
      filters: () => [
        filter('limit', 'filters.http.local_ratelimit.v3.LocalRateLimit', {
          stat_prefix: 'x',
          token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '3600s' },
          filter_enabled: { default_value: { numerator: 100 } },
          filter_enforced: { default_value: { numerator: 100 } },
        }),
      ],
    },
    [http2([{ path: '/1' }, { path: '/2' }], { responses: [PASSED, { status: 429, body: 'local_rate_limited' }] })],
  ),
  over2('direct responses', { filters: () => [denying(headerIs('x-bad', '1'))], routes: () => [direct('here')] }, [
    http2([{}, { headers: { 'x-bad': '1' } }], { responses: [{ status: 200, body: 'here' }, { status: 403 }] }),
  ]),
  over2(
    'HTTP/1.1 behind a filter that holds',
    { filters: () => [filter('buffer', 'filters.http.buffer.v3.Buffer', { max_request_bytes: 10_000 })], backends: { main: [{ body: 'main' }] } },
    [http2({ method: 'POST', body: ['abc', 'def'] }, { ...PASSED, backend: { body: 'abcdef', headers: { 'content-length': '6' } } })],
  ),
  over2('a refusal before anything', { filters: () => [rbac({})] }, [http2({}, REFUSED)]),
];
