/** What keeps load away from hosts that fail: circuit breakers, outlier detection, active health checks. */
import type { BackendScript, Reply } from '../backend/script.ts';
import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { cluster, endpoint, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { count, http, raw, type Step } from '../steps.ts';

const BAD: Reply = { status: 503, body: 'a' };
const OK: Reply = { body: 'b' };
const NO_PANIC = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
const NEVER = '300s';
/** Envoy ejects from its main thread: some requests may still go to a host whose time has come. */
const LATE = 4;

/** Lets time pass, and asks once. */
const after = (pauseMs: number): Step => raw([{ pauseMs }, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'], {});

const becomesDown: Step = http('/', { status: 503, body: 'no healthy upstream' }, { eventually: true });

interface Outlier {
  readonly name: string;
  readonly detection: object;
  readonly steps: readonly Step[];
  readonly a?: BackendScript;
  readonly more?: object;
  readonly names?: readonly string[];
  readonly random?: readonly string[];
}

/** Two hosts, a and b; what happens to a when it fails. */
const outlier = ({ name, detection, steps, a = [BAD], more = {}, names = ['a', 'b'], random = [] }: Outlier) =>
  defineCase({
    name,
    backends: { a, b: [OK], c: [{ body: 'c' }] },
    resources: (c) =>
      http1(c, [to(c, 'all', undefined, { timeout: '0s' })], {}, [
        cluster(c, 'all', { outlier_detection: { interval: NEVER, max_ejection_percent: 100, ...detection }, ...NO_PANIC, ...more }, names),
      ]),
    steps,
    random,
    log: 'not compared',
  });

const shares = (times: number, expected: Readonly<Record<string, readonly [number, number]>>): Step => count(times, http('/', {}), expected);

const REFUSED = 'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure';

interface Health {
  readonly name: string;
  readonly check?: object;
  readonly steps: readonly Step[];
  readonly probe: BackendScript;
  readonly log?: readonly object[];
  readonly host?: object;
  /** Upstream options; with those of HTTP/2 the host speaks that. */
  readonly cluster?: object;
}

/** One host, whose health another port tells. */
const health = ({ name, check = { http_health_check: { path: '/healthz' } }, steps, probe, host = {}, cluster: more = {} }: Health) =>
  defineCase({
    name,
    backends: { main: more === HTTP2_UPSTREAM ? { t: 'http2', replies: [{ body: 'main' }] } : [{ body: 'main' }], probe },
    resources: (c) => {
      // A closed backend is at an address of its own; checks go to that of `main`, where nobody listens on port 1.
      const port = 't' in probe && probe.t === 'closed' ? 1 : c.backend('probe').port;
      const { endpoint: where, ...rest } = endpoint(c, 'main', host) as { readonly endpoint: object };
      const one = { ...rest, endpoint: { ...where, health_check_config: { port_value: port } } };
      const healthCheck = { timeout: '5s', interval: '0.1s', no_traffic_interval: '0.1s', unhealthy_threshold: 1, healthy_threshold: 1, ...check };
      const options = {
        health_checks: [healthCheck],
        ...NO_PANIC,
        load_assignment: { cluster_name: c.name('checked'), endpoints: [{ lb_endpoints: [one] }] },
        ...more,
      };
      return http1(c, [to(c, 'checked')], {}, [cluster(c, 'checked', options, [])]);
    },
    steps,
    // The checks go on beside the requests.
    random: ['*.backend'],
    log: 'not compared',
  });

const HTTP2_CHECK = { http_health_check: { path: '/', codec_client_type: 'HTTP2' } };

/** A response of `grpc.health.v1.Health` in its frame. */
const grpcReply = (status: number): Reply => ({
  headers: { 'content-type': 'application/grpc' },
  body: String.fromCharCode(0, 0, 0, 0, 2, 8, status),
  trailers: { 'grpc-status': '0' },
});

const up: Step = http('/', { status: 200, body: 'main' });
const down: Step = http('/', { status: 503, body: 'no healthy upstream' });
const becomesUp: Step = http('/', { status: 200, body: 'main' }, { eventually: true });

const breakers = (c: CaseContext, thresholds: readonly object[], action: object = {}, more: object = {}): ReturnType<typeof http1> =>
  http1(c, [to(c, 'main', { path: '/high' }, { priority: 'HIGH', ...action }), to(c, 'main', undefined, action)], {}, [
    cluster(c, 'main', { circuit_breakers: { thresholds, ...more } }),
  ]);

const OVERFLOW = { status: 503, body: /overflow/, headers: { 'x-envoy-overloaded': 'true' } } as const;

export const cases = [
  defineCase({
    name: 'a priority has thresholds of its own',
    resources: (c) => breakers(c, [{ max_requests: 0 }, { priority: 'HIGH', max_requests: 5 }]),
    steps: [http('/', OVERFLOW), http('/high', { status: 200, headers: { 'x-envoy-overloaded': null } })],
    log: [
      { code: 503, flags: 'UO' },
      { code: 200, flags: '-' },
    ],
  }),
  defineCase({
    name: 'thresholds of the high priority leave the default alone',
    resources: (c) => breakers(c, [{ priority: 'HIGH', max_requests: 0 }]),
    steps: [http('/', { status: 200 }), http('/high', OVERFLOW)],
  }),
  defineCase({
    name: 'nobody may wait for a connection',
    resources: (c) => breakers(c, [{ max_pending_requests: 0 }]),
    steps: [http('/', OVERFLOW)],
    log: [{ code: 503, flags: 'UO' }],
  }),
  defineCase({
    name: 'no connections at all is one',
    resources: (c) => breakers(c, [{ max_connections: 0 }]),
    steps: [http('/', {})],
  }),
  defineCase({
    name: 'no retries are left over',
    backends: { main: [BAD, OK] },
    resources: (c) => breakers(c, [{ max_retries: 0 }], { retry_policy: { retry_on: '5xx' }, timeout: '0s' }),
    steps: [http('/', { status: 503, body: 'a', backend: [{}] })],
    log: [{ code: 503, flags: 'UO', attempts: 1 }],
  }),
  defineCase({
    name: 'a budget of retries takes the place of their number',
    backends: { main: [BAD, OK] },
    resources: (c) =>
      breakers(c, [{ max_retries: 0, retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 1 } }], {
        retry_policy: { retry_on: '5xx', retry_back_off: { base_interval: '0.001s' } },
        timeout: '0s',
      }),
    steps: [http('/', { status: 200, body: 'b', backend: [{}, {}] })],
    log: [{ code: 200, attempts: 2 }],
  }),
  defineCase({
    name: 'a budget without retries',
    backends: { main: [BAD, OK] },
    resources: (c) =>
      breakers(c, [{ retry_budget: { budget_percent: { value: 0 }, min_retry_concurrency: 0 } }], {
        retry_policy: { retry_on: '5xx' },
        timeout: '0s',
      }),
    steps: [http('/', { status: 503, body: 'a', backend: [{}] })],
    log: [{ code: 503, flags: 'UO' }],
  }),
  defineCase({
    name: 'an endpoint set may drop a share: all of it',
    resources: (c) =>
      http1(c, [to(c, 'all')], {}, [
        cluster(
          c,
          'all',
          {
            load_assignment: {
              cluster_name: c.name('all'),
              endpoints: [{ lb_endpoints: [endpoint(c, 'main')] }],
              policy: { drop_overloads: [{ category: 'x', drop_percentage: { numerator: 100 } }] },
            },
          },
          [],
        ),
      ]),
    steps: [http('/', { status: 503 })],
    log: [{ code: 503, flags: 'UDO', attempts: 0 }],
  }),
  outlier({
    name: 'out after so many errors in a row',
    detection: { consecutive_5xx: 3 },
    steps: [shares(30, { a: [3, 3 + LATE], b: [27 - LATE, 27] })],
  }),
  outlier({
    name: 'a success between starts the count again',
    detection: { consecutive_5xx: 3 },
    a: [BAD, BAD, { body: 'a' }, BAD, BAD, { body: 'a' }, BAD, BAD, { body: 'a' }],
    steps: [shares(18, { a: [9, 9], b: [9, 9] })],
  }),
  outlier({
    name: 'detected, but not enforced',
    detection: { consecutive_5xx: 3, enforcing_consecutive_5xx: 0 },
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
  }),
  outlier({
    name: 'gateway errors are counted apart',
    detection: { consecutive_5xx: 100, consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
    steps: [shares(20, { a: [2, 2 + LATE], b: [18 - LATE, 18] })],
  }),
  outlier({
    name: 'a 500 is no gateway error',
    detection: { consecutive_5xx: 100, consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
    a: [{ status: 500, body: 'a' }],
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
  }),
  outlier({
    name: 'gateway errors are not enforced unless asked for',
    detection: { consecutive_5xx: 100, consecutive_gateway_failure: 2 },
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
  }),
  outlier({
    name: 'five in a row is the default',
    detection: {},
    steps: [shares(30, { a: [5, 5 + LATE], b: [25 - LATE, 25] })],
  }),
  outlier({
    name: 'no connection is an error like others',
    detection: { consecutive_5xx: 2 },
    a: { t: 'closed' },
    steps: [shares(20, { [REFUSED]: [2, 2 + LATE], b: [18 - LATE, 18] })],
  }),
  outlier({
    name: 'no connection is a local error where those are counted apart',
    detection: { consecutive_5xx: 1, split_external_local_origin_errors: true, consecutive_local_origin_failure: 3 },
    a: { t: 'closed' },
    steps: [shares(20, { [REFUSED]: [3, 3 + LATE], b: [17 - LATE, 17] })],
  }),
  outlier({
    name: 'a connection that stands ends a row of local errors',
    detection: { consecutive_5xx: 0, split_external_local_origin_errors: true, consecutive_local_origin_failure: 2 },
    a: [{ after: 'reset' }, { body: 'good' }],
    steps: [
      shares(20, {
        b: [10, 10],
        good: [9, 9],
        'upstream connect error or disconnect/reset before headers. reset reason: connection termination': [1, 1],
      }),
    ],
  }),
  outlier({
    name: 'no more hosts than so many percent',
    detection: { consecutive_5xx: 1, max_ejection_percent: 10 },
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
  }),
  outlier({
    name: 'one host at least, if so wished',
    detection: { consecutive_5xx: 1, max_ejection_percent: 10, always_eject_one_host: true },
    steps: [shares(20, { a: [1, 1 + LATE], b: [19 - LATE, 19] })],
  }),
  outlier({
    name: 'a third of three hosts',
    detection: { consecutive_5xx: 1, max_ejection_percent: 34 },
    names: ['a', 'b', 'c'],
    steps: [shares(31, { a: [1, 1 + LATE], b: [15 - LATE, 16], c: [15 - LATE, 16] })],
  }),
  outlier({
    name: 'too many are out: panic brings them back',
    detection: { consecutive_5xx: 1 },
    more: { common_lb_config: {} },
    names: ['a'],
    steps: [shares(10, { a: [10, 10] })],
  }),
  outlier({
    name: 'nobody is left',
    detection: { consecutive_5xx: 1 },
    names: ['a'],
    steps: [http('/', { status: 503, body: 'a' }), becomesDown],
  }),
  outlier({
    name: 'back after its time',
    detection: { consecutive_5xx: 1, interval: '0.1s', base_ejection_time: '0.7s' },
    a: [BAD, BAD, BAD, { body: 'good' }],
    names: ['a'],
    steps: [http('/', { status: 503, body: 'a' }), becomesDown, http('/', { status: 200, body: 'good' }, { eventually: true })],
  }),
  outlier({
    name: 'a host that fails more than others',
    detection: {
      consecutive_5xx: 1000,
      interval: '0.4s',
      success_rate_minimum_hosts: 3,
      success_rate_request_volume: 5,
      success_rate_stdev_factor: 500,
      base_ejection_time: '100s',
    },
    names: ['a', 'b', 'c'],
    random: ['1'],
    steps: [shares(60, { a: [5, 21], b: [19, 30], c: [19, 30] }), after(900), shares(20, { b: [9, 11], c: [9, 11] })],
  }),
  outlier({
    name: 'a host that fails too often',
    detection: {
      consecutive_5xx: 1000,
      interval: '0.4s',
      failure_percentage_minimum_hosts: 2,
      failure_percentage_request_volume: 5,
      failure_percentage_threshold: 50,
      enforcing_failure_percentage: 100,
      enforcing_success_rate: 0,
      base_ejection_time: '100s',
    },
    random: ['1'],
    steps: [shares(60, { a: [5, 35], b: [25, 55] }), after(900), shares(20, { b: [20, 20] })],
  }),
  health({ name: 'a host that passes its check gets traffic', probe: [{ body: 'fine' }], steps: [up] }),
  health({ name: 'a host that fails its check does not', probe: [{ status: 503 }], steps: [down] }),
  health({ name: 'nothing but 200 is healthy', probe: [{ status: 204 }], steps: [down] }),
  health({
    name: 'the statuses that are healthy may be said',
    check: { http_health_check: { path: '/', expected_statuses: [{ start: 200, end: 300 }] } },
    probe: [{ status: 204 }],
    steps: [up],
  }),
  health({ name: 'nobody answers', probe: { t: 'closed' }, steps: [down] }),
  health({
    name: 'no answer in time',
    check: { timeout: '0.2s', http_health_check: { path: '/' } },
    probe: [{ silent: true }],
    steps: [down],
  }),
  health({ name: 'from good to bad', probe: [{}, {}, {}, { status: 503 }], steps: [becomesDown] }),
  health({ name: 'from bad to good', probe: [{ status: 503 }, { status: 503 }, { status: 503 }, {}], steps: [becomesUp] }),
  health({
    name: 'a status between that is worth another try',
    check: {
      unhealthy_threshold: 1,
      http_health_check: { path: '/', retriable_statuses: [{ start: 500, end: 501 }] },
    },
    probe: [{}, { status: 500 }, { status: 500 }, { status: 500 }, { status: 503 }],
    steps: [becomesDown],
  }),
  health({ name: 'sick by its endpoint set, though it passes', host: { health_status: 'UNHEALTHY' }, probe: [{}], steps: [down] }),
  health({ name: 'TCP: a connection will do', check: { tcp_health_check: {} }, probe: { t: 'tcp', tcp: {} }, steps: [up] }),
  health({ name: 'TCP: nobody listens', check: { tcp_health_check: {} }, probe: { t: 'closed' }, steps: [becomesDown] }),
  health({
    name: 'TCP: something is sent and comes back',
    check: { tcp_health_check: { send: { text: '70696e67' }, receive: [{ text: '7069' }, { text: '6e67' }] } },
    probe: { t: 'tcp', tcp: { echo: true } },
    steps: [up],
  }),
  health({
    name: 'TCP: something else comes back',
    check: { timeout: '0.3s', tcp_health_check: { send: { text: '70696e67' }, receive: [{ text: '706f6e67' }] } },
    probe: { t: 'tcp', tcp: { echo: true } },
    steps: [down],
  }),
  health({ name: 'HTTP/2: a check', check: HTTP2_CHECK, probe: { t: 'http2', replies: [{}] }, steps: [up] }),
  health({ name: 'HTTP/2: a check that fails', check: HTTP2_CHECK, probe: { t: 'http2', replies: [{ status: 500 }] }, steps: [down] }),
  health({
    name: 'gRPC: it serves',
    check: { grpc_health_check: {} },
    probe: { t: 'http2', replies: [grpcReply(1)] },
    steps: [up],
    cluster: HTTP2_UPSTREAM,
  }),
  health({
    name: 'gRPC: it does not serve',
    check: { grpc_health_check: {} },
    probe: { t: 'http2', replies: [grpcReply(2)] },
    steps: [down],
    cluster: HTTP2_UPSTREAM,
  }),
  health({
    name: 'gRPC: it has no such service',
    check: { grpc_health_check: { service_name: 'x' } },
    probe: { t: 'http2', replies: [{ headers: { 'content-type': 'application/grpc' }, trailers: { 'grpc-status': '5' } }] },
    steps: [down],
    cluster: HTTP2_UPSTREAM,
  }),
  defineCase({
    name: 'a response that says so sends its host away at once',
    backends: { main: [{ body: 'one', headers: { 'x-envoy-immediate-health-check-fail': '1' } }], probe: [{}] },
    resources: (c) => {
      const where = (endpoint(c, 'main') as { readonly endpoint: object }).endpoint;
      const host = { endpoint: { ...where, health_check_config: { port_value: c.backend('probe').port } } };
      const check = {
        timeout: '5s',
        interval: NEVER,
        no_traffic_interval: NEVER,
        unhealthy_threshold: 3,
        healthy_threshold: 3,
        http_health_check: { path: '/' },
      };
      const options = {
        health_checks: [check],
        ...NO_PANIC,
        load_assignment: { cluster_name: c.name('checked'), endpoints: [{ lb_endpoints: [host] }] },
      };
      return http1(c, [to(c, 'checked')], {}, [cluster(c, 'checked', options, [])]);
    },
    steps: [http('/', { status: 200, body: 'one' }), becomesDown],
    random: ['*.backend'],
    log: 'not compared',
  }),
];
