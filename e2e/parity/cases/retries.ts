import { defineCase, type ParityCase } from '../define.ts';
import type { Reply } from '../backend/script.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, endpoint, http1, to, type Resources } from '../resources.ts';
import { count, http, type Http1Request } from '../steps.ts';

const FAST = { retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' } };
const GOOD: Reply = { body: 'good' };
const TWICE = [503, 503].map((status): Reply => ({ status }));

interface Attempt {
  readonly retry: object;
  readonly replies: readonly Reply[];
  readonly request?: Http1Request;
  readonly route?: object;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** The client's headers are obeyed. */
const INTERNAL = { use_remote_address: true, internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] } };
/** Without a time-out there is no header that says how much of it is left. */
const REFUSED = 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure';
const UNTIMED = { timeout: '0s' };

/** A response may say when to come back, within five seconds. */
const limited = (c: CaseContext, timeout: string): Resources =>
  http1(c, [
    to(c, 'main', undefined, {
      retry_policy: {
        ...FAST,
        retry_on: '5xx',
        rate_limited_retry_back_off: { reset_headers: [{ name: 'retry-after', format: 'SECONDS' }], max_interval: '5s' },
      },
      timeout,
    }),
  ]);

/** One request; how often the backend sees it is what counts, and what the client gets. */
function tries(
  name: string,
  { retry, replies, request = {}, route = {}, options = {} }: Attempt,
  expected: { readonly status: number; readonly attempts: number; readonly body?: string },
): ParityCase {
  return defineCase({
    name,
    backends: { main: replies },
    resources: (c) => http1(c, [to(c, 'main', undefined, { ...UNTIMED, retry_policy: { ...FAST, ...retry }, ...route })], options),
    steps: [
      http(request, {
        status: expected.status,
        ...(expected.body === undefined ? {} : { body: expected.body }),
        backend: Array.from({ length: expected.attempts }, () => ({})),
      }),
    ],
    log: [{ code: expected.status, attempts: expected.attempts }],
  });
}

const retriedOnce = (name: string, retry: object, first: Reply, more: Partial<Attempt> = {}): ParityCase =>
  tries(name, { retry, replies: [first, GOOD], ...more }, { status: 200, attempts: 2, body: 'good' });
const passedOn = (name: string, retry: object, first: Reply, status: number, more: Partial<Attempt> = {}): ParityCase =>
  tries(name, { retry, replies: [first, GOOD], ...more }, { status, attempts: 1 });

const predicate = (name: string, type: string, config: object = {}): object => ({ name, typed_config: any(`retry.host.${type}`, config) });

const PREVIOUS_HOSTS = predicate('previous', 'previous_hosts.v3.PreviousHostsPredicate');
const PREVIOUS_PRIORITIES = {
  name: 'envoy.retry_priorities.previous_priorities',
  typed_config: any('retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', { update_frequency: 1 }),
};

/** Endpoints by priority. */
function group(c: CaseContext, levels: readonly (readonly (string | object)[])[]): object {
  const endpoints = levels.map((hosts, priority) => ({
    priority,
    lb_endpoints: hosts.map((host) => (typeof host === 'string' ? endpoint(c, host) : host)),
  }));
  return { cluster_name: c.name('all'), endpoints };
}

/** A cluster whose first priority is a host that is not there. */
function firstGone(c: CaseContext, retry: object, second: string): Resources {
  const policy = { ...UNTIMED, retry_policy: { ...FAST, ...retry } };
  return http1(c, [to(c, 'all', undefined, policy)], {}, [cluster(c, 'all', { load_assignment: group(c, [['gone'], [second]]) }, [])]);
}

