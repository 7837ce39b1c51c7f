import { grpcReply } from '../backend/grpc-message.ts';
import type { BackendScript, Reply } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { chain, filter, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { http, type Step } from '../steps.ts';

const TYPE = 'filters.http.ratelimit.v3.RateLimit';
const PASSED = { status: 200, body: 'main' } as const;
const answer = (json: object): readonly Reply[] => grpcReply('envoy.service.ratelimit.v3.RateLimitResponse', json);
const OK = answer({ overall_code: 'OK' });
const OVER = answer({ overall_code: 'OVER_LIMIT' });
const generic = (value: string, more: object = {}): object => ({ ...more, actions: [{ generic_key: { descriptor_value: value } }] });
const RULES = { rate_limits: [generic('all')] };

interface Setting {
  readonly limits?: BackendScript | readonly Reply[];
  readonly fields?: object;
  readonly routes?: (c: CaseContext) => readonly object[];
  readonly log?: ParityCase['log'];
}

/** `limits` are the answers of the service. */
function asks(
  name: string,
  { limits = OK, fields = {}, routes = (c) => [to(c, 'main', { prefix: '/' }, RULES)], log }: Setting,
  steps: readonly Step[],
): ParityCase {
  const script: BackendScript = Array.isArray(limits) ? { t: 'http2', replies: limits as readonly Reply[] } : (limits as BackendScript);
  return defineCase({
    name,
    backends: { main: [{ body: 'main' }], limits: script },
    resources: (c) => {
      const service = { grpc_service: { envoy_grpc: { cluster_name: c.name('limits') } }, transport_api_version: 'V3' };
      const asking = filter('limit', TYPE, { domain: 'test', timeout: '5s', rate_limit_service: service, ...fields });
      return http1(c, routes(c), chain(c, [asking]), [cluster(c, 'main'), cluster(c, 'limits', HTTP2_UPSTREAM)]);
    },
    steps,
    ...(log === undefined ? {} : { log }),
  });
}

const question = (...descriptors: readonly object[]): RegExp =>
  new RegExp(
    JSON.stringify(descriptors)
      .slice(1, -1)
      .replace(/[[\]{}.]/g, '\\$&'),
  );
const entries = (...pairs: readonly (readonly [string, string])[]): object => ({ entries: pairs.map(([key, value]) => ({ key, value })) });
const perRoute = (config: object): object => settings({ limit: any('filters.http.ratelimit.v3.RateLimitPerRoute', config) });

/** The rate limit service. */
export const cases = [
  asks('a request within its limit passes', {}, [
    http('/', { ...PASSED, backend: [{ at: 'limits', body: question(entries(['generic_key', 'all'])) }, { at: 'main' }] }),
  ]),
  asks('a request beyond its limit does not', { limits: OVER, log: [{ code: 429, flags: 'RL', details: 'request_rate_limited' }] }, [
    http('/', { status: 429, body: '', headers: { 'x-envoy-ratelimited': 'true' }, backend: { at: 'limits' } }),
  ]),
  asks('without a descriptor nobody is asked', { limits: OVER, routes: (c) => [to(c, 'main')] }, [http('/', { ...PASSED, backend: { at: 'main' } })]),
  asks(
    'a refusal with other words',
    {
      limits: answer({
        overall_code: 'OVER_LIMIT',
        raw_body: Buffer.from('slow down').toString('base64'),
        response_headers_to_add: [{ key: 'x-told', value: 'yes' }],
      }),
      fields: {
        rate_limited_status: { code: 'ServiceUnavailable' },
        disable_x_envoy_ratelimited_header: true,
        response_headers_to_add: [{ header: { key: 'x-own', value: 'yes' } }],
      },
    },
    [http('/', { status: 503, body: 'slow down', headers: { 'x-envoy-ratelimited': null, 'x-told': 'yes', 'x-own': 'yes' } })],
  ),
  asks(
    'headers for application and client',
    {
      limits: answer({
        overall_code: 'OK',
        request_headers_to_add: [{ key: 'x-up', value: '1' }],
        response_headers_to_add: [{ key: 'x-down', value: '2' }],
      }),
    },
    [http('/', { ...PASSED, headers: { 'x-down': '2' }, backend: [{ at: 'limits' }, { at: 'main', headers: { 'x-up': '1' } }] })],
  ),
  asks('a service that fails is passed over', { limits: [{ after: 'reset' }] }, [http('/', PASSED)]),
  asks(
    'a service that fails refuses where it shall',
    { limits: [{ after: 'reset' }], fields: { failure_mode_deny: true }, log: [{ code: 500, flags: 'RLSE', details: 'rate_limiter_error' }] },
    [http('/', { status: 500, body: '' })],
  ),
  asks(
    'the status of a failure',
    { limits: [{ after: 'reset' }], fields: { failure_mode_deny: true, status_on_error: { code: 'ServiceUnavailable' } } },
    [http('/', { status: 503 })],
  ),
  asks('a service that is too slow is passed over', { limits: [{ silent: true }], fields: { timeout: '0.05s' } }, [http('/', PASSED)]),
  asks(
    'descriptors of every kind',
    {
      routes: (c) => [
        to(
          c,
          'main',
          { prefix: '/' },
          {
            rate_limits: [
              { actions: [{ destination_cluster: {} }, { remote_address: {} }] },
              {
                actions: [
                  { request_headers: { header_name: 'x-user', descriptor_key: 'user' } },
                  { generic_key: { descriptor_key: 'own', descriptor_value: 'v' } },
                ],
              },
              { actions: [{ header_value_match: { descriptor_value: 'get', headers: [{ name: ':method', string_match: { exact: 'GET' } }] } }] },
              {
                actions: [
                  {
                    header_value_match: {
                      descriptor_key: 'not',
                      descriptor_value: 'post',
                      expect_match: false,
                      headers: [{ name: ':method', string_match: { exact: 'POST' } }],
                    },
                  },
                ],
              },
              { actions: [{ request_headers: { header_name: 'x-none', descriptor_key: 'none' } }] },
            ],
          },
        ),
      ],
    },
    [
      http(
        { headers: { 'x-user': 'ann' } },
        {
          ...PASSED,
          backend: [
            { at: 'limits', body: question(entries(['user', 'ann'], ['own', 'v']), entries(['header_match', 'get']), entries(['not', 'post'])) },
            { at: 'main' },
          ],
        },
      ),
    ],
  ),
  asks(
    'only rules of its stage',
    { fields: { stage: 1 }, routes: (c) => [to(c, 'main', { prefix: '/' }, { rate_limits: [generic('zero'), generic('one', { stage: 1 })] })] },
    [http('/', { ...PASSED, backend: [{ at: 'limits', body: question(entries(['generic_key', 'one'])) }, { at: 'main' }] })],
  ),
  asks(
    'rules of the virtual host',
    {
      routes: (c) => [
        {
          name: 'v',
          domains: ['*'],
          rate_limits: [generic('host')],
          routes: [
            to(c, 'main', { prefix: '/own' }, { rate_limits: [generic('route')] }),
            to(c, 'main', { prefix: '/both' }, { rate_limits: [generic('route')] }, perRoute({ vh_rate_limits: 'INCLUDE' })),
            to(c, 'main', { prefix: '/none' }, {}, perRoute({ vh_rate_limits: 'IGNORE' })),
            to(c, 'main', { prefix: '/domain' }, {}, perRoute({ domain: 'another' })),
            to(c, 'main'),
          ],
        },
      ],
    },
    [
      http('/own', { backend: [{ at: 'limits', body: question(entries(['generic_key', 'route'])) }, { at: 'main' }] }),
      http('/both', {
        backend: [{ at: 'limits', body: question(entries(['generic_key', 'route']), entries(['generic_key', 'host'])) }, { at: 'main' }],
      }),
      http('/none', { backend: [{ at: 'main' }] }),
      http('/domain', { backend: [{ at: 'limits', body: /"domain":"another"/ }, { at: 'main' }] }),
      http('/other', { backend: [{ at: 'limits', body: question(entries(['generic_key', 'host'])) }, { at: 'main' }] }),
    ],
  ),
  asks(
    'what is left is told',
    {
      fields: { enable_x_ratelimit_headers: 'DRAFT_VERSION_03' },
      limits: answer({
        overall_code: 'OK',
        statuses: [
          { code: 'OK', current_limit: { requests_per_unit: 10, unit: 'MINUTE', name: 'first' }, limit_remaining: 7, duration_until_reset: '30s' },
          { code: 'OK', current_limit: { requests_per_unit: 100, unit: 'HOUR' }, limit_remaining: 3, duration_until_reset: '600s' },
        ],
      }),
    },
    [
      http('/', {
        ...PASSED,
        headers: { 'x-ratelimit-limit': '100, 10;w=60;name="first", 100;w=3600', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '600' },
      }),
    ],
  ),
  asks('gRPC is told by a status of its own', { limits: OVER, fields: { rate_limited_as_resource_exhausted: true } }, [
    http({ method: 'POST', headers: { 'content-type': 'application/grpc' }, body: '' }, { status: 200, headers: { 'grpc-status': '8' } }),
  ]),
];
