import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { all, ALL_THREE, greets, named, NOBODY, shares, sick, type Locality } from '../hosts.ts';
import { any, endpoint, http1, listener, tcpProxy, to } from '../resources.ts';
import { tcp } from '../steps.ts';

const degraded = (c: CaseContext, backend: string): object => endpoint(c, backend, { health_status: 'DEGRADED' });

const typed = (name: string, message: string, config: object = {}): object => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: `envoy.load_balancing_policies.${name}`,
          typed_config: any(`load_balancing_policies.${name}.v3.${message}`, config),
        },
      },
    ],
  },
});

interface Shared {
  readonly name: string;
  readonly localities: (c: CaseContext) => readonly Locality[];
  readonly more?: object;
  readonly policy?: object;
  readonly times?: number;
  readonly expected: Readonly<Record<string, readonly [number, number]>>;
  readonly backends?: readonly string[];
}

const shared = ({ name, localities, more = {}, policy, times = 60, expected, backends = ['a', 'b', 'c'] }: Shared) =>
  defineCase({
    name,
    backends: named(...backends),
    resources: (c) => http1(c, [to(c, 'all')], {}, [all(c, more, localities(c), policy)]),
    steps: [shares(times, expected)],
    log: 'not compared',
  });

/** Which host of a cluster a request goes to. (Rings and tables: consistent-hashing; parts of a cluster: subsets.) */
export const cases = [
  shared({ name: 'round robin is fair', localities: () => [{ hosts: ['a', 'b', 'c'] }], expected: ALL_THREE }),
  shared({
    name: 'round robin by weight is as exact as can be',
    localities: (c) => [{ hosts: ['a', endpoint(c, 'b', { load_balancing_weight: 2 }), endpoint(c, 'c', { load_balancing_weight: 3 })] }],
    // Sixty are whole rounds, but rounding decides who is first where two are due at once.
    expected: { a: [9, 11], b: [19, 21], c: [29, 31] },
  }),
  shared({
    name: 'least request by weight',
    more: { lb_policy: 'LEAST_REQUEST' },
    localities: (c) => [{ hosts: ['a', endpoint(c, 'b', { load_balancing_weight: 2 }), endpoint(c, 'c', { load_balancing_weight: 3 })] }],
    // Sixty are whole rounds, but rounding decides who is first where two are due at once.
    expected: { a: [9, 11], b: [19, 21], c: [29, 31] },
  }),
  shared({
    name: 'random',
    more: { lb_policy: 'RANDOM' },
    localities: () => [{ hosts: ['a', 'b', 'c'] }],
    times: 150,
    expected: { a: [15, 90], b: [15, 90], c: [15, 90] },
  }),
  shared({
    name: 'the policy as extension: round robin',
    more: typed('round_robin', 'RoundRobin'),
    localities: () => [{ hosts: ['a', 'b', 'c'] }],
    expected: ALL_THREE,
  }),
  shared({
    name: 'the policy as extension: random',
    more: typed('random', 'Random'),
    localities: () => [{ hosts: ['a', 'b'] }],
    times: 100,
    backends: ['a', 'b'],
    expected: { a: [15, 85], b: [15, 85] },
  }),
  shared({
    name: 'the policy as extension: least request',
    more: typed('least_request', 'LeastRequest', { choice_count: 3 }),
    localities: () => [{ hosts: ['a', 'b'] }],
    times: 100,
    backends: ['a', 'b'],
    expected: { a: [15, 85], b: [15, 85] },
  }),
  shared({
    name: 'localities by their weight',
    more: { common_lb_config: { locality_weighted_lb_config: {} } },
    localities: () => [
      { hosts: ['a'], zone: 'x', weight: 3 },
      { hosts: ['b', 'c'], zone: 'y', weight: 1 },
    ],
    expected: { a: [44, 46], b: [6, 9], c: [6, 9] },
  }),
  shared({
    name: 'a locality without weight gets nothing',
    more: { common_lb_config: { locality_weighted_lb_config: {} } },
    localities: () => [
      { hosts: ['a'], zone: 'x', weight: 1 },
      { hosts: ['b', 'c'], zone: 'y' },
    ],
    expected: { a: [60, 60] },
  }),
  shared({
    name: 'weights of localities are nothing unless asked for',
    localities: () => [
      { hosts: ['a'], zone: 'x', weight: 3 },
      { hosts: ['b', 'c'], zone: 'y', weight: 1 },
    ],
    expected: ALL_THREE,
  }),
  shared({
    name: 'the next priority waits',
    localities: () => [{ hosts: ['a', 'b'] }, { hosts: ['c'], priority: 1 }],
    expected: { a: [30, 30], b: [30, 30] },
  }),
  shared({
    name: 'the next priority takes over when the first is out',
    localities: (c) => [{ hosts: [sick(c, 'a'), sick(c, 'b')] }, { hosts: ['c'], priority: 1 }],
    expected: { c: [60, 60] },
  }),
  shared({
    name: 'a priority that is partly out spills over',
    // Half of four is healthy: 70 % stay.
    localities: (c) => [{ hosts: ['a', 'b', sick(c, 'c'), sick(c, 'd')] }, { hosts: ['e'], priority: 1 }],
    backends: ['a', 'b', 'c', 'd', 'e'],
    times: 200,
    expected: { a: [35, 105], b: [35, 105], e: [20, 105] },
  }),
  shared({
    name: 'overprovisioning may be turned up',
    localities: (c) => [{ hosts: ['a', sick(c, 'b')] }, { hosts: ['c'], priority: 1 }],
    policy: { overprovisioning_factor: 200 },
    expected: { a: [60, 60] },
  }),
  shared({
    name: 'panic: sick hosts get their share again',
    localities: (c) => [{ hosts: ['a', sick(c, 'b'), sick(c, 'c')] }],
    expected: ALL_THREE,
  }),
  shared({
    name: 'the threshold of panic',
    more: { common_lb_config: { healthy_panic_threshold: { value: 30 } } },
    localities: (c) => [{ hosts: ['a', sick(c, 'b'), sick(c, 'c')] }],
    expected: { a: [60, 60] },
  }),
  shared({
    name: 'no panic',
    more: { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    localities: (c) => [{ hosts: [sick(c, 'a'), sick(c, 'b'), sick(c, 'c')] }],
    expected: NOBODY,
  }),
  shared({
    name: 'rather no traffic than panic',
    more: { common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } } },
    localities: (c) => [{ hosts: ['a', sick(c, 'b'), sick(c, 'c')] }],
    expected: NOBODY,
  }),
  shared({
    name: 'degraded hosts wait for the healthy ones to be too few',
    localities: (c) => [{ hosts: ['a', 'b', degraded(c, 'c')] }],
    expected: { a: [1, 59], b: [1, 59], c: [0, 20] },
  }),
  shared({
    name: 'degraded hosts do it when no others are there',
    localities: (c) => [{ hosts: [degraded(c, 'a'), degraded(c, 'b')] }],
    backends: ['a', 'b'],
    expected: { a: [30, 30], b: [30, 30] },
  }),
  shared({
    name: 'a host that is drained or timed out is left out',
    localities: (c) => [{ hosts: ['a', 'b', endpoint(c, 'c', { health_status: 'DRAINING' }), endpoint(c, 'd', { health_status: 'TIMEOUT' })] }],
    backends: ['a', 'b', 'c', 'd'],
    expected: { a: [30, 30], b: [30, 30] },
  }),
  shared({
    name: 'only the health that is asked for is believed',
    more: { common_lb_config: { override_host_status: { statuses: ['UNKNOWN', 'HEALTHY'] } } },
    localities: () => [{ hosts: ['a', 'b', 'c'] }],
    expected: ALL_THREE,
  }),
  defineCase({
    name: 'TCP: a host that cannot be reached is left out after a while',
    backends: { b: greets('b'), gone: { t: 'closed' } },
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'all', { max_connect_attempts: 2 })])],
      clusters: [
        all(
          c,
          {
            outlier_detection: { consecutive_5xx: 1, interval: '300s', max_ejection_percent: 100 },
            common_lb_config: { healthy_panic_threshold: {} },
          },
          [{ hosts: ['gone', 'b'] }],
        ),
      ],
    }),
    steps: [1, 2, 3, 4, 5, 6].map(() => tcp([{ received: 'b' }, { fin: true }], { received: 'b' })),
    log: 'not compared',
  }),
];
