import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, to } from '../resources.ts';
import { http, type Step } from '../steps.ts';

const ALL = { default_value: { numerator: 100 } };
const NONE = { default_value: { numerator: 0 } };
const TYPE = 'filters.http.local_ratelimit.v3.LocalRateLimit';
const bucket = (maxTokens: number, more: object = {}): object => ({ max_tokens: maxTokens, tokens_per_fill: 1, fill_interval: '3600s', ...more });
const limit = (fields: object = {}): object => ({
  stat_prefix: 'limit',
  token_bucket: bucket(1),
  filter_enabled: ALL,
  filter_enforced: ALL,
  ...fields,
});
const limiter = (fields: object = {}): object => filter('limit', TYPE, limit(fields));

const LIMITED = { status: 429, body: 'local_rate_limited', backend: null } as const;
const PASSED = { status: 200 } as const;

function limits(name: string, fields: object, steps: readonly Step[], route: object = {}): ParityCase {
  return defineCase({ name, resources: (c) => filtered(c, [limiter(fields)], [to(c, 'main', { prefix: '/' }, route)]), steps });
}

const descriptor = (key: string, value: string, tokens: number): object => ({ entries: [{ key, value }], token_bucket: bucket(tokens) });
const byHeader = (name: string): object => ({ actions: [{ request_headers: { header_name: name, descriptor_key: name } }] });
const user = (value: string) => ({ headers: { 'x-user': value } }) as const;

const own = (c: CaseContext, match: object, fields: object): object => to(c, 'main', match, {}, settings({ limit: any(TYPE, limit(fields)) }));