export const cases = [
  retriedOnce('5xx retries a 500', { retry_on: '5xx' }, { status: 500 }),
  retriedOnce('5xx retries a reset', { retry_on: '5xx' }, { after: 'reset' }),
  passedOn('5xx lets a 404 pass', { retry_on: '5xx' }, { status: 404 }, 404),
  passedOn('gateway-error lets a 500 pass', { retry_on: 'gateway-error' }, { status: 500 }, 500),
  retriedOnce('gateway-error retries a 502', { retry_on: 'gateway-error' }, { status: 502 }),
  retriedOnce('gateway-error retries a 504', { retry_on: 'gateway-error' }, { status: 504 }),
  retriedOnce('reset retries a connection that breaks', { retry_on: 'reset' }, { after: 'reset' }),
  passedOn('reset lets a 503 pass', { retry_on: 'reset' }, { status: 503 }, 503),
  passedOn('connect-failure lets a reset pass', { retry_on: 'connect-failure' }, { after: 'close' }, 503),
  passedOn('reset-before-request lets a reset after the request pass', { retry_on: 'reset-before-request' }, { after: 'close' }, 503),
  retriedOnce('retriable-4xx retries a 409', { retry_on: 'retriable-4xx' }, { status: 409 }),
  passedOn('retriable-4xx lets a 404 pass', { retry_on: 'retriable-4xx' }, { status: 404 }, 404),
  retriedOnce('retriable status codes', { retry_on: 'retriable-status-codes', retriable_status_codes: [418] }, { status: 418 }),
  passedOn('retriable status codes without the condition', { retry_on: 'reset', retriable_status_codes: [418] }, { status: 418 }, 418),
  retriedOnce(
    'retriable headers',
    { retry_on: 'retriable-headers', retriable_headers: [{ name: 'x-again', string_match: { exact: 'yes' } }] },
    {
      status: 200,
      headers: { 'x-again': 'yes' },
    },
  ),
  passedOn(
    'retriable headers with another value',
    { retry_on: 'retriable-headers', retriable_headers: [{ name: 'x-again', string_match: { exact: 'yes' } }] },
    { status: 200, headers: { 'x-again': 'no' } },
    200,
  ),
  passedOn('a rate-limited answer is not retried', { retry_on: '5xx' }, { status: 503, headers: { 'x-envoy-ratelimited': 'true' } }, 503),
  retriedOnce('envoy-ratelimited asks for just that', { retry_on: 'envoy-ratelimited' }, { status: 429, headers: { 'x-envoy-ratelimited': 'true' } }),
  retriedOnce(
    'a gRPC status in the head',
    { retry_on: 'unavailable,cancelled' },
    { headers: { 'content-type': 'application/grpc', 'grpc-status': '14' } },
  ),
  passedOn('another gRPC status', { retry_on: 'unavailable' }, { headers: { 'content-type': 'application/grpc', 'grpc-status': '5' } }, 200),
  tries(
    'the last answer is passed on when retries are used up',
    { retry: { retry_on: '5xx', num_retries: 2 }, replies: [{ status: 503, body: 'bad' }] },
    { status: 503, attempts: 3, body: 'bad' },
  ),
  tries('num_retries 0 is none', { retry: { retry_on: '5xx', num_retries: 0 }, replies: [...TWICE, GOOD] }, { status: 503, attempts: 1 }),
  tries('the default is one retry', { retry: { retry_on: '5xx' }, replies: [...TWICE, GOOD] }, { status: 503, attempts: 2 }),
  passedOn(
    'request headers may be a condition',
    { retry_on: '5xx', retriable_request_headers: [{ name: 'x-safe', present_match: true }] },
    { status: 503 },
    503,
  ),
  retriedOnce(
    'request headers may be a condition that holds',
    { retry_on: '5xx', retriable_request_headers: [{ name: 'x-safe', present_match: true }] },
    { status: 503 },
    {
      request: { headers: { 'x-safe': '1' } },
    },
  ),
  retriedOnce('a body is sent again', { retry_on: '5xx' }, { status: 503 }, { request: { method: 'POST', body: 'the body' } }),
  retriedOnce('a chunked body is sent again', { retry_on: '5xx' }, { status: 503 }, { request: { method: 'POST', body: ['the ', 'body'] } }),
  retriedOnce('the request asks for retries', {}, { status: 503 }, { options: INTERNAL, request: { headers: { 'x-envoy-retry-on': '5xx' } } }),
  retriedOnce(
    'the request asks for retries by gRPC status',
    {},
    { headers: { 'content-type': 'application/grpc', 'grpc-status': '8' } },
    {
      options: INTERNAL,
      request: { headers: { 'x-envoy-retry-grpc-on': 'resource-exhausted' } },
    },
  ),
  retriedOnce(
    'the request adds status codes',
    { retry_on: 'connect-failure' },
    { status: 418 },
    {
      options: INTERNAL,
      request: { headers: { 'x-envoy-retry-on': 'retriable-status-codes', 'x-envoy-retriable-status-codes': '417,418' } },
    },
  ),
  retriedOnce(
    'the request adds header names',
    { retry_on: 'retriable-headers' },
    { headers: { 'x-again': '1' } },
    {
      options: INTERNAL,
      request: { headers: { 'x-envoy-retriable-header-names': 'x-other, x-again' } },
    },
  ),
  tries(
    'the request says how many',
    { retry: { retry_on: '5xx' }, replies: [...TWICE, GOOD], options: INTERNAL, request: { headers: { 'x-envoy-max-retries': '2' } } },
    { status: 200, attempts: 3 },
  ),
  tries(
    'the request may ask for none',
    { retry: { retry_on: '5xx' }, replies: [...TWICE, GOOD], options: INTERNAL, request: { headers: { 'x-envoy-max-retries': '0' } } },
    { status: 503, attempts: 1 },
  ),
  defineCase({
    name: 'a try that takes too long is ended, and retried',
    backends: { main: [{ silent: true }, GOOD] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { retry_policy: { ...FAST, retry_on: 'gateway-error', per_try_timeout: '1s' } })]),
    steps: [http('/', { status: 200, body: 'good', backend: [{}, {}] })],
    log: [{ attempts: 2, flags: '-' }],
  }),
  defineCase({
    name: 'a per-try time-out without a retry answers 504',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { retry_policy: { ...FAST, retry_on: 'connect-failure', per_try_timeout: '0.2s' } })]),
    steps: [http('/', { status: 504, body: 'upstream request timeout' })],
    log: [{ code: 504, flags: 'UT', details: 'upstream_per_try_timeout' }],
  }),
  defineCase({
    name: 'the per-try time-out of the request',
    backends: { main: [{ silent: true }, GOOD] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { retry_policy: { ...FAST, retry_on: '5xx' } })], INTERNAL),
    steps: [http({ headers: { 'x-envoy-upstream-rq-per-try-timeout-ms': '1000' } }, { status: 200, body: 'good', backend: [{}, {}] })],
  }),
  defineCase({
    name: 'a try without a byte of the response is ended by its idle time',
    backends: { main: [{ silent: true }, GOOD] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { ...UNTIMED, retry_policy: { ...FAST, retry_on: '5xx', per_try_idle_timeout: '1s' } })]),
    steps: [http('/', { status: 200, body: 'good', backend: [{}, {}] })],
  }),
  defineCase({
    name: 'the idle time of a try without retries',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { retry_policy: { ...FAST, retry_on: 'connect-failure', per_try_idle_timeout: '0.2s' } })]),
    steps: [http('/', { status: 504 })],
    log: [{ code: 504, flags: 'UT' }],
  }),
  defineCase({
    name: 'no connection is retried at another host',
    backends: { main: [GOOD], gone: { t: 'closed' } },
    resources: (c) => firstGone(c, { retry_on: 'connect-failure', num_retries: 3, retry_priority: PREVIOUS_PRIORITIES }, 'main'),
    steps: Array.from({ length: 3 }, () => http('/', { status: 200, body: 'good' })),
    log: [1, 2, 3].map(() => ({ code: 200, attempts: 2 })),
  }),
  defineCase({
    name: 'a host that was tried is not tried again',
    backends: { main: [GOOD], bad: [{ status: 503 }] },
    resources: (c) =>
      http1(
        c,
        [
          to(c, 'both', undefined, {
            ...UNTIMED,
            retry_policy: { ...FAST, retry_on: '5xx', retry_host_predicate: [PREVIOUS_HOSTS], host_selection_retry_max_attempts: 50 },
          }),
        ],
        {},
        [cluster(c, 'both', { lb_policy: 'RANDOM' }, ['main', 'bad'])],
      ),
    steps: [count(40, http('/', {}), { good: [40, 40] })],
    log: 'not compared',
  }),
  ...(
    [
      ['ROUND_ROBIN', true, 40, 40],
      ['ROUND_ROBIN', false, 40, 40],
      // Another host is looked for five times, in each of two tries: the dead one is all that is found in one of 8,000 requests.
      ['LEAST_REQUEST', true, 39, 40],
      ['RANDOM', true, 39, 40],
      // Of those that came to the dead host first, each try may come there again: one of eight ends without an answer.
      ['LEAST_REQUEST', false, 23, 40],
      ['RANDOM', false, 23, 40],
    ] as const
  ).map(([policy, previous, min, max]) =>
    defineCase({
      name: `one of two hosts has died, ${policy}, ${previous ? 'retries go elsewhere' : 'retries go anywhere'}`,
      backends: { main: [GOOD], dead: { t: 'closed' } },
      resources: (c) => {
        const elsewhere = previous ? { retry_host_predicate: [PREVIOUS_HOSTS], host_selection_retry_max_attempts: 5 } : {};
        const retries = { ...FAST, retry_on: 'connect-failure,refused-stream,unavailable,cancelled', num_retries: 2, ...elsewhere };
        return http1(c, [to(c, 'both', undefined, { ...UNTIMED, retry_policy: retries })], {}, [
          cluster(c, 'both', { lb_policy: policy }, ['main', 'dead']),
        ]);
      },
      steps: [count(40, http('/', {}), { good: [min, max], [REFUSED]: [0, 40 - min] })],
      log: 'not compared',
    }),
  ),
  defineCase({
    name: 'canaries are left out of retries',
    backends: { main: [GOOD], bad: [{ status: 503 }], canary: [{ status: 503, body: 'canary' }] },
    resources: (c) => {
      const canary = endpoint(c, 'canary', { metadata: { filter_metadata: { 'envoy.lb': { canary: true } } } });
      const predicates = [predicate('c', 'omit_canary_hosts.v3.OmitCanaryHostsPredicate'), PREVIOUS_HOSTS];
      const policy = { ...FAST, retry_on: '5xx', num_retries: 1, retry_host_predicate: predicates, host_selection_retry_max_attempts: 80 };
      return http1(c, [to(c, 'all', undefined, { ...UNTIMED, retry_policy: policy })], {}, [
        cluster(c, 'all', { lb_policy: 'RANDOM', load_assignment: group(c, [['bad', 'main', canary]]) }, []),
      ]);
    },
    // Half of those that came to a bad host first, and all that came to the canary first, have one more try at one of the others.
    steps: [count(60, http('/', {}), { good: [20, 60], '': [0, 40], canary: [0, 0] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'the attempt is told to the backend and to the client',
    backends: { main: [{ status: 503 }, GOOD] },
    resources: (c) =>
      http1(c, [
        {
          name: 'v',
          domains: ['*'],
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
          routes: [to(c, 'main', undefined, { ...UNTIMED, retry_policy: { ...FAST, retry_on: '5xx' } })],
        },
      ]),
    steps: [
      http('/', {
        status: 200,
        headers: { 'x-envoy-attempt-count': '2' },
        backend: [{ headers: { 'x-envoy-attempt-count': '1' } }, { headers: { 'x-envoy-attempt-count': '2' } }],
      }),
    ],
  }),
  defineCase({
    name: 'a virtual host has a retry policy for its routes',
    backends: { main: [{ status: 503 }, GOOD] },
    resources: (c) =>
      http1(c, [{ name: 'v', domains: ['*'], retry_policy: { ...FAST, retry_on: '5xx' }, routes: [to(c, 'main', undefined, UNTIMED)] }]),
    steps: [http('/', { status: 200, backend: [{}, {}] })],
  }),
  defineCase({
    name: 'a response may say when to come back',
    backends: { main: [{ status: 503, headers: { 'retry-after': '1' } }, GOOD] },
    resources: (c) => limited(c, '0.5s'),
    steps: [http('/', { status: 504 })],
    log: [{ code: 504, flags: 'UT', attempts: 1 }],
  }),
  defineCase({
    name: 'a response that asks for too long a wait is retried as usual',
    backends: { main: [{ status: 503, headers: { 'retry-after': '100' } }, GOOD] },
    resources: (c) => limited(c, '0s'),
    steps: [http('/', { status: 200, backend: [{}, {}] })],
  }),
  defineCase({
    name: 'the route time-out holds over all tries',
    backends: { main: [{ silent: true }] },
    resources: (c) =>
      http1(c, [to(c, 'main', undefined, { timeout: '1.5s', retry_policy: { ...FAST, retry_on: '5xx', num_retries: 50, per_try_timeout: '1s' } })]),
    steps: [http('/', { status: 504, body: 'upstream request timeout', backend: [{}, {}] })],
    log: [{ code: 504, flags: 'UT', attempts: 2 }],
    // How much is left when the second try begins is a matter of milliseconds.
    random: ['0.backend.*.headers.x-envoy-expected-rq-timeout-ms'],
  }),
  defineCase({
    name: 'a retry says how much time is left',
    backends: { main: [{ delayMs: 200, status: 503 }, GOOD] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { timeout: '5s', retry_policy: { ...FAST, retry_on: '5xx' } })]),
    steps: [
      http('/', {
        status: 200,
        backend: [
          { headers: { 'x-envoy-expected-rq-timeout-ms': '5000' } },
          { headers: { 'x-envoy-expected-rq-timeout-ms': /^(4[0-8]|[1-3]\d)\d\d$/ } },
        ],
      }),
    ],
    random: ['0.backend.1.headers.x-envoy-expected-rq-timeout-ms'],
  }),
];
