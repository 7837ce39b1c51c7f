import { grpcReply } from '../backend/grpc-message.ts';
import { ofCluster, ofHttp } from '../counts.ts';
import { defineCase } from '../define.ts';
import { chain, filter, filtered, settings } from '../filters.ts';
import { any, cluster, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { http } from '../steps.ts';

const ALWAYS = { numerator: 100 };
const PASSED = { status: 200, body: 'main' } as const;
/** What every case counts of its connections and requests. */
const TRAFFIC = /^downstream_|^rq_|^no_|retry|^passthrough|^rs_/;

const fault = (config: object): object => filter('fault', 'filters.http.fault.v3.HTTPFault', config);
const limit = (c: { name(name: string): string }): object =>
  filter('limit', 'filters.http.ratelimit.v3.RateLimit', {
    domain: 'test',
    timeout: '5s',
    rate_limit_service: { grpc_service: { envoy_grpc: { cluster_name: c.name('limits') } }, transport_api_version: 'V3' },
  });
const RULES = { rate_limits: [{ actions: [{ generic_key: { descriptor_value: 'all' } }] }] };
const answer = (code: string): ReturnType<typeof grpcReply> => grpcReply('envoy.service.ratelimit.v3.RateLimitResponse', { overall_code: code });

const tokens = (config: object): object =>
  filter('tokens', 'filters.http.jwt_authn.v3.JwtAuthentication', {
    providers: { p: { issuer: 'i', local_jwks: { inline_string: '{"keys":[{"kty":"oct","k":"AA","alg":"HS256"}]}' } } },
    ...config,
  });
const PER_ROUTE = 'filters.http.jwt_authn.v3.PerRouteConfig';
const PREFLIGHT = { method: 'OPTIONS', headers: { origin: 'http://a', 'access-control-request-method': 'GET', 'content-length': '0' } } as const;
/** What is counted of keys is Envoy's own affair. */
const TOKENS = new RegExp(`${TRAFFIC.source}|jwks|cache`);

/** What filters count. */
export const cases = [
  defineCase({
    name: 'faults',
    resources: (c) =>
      filtered(c, [
        fault({
          abort: { header_abort: {}, percentage: ALWAYS },
          delay: { header_delay: {}, percentage: ALWAYS },
          response_rate_limit: { header_limit: {}, percentage: ALWAYS },
        }),
      ]),
    steps: [
      http('/', PASSED),
      http({ headers: { 'x-envoy-fault-abort-request': '418' } }, { status: 418 }),
      http({ headers: { 'x-envoy-fault-abort-request': '418', 'x-envoy-fault-delay-request': '5' } }, { status: 418 }),
      http({ headers: { 'x-envoy-fault-throughput-response': '100' } }, PASSED),
      ofHttp({ 'fault.aborts_injected': 2, 'fault.delays_injected': 1, 'fault.response_rl_injected': 1 }, TRAFFIC),
    ],
  }),
  defineCase({
    name: 'as many faults as there may be',
    resources: (c) => filtered(c, [fault({ abort: { http_status: 418, percentage: ALWAYS }, max_active_faults: 0 })]),
    steps: [http('/', PASSED), http('/', PASSED), ofHttp({ 'fault.faults_overflow': 2 }, TRAFFIC)],
  }),
  defineCase({
    name: 'each fault that would have been is over the limit, and no other request',
    resources: (c) =>
      filtered(c, [
        fault({
          abort: { header_abort: {}, percentage: ALWAYS },
          delay: { header_delay: {}, percentage: ALWAYS },
          max_active_faults: 0,
        }),
      ]),
    steps: [
      http('/', PASSED),
      http('/', PASSED),
      http('/', PASSED),
      http({ headers: { 'x-envoy-fault-abort-request': '418', 'x-envoy-fault-delay-request': '5' } }, PASSED),
      ofHttp({ 'fault.faults_overflow': 2 }, TRAFFIC),
    ],
  }),
  defineCase({
    name: 'an authorization service over HTTP',
    backends: { main: [{ body: 'main' }], authz: [{ status: 200 }, { status: 403 }, { status: 503 }] },
    resources: (c) =>
      http1(
        c,
        [to(c, 'main')],
        chain(c, [
          filter('authz', 'filters.http.ext_authz.v3.ExtAuthz', {
            transport_api_version: 'V3',
            stat_prefix: 'own',
            failure_mode_allow: true,
            http_service: { server_uri: { uri: 'http://authz.test', cluster: c.name('authz'), timeout: '5s' } },
          }),
        ]),
      ),
    steps: [
      http('/', PASSED),
      http('/', { status: 403 }),
      http('/', PASSED),
      ofHttp({ 'ext_authz.own.ok': 1, 'ext_authz.own.denied': 1, 'ext_authz.own.error': 1, 'ext_authz.own.failure_mode_allowed': 1 }, TRAFFIC),
    ],
  }),
  defineCase({
    name: 'tokens',
    resources: (c) =>
      filtered(c, [
        tokens({ rules: [{ match: { path: '/open' } }, { match: { prefix: '/' }, requires: { provider_name: 'p' } }], bypass_cors_preflight: true }),
      ]),
    steps: [
      http('/open', PASSED),
      http('/', { status: 401 }),
      http({ headers: { authorization: 'Bearer nonsense' } }, { status: 401 }),
      http({ path: '/', ...PREFLIGHT }, PASSED),
      ofHttp({ 'jwt_authn.allowed': 2, 'jwt_authn.denied': 2, 'jwt_authn.cors_preflight_bypassed': 1 }, TOKENS),
    ],
  }),
  defineCase({
    name: 'where no token is demanded, and of preflights, whatever is demanded',
    resources: (c) =>
      filtered(
        c,
        [tokens({ rules: [{ match: { path: '/in' }, requires: { provider_name: 'p' } }], bypass_cors_preflight: true })],
        [
          to(c, 'main', { path: '/off' }, {}, settings({ tokens: any(PER_ROUTE, { disabled: true }) })),
          to(c, 'main', { path: '/wrong' }, {}, settings({ tokens: any(PER_ROUTE, { requirement_name: 'none' }) })),
          to(c, 'main'),
        ],
      ),
    steps: [
      http('/off', PASSED),
      http('/open', PASSED),
      http('/wrong', { status: 403 }),
      ...['/in', '/off', '/open', '/wrong'].map((path) => http({ path, ...PREFLIGHT }, PASSED)),
      ofHttp({ 'jwt_authn.allowed': 6, 'jwt_authn.denied': 1, 'jwt_authn.cors_preflight_bypassed': 4 }, TOKENS),
    ],
  }),
  defineCase({
    name: 'tokens, and no rule that demands any',
    resources: (c) => filtered(c, [tokens({})]),
    steps: [http('/', PASSED), ofHttp({ 'jwt_authn.allowed': 1 }, TOKENS)],
  }),
  defineCase({
    name: 'a rate-limit service: counted of the cluster that is asked for',
    backends: { main: [{ body: 'main' }], limits: { t: 'http2', replies: [...answer('OK'), ...answer('OVER_LIMIT'), { status: 503 }] } },
    resources: (c) =>
      http1(c, [to(c, 'main', { prefix: '/' }, RULES)], chain(c, [limit(c)]), [cluster(c, 'main'), cluster(c, 'limits', HTTP2_UPSTREAM)]),
    steps: [
      http('/', PASSED),
      http('/', { status: 429 }),
      http('/', PASSED),
      ofCluster(
        'main',
        { 'ratelimit.ok': 1, 'ratelimit.over_limit': 1, 'ratelimit.error': 1, 'ratelimit.failure_mode_allowed': 1 },
        /upstream_|membership|^assignment|warm/,
      ),
    ],
  }),
];
