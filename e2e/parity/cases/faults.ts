import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered, settings } from '../filters.ts';
import { any, direct, to } from '../resources.ts';
import { http, type Http1Request, type Step } from '../steps.ts';

const TYPE = 'filters.http.fault.v3.HTTPFault';
const ALWAYS = { numerator: 100 };
const fault = (config: object): object => filter('fault', TYPE, config);
const abort = (fields: object = {}): object => ({ abort: { http_status: 418, percentage: ALWAYS, ...fields } });
const PASSED = { status: 200, body: 'main' } as const;
const ABORTED = { status: 418, body: 'fault filter abort', backend: null } as const;
const says = (headers: Readonly<Record<string, string>>): Http1Request => ({ headers });

function faults(name: string, config: object, steps: readonly Step[]): ParityCase {
  return defineCase({ name, resources: (c) => filtered(c, [fault(config)]), steps });
}

/** Injected faults. */
export const cases = [
  defineCase({
    name: 'a request is aborted',
    resources: (c) => filtered(c, [fault(abort())]),
    steps: [http('/', { ...ABORTED, headers: { 'content-type': 'text/plain' } })],
    log: [{ code: 418, flags: 'FI', details: 'fault_filter_abort' }],
  }),
  faults('a share of nothing', abort({ percentage: { numerator: 0 } }), [http('/', PASSED)]),
  faults('without a share nothing is hit', { abort: { http_status: 418 } }, [http('/', PASSED)]),
  faults('a share of a million', abort({ percentage: { numerator: 1_000_000, denominator: 'MILLION' } }), [http('/', ABORTED)]),
  faults('gRPC is aborted by its status', { abort: { grpc_status: 14, percentage: ALWAYS } }, [
    http(
      { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: '' },
      { status: 200, headers: { 'grpc-status': '14', 'grpc-message': 'fault filter abort' } },
    ),
  ]),
  defineCase({
    name: 'a request is delayed',
    resources: (c) => filtered(c, [fault({ delay: { fixed_delay: '0.05s', percentage: ALWAYS } })]),
    steps: [http('/', PASSED)],
    log: [{ code: 200, flags: 'DI' }],
  }),
  defineCase({
    name: 'first the delay, then the abort',
    resources: (c) => filtered(c, [fault({ delay: { fixed_delay: '0.05s', percentage: ALWAYS }, ...abort() })]),
    steps: [http('/', ABORTED)],
    log: [{ code: 418, flags: 'DI,FI' }],
  }),
  faults('only for requests with a header', { ...abort(), headers: [{ name: 'x-fault', string_match: { exact: 'yes' } }] }, [
    http('/', PASSED),
    http(says({ 'x-fault': 'yes' }), ABORTED),
  ]),
  faults('only for callers of a name', { ...abort(), downstream_nodes: ['a', 'b'] }, [
    http('/', PASSED),
    http(says({ 'x-envoy-downstream-service-node': 'b' }), ABORTED),
  ]),
  defineCase({
    name: 'only for a cluster',
    backends: { main: [{ body: 'main' }], other: [{ body: 'other' }] },
    resources: (c) => filtered(c, [fault({ ...abort(), upstream_cluster: c.name('other') })], [to(c, 'other', { prefix: '/other' }), to(c, 'main')]),
    steps: [http('/', PASSED), http('/other', ABORTED)],
  }),
  faults('no more than so many at a time', { ...abort(), max_active_faults: 0 }, [http('/', PASSED)]),
  faults('the caller asks for an abort', { abort: { header_abort: {}, percentage: ALWAYS } }, [
    http('/', PASSED),
    http(says({ 'x-envoy-fault-abort-request': '418' }), ABORTED),
    http(says({ 'x-envoy-fault-abort-request': '99' }), PASSED),
    http(says({ 'x-envoy-fault-abort-request': 'teapot' }), PASSED),
    http(says({ 'x-envoy-fault-abort-request': '418', 'x-envoy-fault-abort-request-percentage': '0' }), PASSED),
  ]),
  faults('the caller asks for more than is configured', { abort: { header_abort: {}, percentage: { numerator: 0 } } }, [
    http(says({ 'x-envoy-fault-abort-request': '418', 'x-envoy-fault-abort-request-percentage': '100' }), PASSED),
  ]),
  defineCase({
    name: 'the caller asks for a delay',
    resources: (c) => filtered(c, [fault({ delay: { header_delay: {}, percentage: ALWAYS } })]),
    steps: [
      http('/', PASSED),
      http(says({ 'x-envoy-fault-delay-request': '30' }), PASSED),
      http(says({ 'x-envoy-fault-delay-request': 'long' }), PASSED),
    ],
    log: [{ flags: '-' }, { flags: 'DI' }, { flags: '-' }],
  }),
  defineCase({
    name: 'a response comes slowly, and whole',
    backends: { main: [{ body: 'x'.repeat(20_000) }] },
    resources: (c) => filtered(c, [fault({ response_rate_limit: { fixed_limit: { limit_kbps: 64 }, percentage: ALWAYS } })]),
    steps: [http('/', { status: 200, body: 'x'.repeat(20_000), headers: { 'content-length': '20000' } })],
  }),
  defineCase({
    name: 'the caller asks for a slow response',
    backends: { main: [{ body: ['a'.repeat(3000), 'b'.repeat(3000)] }] },
    resources: (c) => filtered(c, [fault({ response_rate_limit: { header_limit: {}, percentage: ALWAYS } })]),
    steps: [
      http(says({ 'x-envoy-fault-throughput-response': '32' }), { status: 200, body: 'a'.repeat(3000) + 'b'.repeat(3000) }),
      http('/', { status: 200 }),
    ],
  }),
  defineCase({
    name: "a route's faults are its own",
    resources: (c) =>
      filtered(
        c,
        [fault(abort())],
        [
          to(c, 'main', { prefix: '/own' }, {}, settings({ fault: any(TYPE, { abort: { http_status: 503, percentage: ALWAYS } }) })),
          to(c, 'main', { prefix: '/none' }, {}, settings({ fault: any(TYPE, {}) })),
          direct('here', { prefix: '/direct' }),
          to(c, 'main'),
        ],
      ),
    steps: [http('/own', { status: 503, body: 'fault filter abort' }), http('/none', PASSED), http('/direct', ABORTED), http('/', ABORTED)],
  }),
  defineCase({
    name: 'what a fault leaves for the log',
    resources: (c) =>
      filtered(c, [fault({ ...abort(), filter_metadata: { why: 'a test' } })], undefined, {
        why: '%DYNAMIC_METADATA(fault:why)%',
      }),
    steps: [http('/', ABORTED)],
    log: [{ why: 'a test' }],
  }),
];