/** The local rate limit: token buckets of the proxy's own. */
export const cases = [
  defineCase({
    name: 'a bucket of two lets two requests pass',
    resources: (c) => filtered(c, [limiter({ token_bucket: bucket(2) })]),
    steps: [http('/', PASSED), http('/', PASSED), http('/', { ...LIMITED, headers: { 'content-type': 'text/plain' } })],
    log: [{ code: 200 }, { code: 200 }, { code: 429, flags: 'RL', details: 'local_rate_limited' }],
  }),
  limits('a limit that is not enforced counts only', { filter_enforced: NONE }, [http('/', PASSED), http('/', PASSED)]),
  limits('a limit that is off', { filter_enabled: NONE }, [http('/', PASSED), http('/', PASSED)]),
  limits('without shares nothing is limited', { filter_enabled: undefined, filter_enforced: undefined }, [http('/', PASSED), http('/', PASSED)]),
  limits('another status', { status: { code: 'ServiceUnavailable' } }, [http('/', PASSED), http('/', { status: 503 })]),
  limits('a status that is no error is 429', { status: { code: 'OK' } }, [http('/', PASSED), http('/', { status: 429 })]),
  limits('headers of a refusal', { response_headers_to_add: [{ header: { key: 'x-limit', value: 'yes' } }] }, [
    http('/', { status: 200, headers: { 'x-limit': null } }),
    http('/', { status: 429, headers: { 'x-limit': 'yes' } }),
  ]),
  limits(
    'headers of a request that would have been refused',
    {
      filter_enforced: NONE,
      request_headers_to_add_when_not_enforced: [{ header: { key: 'x-over', value: 'yes' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
    },
    [http('/', { backend: { headers: { 'x-over': null } } }), http('/', { backend: { headers: { 'x-over': 'yes' } } })],
  ),
  limits('what is left is told', { token_bucket: bucket(3), enable_x_ratelimit_headers: 'DRAFT_VERSION_03' }, [
    http('/', { headers: { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '2' } }),
    http('/', { headers: { 'x-ratelimit-remaining': '1' } }),
    http('/', { headers: { 'x-ratelimit-remaining': '0' } }),
    http('/', { status: 429, headers: { 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '0' } }),
  ]),
  limits('each connection has its own bucket', { local_rate_limit_per_downstream_connection: true }, [
    http('/', PASSED, { on: 'a' }),
    http('/', LIMITED, { on: 'a' }),
    http('/', PASSED, { on: 'b' }),
  ]),
  limits(
    'a descriptor has its own bucket',
    { token_bucket: bucket(10), descriptors: [descriptor('x-user', 'ann', 1), descriptor('x-user', 'bob', 2)] },
    [
      http(user('ann'), PASSED),
      http(user('ann'), LIMITED),
      http(user('bob'), PASSED),
      http(user('bob'), PASSED),
      http(user('bob'), LIMITED),
      http(user('eve'), PASSED),
    ],
    { rate_limits: [byHeader('x-user')] },
  ),
  limits(
    'requests without a descriptor draw from the common bucket',
    { descriptors: [descriptor('x-user', 'ann', 5)], always_consume_default_token_bucket: false },
    [http(user('ann'), PASSED), http(user('ann'), PASSED), http('/', PASSED), http('/', LIMITED), http(user('ann'), PASSED)],
    { rate_limits: [byHeader('x-user')] },
  ),
  limits(
    'a descriptor draws from the common bucket too',
    { token_bucket: bucket(2), descriptors: [descriptor('x-user', 'ann', 5)] },
    [http(user('ann'), PASSED), http(user('ann'), PASSED), http(user('ann'), LIMITED)],
    { rate_limits: [byHeader('x-user')] },
  ),
  limits(
    'descriptors of other kinds',
    {
      token_bucket: bucket(100),
      descriptors: [
        descriptor('generic_key', 'all', 100),
        {
          entries: [
            { key: 'generic_key', value: 'slow' },
            { key: 'header_match', value: 'beta' },
          ],
          token_bucket: bucket(1),
        },
        { entries: [{ key: 'remote_address', value: '127.0.0.5' }], token_bucket: bucket(1) },
        { entries: [{ key: 'query_match', value: 'search' }], token_bucket: bucket(1) },
        { entries: [{ key: 'masked_remote_address', value: '127.9.0.0/16' }], token_bucket: bucket(1) },
      ],
    },
    [
      http({ headers: { 'x-beta': '1' } }, PASSED),
      http({ headers: { 'x-beta': '1' } }, LIMITED),
      http('/', PASSED, { from: '127.0.0.5' }),
      http('/', LIMITED, { from: '127.0.0.5' }),
      http('/?q=x', PASSED),
      http('/?q=y', LIMITED),
      http('/?p=y', PASSED),
      http('/', PASSED, { from: '127.9.1.1' }),
      http('/', LIMITED, { from: '127.9.2.2' }),
    ],
    {
      rate_limits: [
        {
          actions: [
            { generic_key: { descriptor_value: 'slow' } },
            { header_value_match: { descriptor_value: 'beta', headers: [{ name: 'x-beta', present_match: true }] } },
          ],
        },
        { actions: [{ remote_address: {} }] },
        { actions: [{ query_parameter_value_match: { descriptor_value: 'search', query_parameters: [{ name: 'q', present_match: true }] } }] },
        { actions: [{ masked_remote_address: { v4_prefix_mask_len: 16 } }] },
      ],
    },
  ),
  limits(
    'a header that is missing is left out of its descriptor where it may be',
    {
      token_bucket: bucket(100),
      descriptors: [{ entries: [{ key: 'generic_key', value: 'a' }], token_bucket: bucket(1) }],
    },
    [http('/', PASSED), http('/', LIMITED)],
    {
      rate_limits: [
        {
          actions: [
            { generic_key: { descriptor_value: 'a' } },
            { request_headers: { header_name: 'x-none', descriptor_key: 'k', skip_if_absent: true } },
          ],
        },
      ],
    },
  ),
  limits(
    'only rules of its stage count',
    { token_bucket: bucket(100), stage: 2, descriptors: [descriptor('generic_key', 'a', 1)] },
    [http('/', PASSED), http('/', PASSED)],
    { rate_limits: [{ stage: 1, actions: [{ generic_key: { descriptor_value: 'a' } }] }] },
  ),
  defineCase({
    name: 'a route has its own bucket',
    resources: (c) =>
      filtered(c, [limiter({ token_bucket: bucket(100) })], [own(c, { prefix: '/a' }, {}), own(c, { prefix: '/b' }, {}), to(c, 'main')]),
    steps: [http('/a', PASSED), http('/a', LIMITED), http('/b', PASSED), http('/b', LIMITED), http('/c', PASSED), http('/c', PASSED)],
  }),
  defineCase({
    name: 'the routes of a virtual host share its bucket',
    resources: (c) =>
      filtered(
        c,
        [filter('limit', TYPE, { stat_prefix: 'x' })],
        [{ name: 'v', domains: ['*'], ...settings({ limit: any(TYPE, limit()) }), routes: [to(c, 'main', { prefix: '/a' }), to(c, 'main')] }],
      ),
    steps: [http('/a', PASSED), http('/b', LIMITED)],
  }),
  defineCase({
    name: "a virtual host's rules count where the route has none",
    resources: (c) =>
      filtered(
        c,
        [limiter({ token_bucket: bucket(100), descriptors: [descriptor('generic_key', 'host', 1), descriptor('generic_key', 'route', 1)] })],
        [
          {
            name: 'v',
            domains: ['*'],
            rate_limits: [{ actions: [{ generic_key: { descriptor_value: 'host' } }] }],
            routes: [
              to(c, 'main', { prefix: '/own' }, { rate_limits: [{ actions: [{ generic_key: { descriptor_value: 'route' } }] }] }),
              to(c, 'main'),
            ],
          },
        ],
      ),
    steps: [http('/own', PASSED), http('/own', LIMITED), http('/other', PASSED), http('/other', LIMITED)],
  }),
  defineCase({
    name: 'gRPC is told by a status of its own',
    resources: (c) => filtered(c, [limiter({ rate_limited_as_resource_exhausted: true })]),
    steps: [
      http('/', PASSED),
      http(
        { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: '' },
        { status: 200, headers: { 'grpc-status': '8', 'content-type': 'application/grpc' } },
      ),
    ],
  }),
];
