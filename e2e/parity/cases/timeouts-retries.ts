import { defineCase } from '../define.ts';
import { cluster, http1, to } from '../resources.ts';
import { count, http, raw, together } from '../steps.ts';

const ALL = { prefix: '/' };
const BODY_TIMEOUT = 'upstream request timeout';
const twice = (policy: object = {}): object => ({
  retry_policy: { retry_on: '5xx', num_retries: 2, retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' }, ...policy },
});
const LIMIT_NONE = { num_retries: 2, retry_back_off: { base_interval: '0.001s', max_interval: '0.002s' } };

const PREVIOUS = [
  {
    name: 'envoy.retry_host_predicates.previous_hosts',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate' },
  },
];

/** How long an answer may take, and what is tried again. */
const scripted = [
  defineCase({
    name: 'a route timeout answers 504',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '0.2s' })]),
    steps: [http('/', { status: 504, body: BODY_TIMEOUT, connection: 'open' })],
    log: [{ code: 504, flags: 'UT', details: 'response_timeout', attempts: 1 }],
  }),
  defineCase({
    name: 'a timeout after the head has come cuts the answer',
    backends: { main: [{ body: ['half', 'rest'], bodyGate: 'never' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '1s' })]),
    steps: [http('/', { status: 200, body: 'half', complete: false, connection: 'ended' })],
    log: [{ code: 200, flags: 'UT', details: 'response_timeout' }],
  }),
  defineCase({
    name: 'a route without a timeout waits',
    backends: { main: [{ delayMs: 300, body: 'late' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '0s' })]),
    steps: [http('/', { status: 200, body: 'late' })],
  }),
  defineCase({
    name: 'the timeout counts from the end of the request',
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '1s' })]),
    steps: [raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\na', { pauseMs: 1_300 }, 'b'], { status: 200 })],
  }),
  defineCase({
    name: 'a stream without a byte is ended after the idle timeout of its route',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '0s', idle_timeout: '0.2s' })]),
    steps: [http('/', { status: 504, body: 'stream timeout' })],
    log: [{ code: 504, flags: 'SI' }],
  }),
  defineCase({
    name: 'max_stream_duration of a route ends the stream',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '0s', max_stream_duration: { max_stream_duration: '0.2s' } })]),
    steps: [http('/', { status: 504 })],
    log: [{ code: 504 }],
  }),
  defineCase({
    name: 'a connection that cannot be made in time is 503 UF',
    resources: (c) =>
      http1(c, [to(c, 'far')], {}, [
        {
          name: c.name('far'),
          type: 'STATIC',
          connect_timeout: '0.2s',
          // A network for documentation: nobody answers.
          load_assignment: {
            cluster_name: c.name('far'),
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '192.0.2.77', port_value: 9 } } } }] }],
          },
        },
      ]),
    steps: [http('/', { status: 503 })],
    log: [{ code: 503, flags: 'UF' }],
  }),
  // Retries.
  defineCase({
    name: '5xx is tried again until it succeeds',
    backends: { main: [{ status: 503 }, { status: 500 }, { body: 'third' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice())]),
    steps: [http('/', { status: 200, body: 'third', backend: [{}, {}, {}] })],
    log: [{ code: 200, flags: '-', attempts: 3 }],
  }),
  defineCase({
    name: 'the last answer stands when all tries are used up',
    backends: { main: [{ status: 503, body: 'no' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice())]),
    steps: [http('/', { status: 503, body: 'no', backend: [{}, {}, {}] })],
    log: [{ code: 503, flags: 'URX', attempts: 3 }],
  }),
  defineCase({
    name: 'a 404 is no 5xx',
    backends: { main: [{ status: 404 }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice())]),
    steps: [http('/', { status: 404, backend: [{}] })],
    log: [{ attempts: 1, flags: '-' }],
  }),
  defineCase({
    name: 'gateway-error takes 502 to 504 only',
    backends: { main: [{ status: 500 }, { status: 502 }, { status: 504 }, { body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'gateway-error' }))]),
    steps: [http('/', { status: 500, backend: [{}] }), http('/', { status: 200, backend: [{}, {}, {}] })],
  }),
  defineCase({
    name: 'retriable-status-codes takes those that are listed',
    backends: { main: [{ status: 418 }, { status: 404 }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'retriable-status-codes', retriable_status_codes: [418] }))]),
    steps: [http('/', { status: 404, backend: [{}, {}] })],
  }),
  defineCase({
    name: 'retriable-4xx takes 409',
    backends: { main: [{ status: 409 }, { body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'retriable-4xx' }))]),
    steps: [http('/', { status: 200, backend: [{}, {}] })],
  }),
  defineCase({
    name: 'retriable-headers takes an answer by its header',
    backends: { main: [{ status: 200, headers: { 'x-again': 'yes' } }, { body: 'ok' }] },
    resources: (c) =>
      http1(c, [
        to(c, 'main', ALL, twice({ retry_on: 'retriable-headers', retriable_headers: [{ name: 'x-again', string_match: { exact: 'yes' } }] })),
      ]),
    steps: [http('/', { status: 200, body: 'ok', backend: [{}, {}] })],
  }),
  defineCase({
    name: 'reset takes a connection that ends before the answer',
    backends: { main: [{ after: 'close' }, { after: 'reset' }, { body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'reset' }))]),
    steps: [http('/', { status: 200, body: 'ok', backend: [{}, {}, {}] })],
  }),
  defineCase({
    name: 'connect-failure takes a port where nobody listens',
    backends: { main: { t: 'closed' } },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'connect-failure' }))]),
    steps: [http('/', { status: 503 })],
    log: [{ code: 503, flags: 'URX,UF', attempts: 3 }],
  }),
  defineCase({
    name: 'connect-failure leaves a 503 of the backend alone',
    backends: { main: [{ status: 503 }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ retry_on: 'connect-failure' }))]),
    steps: [http('/', { status: 503, backend: [{}] })],
  }),
  defineCase({
    name: 'another host is tried when the first is away',
    backends: { away: { t: 'closed' }, here: [{ body: 'here' }] },
    resources: (c) => {
      const policy = twice({ retry_on: 'connect-failure', num_retries: 5, retry_host_predicate: PREVIOUS });
      return http1(c, [to(c, 'both', ALL, policy)], {}, [cluster(c, 'both', {}, ['away', 'here'])]);
    },
    steps: [count(6, http('/', {}), { here: [6, 6] })],
  }),
  defineCase({
    name: 'a per-try timeout tries again',
    backends: { main: [{ silent: true }, { body: 'second' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice({ per_try_timeout: '0.8s' }))]),
    steps: [http('/', { status: 200, body: 'second', backend: [{}, {}] })],
    log: [{ code: 200, flags: '-', attempts: 2 }],
  }),
  defineCase({
    name: 'the route timeout covers all tries',
    backends: { main: [{ silent: true }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { timeout: '1.5s', ...twice({ per_try_timeout: '0.9s', num_retries: 10 }) })]),
    steps: [http('/', { status: 504, body: BODY_TIMEOUT, backend: [{}, {}] })],
    log: [{ code: 504, flags: 'UT', attempts: 2 }],
  }),
  defineCase({
    name: 'a body is sent again',
    backends: { main: [{ status: 503 }, { body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice())]),
    steps: [http({ method: 'POST', body: 'payload' }, { status: 200, backend: [{ body: 'payload' }, { body: 'payload' }] })],
  }),
  defineCase({
    name: 'a chunked body with trailers is sent again',
    backends: { main: [{ status: 503 }, { body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, twice())]),
    steps: [http({ method: 'POST', body: ['pay', 'load'] }, { status: 200, backend: [{ body: 'payload' }, { body: 'payload' }] })],
  }),
  defineCase({
    name: 'the virtual host may say how often, and a route otherwise',
    backends: { main: [{ status: 503 }] },
    resources: (c) =>
      http1(c, [
        {
          name: 'a',
          domains: ['*'],
          retry_policy: { retry_on: '5xx', ...LIMIT_NONE },
          routes: [
            to(c, 'main', { prefix: '/own' }, { retry_policy: { retry_on: '5xx', num_retries: 1, retry_back_off: LIMIT_NONE.retry_back_off } }),
            to(c, 'main'),
          ],
        },
      ]),
    steps: [http('/own', { status: 503, backend: [{}, {}] }), http('/', { status: 503, backend: [{}, {}, {}] })],
  }),
  defineCase({
    name: 'attempts are counted in the header',
    backends: { main: [{ status: 503 }, { body: 'ok' }] },
    resources: (c) =>
      http1(c, [
        {
          name: 'a',
          domains: ['*'],
          include_request_attempt_count: true,
          include_attempt_count_in_response: true,
          routes: [to(c, 'main', ALL, twice())],
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
  // Limits.
  defineCase({
    name: 'more requests than max_requests overflow',
    backends: { main: [{ gate: 'go', body: 'ok' }] },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { circuit_breakers: { thresholds: [{ max_requests: 1 }] } })]),
    steps: [
      together(
        http('/', { status: 200 }),
        raw([{ backendHas: 1 }, 'GET /over HTTP/1.1\r\nhost: a\r\n\r\n', { responses: 1 }, { open: 'go' }], {
          status: 503,
          body: /overflow/,
          headers: { 'x-envoy-overloaded': 'true' },
        }),
      ),
    ],
    log: [{ code: 200 }, { code: 503, flags: 'UO', details: 'upstream_reset_before_response_started{overflow}' }],
    logOrder: 'any',
  }),
  defineCase({
    name: 'no connection and no place to wait overflow',
    backends: { main: [{ gate: 'go', body: 'ok' }] },
    logOrder: 'any',
    resources: (c) =>
      http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { circuit_breakers: { thresholds: [{ max_connections: 1, max_pending_requests: 1 }] } })]),
    steps: [
      together(
        http('/1', { status: 200 }),
        raw([{ backendHas: 1 }, 'GET /2 HTTP/1.1\r\nhost: a\r\n\r\n'], { status: 200 }),
        raw([{ backendHas: 1 }, { pauseMs: 100 }, 'GET /3 HTTP/1.1\r\nhost: a\r\n\r\n', { responses: 1 }, { open: 'go' }], {
          status: 503,
          body: /overflow/,
        }),
      ),
    ],
  }),
  defineCase({
    name: 'an upstream connection is used again',
    backends: { main: [{ body: 'ok' }] },
    steps: [http('/1', { status: 200 }), http('/2', { status: 200 })],
  }),
  defineCase({
    name: 'an upstream connection that the backend has closed is not used',
    backends: { main: [{ body: 'one', headers: { connection: 'close' }, after: 'close' }, { body: 'two' }] },
    steps: [http('/1', { status: 200, body: 'one' }), http('/2', { status: 200, body: 'two' })],
  }),
];

/** What is left of the time for a second attempt depends on how long the first one took. */
const LEFT = ['1', '2'].map((attempt) => `*.backend.${attempt}.headers.x-envoy-expected-rq-timeout-ms`);

export const cases = scripted.map((item) => ({ ...item, random: LEFT }));
