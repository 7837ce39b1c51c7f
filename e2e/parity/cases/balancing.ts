/** Which host of which cluster a request goes to. (Rings and tables: consistent-hashing.) */
import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, endpoint, http1, listener, tcpProxy, to } from '../resources.ts';
import { count, http, tcp, type Step } from '../steps.ts';

const named = (...names: readonly string[]): Readonly<Record<string, readonly [{ readonly body: string }]>> =>
  Object.fromEntries(names.map((name) => [name, [{ body: name }]]));

const ABC = named('a', 'b', 'c');
const greets = (greeting: string) => ({ t: 'tcp', tcp: { greeting } }) as const;
const TCP_ABC = { a: greets('a'), b: greets('b'), c: greets('c') };

interface Locality {
  readonly hosts: readonly (string | object)[];
  readonly zone?: string;
  readonly weight?: number;
  readonly priority?: number;
}

function hosts(c: CaseContext, localities: readonly Locality[], policy?: object): object {
  return {
    load_assignment: {
      cluster_name: c.name('all'),
      ...(policy === undefined ? {} : { policy }),
      endpoints: localities.map(({ hosts: list, zone = '', weight, priority = 0 }) => ({
        priority,
        ...(zone === '' ? {} : { locality: { region: 'r', zone } }),
        ...(weight === undefined ? {} : { load_balancing_weight: weight }),
        lb_endpoints: list.map((host) => (typeof host === 'string' ? endpoint(c, host) : host)),
      })),
    },
  };
}

const all = (c: CaseContext, more: object, localities: readonly Locality[], policy?: object): object =>
  cluster(c, 'all', { ...hosts(c, localities, policy), ...more }, []);

/** Who gets how many of the requests. */
const shares = (times: number, expected: Readonly<Record<string, readonly [number, number]>>, path = '/'): Step =>
  count(times, http(path, {}), expected);

/** All that a host is given by the name of its backend, and what the subsets go by. */
const tagged = (c: CaseContext, backend: string, labels: object, more: object = {}): object =>
  endpoint(c, backend, { metadata: { filter_metadata: { 'envoy.lb': labels } }, ...more });

const sick = (c: CaseContext, backend: string): object => endpoint(c, backend, { health_status: 'UNHEALTHY' });
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

const SUBSETS = { subset_selectors: [{ keys: ['version'] }, { keys: ['stage', 'version'] }] };

/** Three hosts: a is v1 in prod, b is v2 in prod, c is v2 in test. */
const subsetHosts = (c: CaseContext): readonly Locality[] => [
  {
    hosts: [
      tagged(c, 'a', { version: '1', stage: 'prod' }),
      tagged(c, 'b', { version: '2', stage: 'prod' }),
      tagged(c, 'c', { version: '2', stage: 'test' }),
    ],
  },
];

const subsetCase = (name: string, config: object, wanted: object | undefined, expected: Shared['expected'], times = 60) =>
  defineCase({
    name,
    backends: ABC,
    resources: (c) => {
      const criteria = wanted === undefined ? {} : { metadata_match: { filter_metadata: { 'envoy.lb': wanted } } };
      return http1(c, [to(c, 'all', undefined, criteria)], {}, [all(c, { lb_subset_config: config }, subsetHosts(c))]);
    },
    steps: [shares(times, expected)],
    log: 'not compared',
  });

const ALL_THREE = { a: [20, 20], b: [20, 20], c: [20, 20] } as const;
const NOBODY = { '': [0, 0], 'no healthy upstream': [60, 60] } as const;

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
  subsetCase('a subset by version', SUBSETS, { version: '2' }, { b: [30, 30], c: [30, 30] }),
  subsetCase('a subset by version and stage', SUBSETS, { version: '2', stage: 'test' }, { c: [60, 60] }),
  subsetCase('nobody is in the subset', SUBSETS, { version: '3' }, NOBODY),
  subsetCase('no selector knows these keys', SUBSETS, { stage: 'prod' }, NOBODY),
  subsetCase('a route without criteria and no fallback', SUBSETS, undefined, NOBODY),
  subsetCase('fallback: any endpoint', { ...SUBSETS, fallback_policy: 'ANY_ENDPOINT' }, { version: '3' }, ALL_THREE),
  subsetCase(
    'fallback: the default subset',
    { ...SUBSETS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '1' } },
    { version: '3' },
    { a: [60, 60] },
  ),
  subsetCase(
    'fallback: the default subset is empty',
    { ...SUBSETS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '9' } },
    { version: '3' },
    NOBODY,
  ),
  subsetCase(
    'a selector has a fallback of its own',
    { subset_selectors: [{ keys: ['version'], fallback_policy: 'ANY_ENDPOINT' }] },
    { version: '3' },
    ALL_THREE,
  ),
  subsetCase(
    'a selector falls back to fewer keys',
    { subset_selectors: [{ keys: ['version'] }, { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] }] },
    { version: '1', stage: 'test' },
    { a: [60, 60] },
  ),
  subsetCase(
    'a selector for single hosts',
    { subset_selectors: [{ keys: ['stage', 'version'], single_host_per_subset: true }] },
    { version: '2', stage: 'test' },
    { c: [60, 60] },
  ),
  subsetCase(
    'panic falls back to all',
    { ...SUBSETS, panic_mode_any: true, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '9' } },
    { version: '3' },
    ALL_THREE,
  ),
  defineCase({
    name: 'weighted clusters name a subset each',
    backends: ABC,
    resources: (c) => {
      const part = (version: string, weight: number): object => ({
        name: c.name('all'),
        weight,
        metadata_match: { filter_metadata: { 'envoy.lb': { version } } },
      });
      const route = {
        match: { prefix: '/' },
        route: {
          weighted_clusters: { clusters: [part('1', 100), part('2', 0)] },
          metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } },
        },
      };
      return http1(c, [route], {}, [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))]);
    },
    steps: [shares(20, { a: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'subsets see changes of health',
    backends: ABC,
    resources: (c) =>
      http1(c, [to(c, 'all', undefined, { metadata_match: { filter_metadata: { 'envoy.lb': { version: '2' } } } })], {}, [
        all(c, { lb_subset_config: SUBSETS, common_lb_config: { healthy_panic_threshold: { value: 0 } } }, [
          {
            hosts: [
              tagged(c, 'b', { version: '2' }, { health_status: 'UNHEALTHY' }),
              tagged(c, 'c', { version: '2' }),
              tagged(c, 'a', { version: '1' }),
            ],
          },
        ]),
      ]),
    steps: [shares(20, { c: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'TCP: a subset',
    backends: TCP_ABC,
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'all', { metadata_match: { filter_metadata: { 'envoy.lb': { version: '2', stage: 'test' } } } })])],
      clusters: [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))],
    }),
    steps: [1, 2, 3, 4].map(() => tcp([{ received: 'c' }, { fin: true }], { received: 'c' })),
  }),
  defineCase({
    name: 'TCP: weighted clusters name a subset each',
    backends: TCP_ABC,
    resources: (c) => {
      const part = (version: string, weight: number): object => ({
        name: c.name('all'),
        weight,
        metadata_match: { filter_metadata: { 'envoy.lb': { version } } },
      });
      const options = {
        weighted_clusters: { clusters: [part('1', 1)] },
        metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } },
      };
      return { listeners: [listener(c, [tcpProxy(c, 'all', options)])], clusters: [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))] };
    },
    steps: [1, 2, 3, 4].map(() => tcp([{ received: 'a' }, { fin: true }], { received: 'a' })),
  }),
  defineCase({
    name: 'TCP: a host that cannot be reached is left out after a while',
    backends: { b: TCP_ABC.b, gone: { t: 'closed' } },
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
  defineCase({
    name: 'weighted clusters, and all of it where only one has weight',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [weighted(c, { path: '/even' }, [50, 50]), weighted(c, { path: '/one' }, [0, 7])], {}),
    steps: [shares(100, { a: [15, 85], b: [15, 85] }, '/even'), shares(20, { b: [20, 20] }, '/one')],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header says which of the weighted clusters: the number is a place in the sum',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [weighted(c, { prefix: '/' }, [30, 70], { header_name: 'x-place' })]),
    steps: [
      http({ headers: { 'x-place': '0' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '29' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '30' } }, { status: 200, body: 'b' }),
      http({ headers: { 'x-place': '99' } }, { status: 200, body: 'b' }),
      http({ headers: { 'x-place': '100' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '12345678901' } }, { status: 200, body: 'a' }),
    ],
  }),
  defineCase({
    name: 'a header says the cluster',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [{ match: { prefix: '/' }, route: { cluster_header: 'x-to' } }, to(c, 'a')]),
    steps: [http('/', { status: 503 }), http({ headers: { 'x-to': 'nowhere' } }, { status: 503 })],
    log: [{ code: 503 }, { code: 503, flags: 'NC' }],
  }),
  defineCase({
    name: 'an aggregate takes the first cluster that has a healthy host',
    backends: ABC,
    resources: (c) => aggregate(c, []),
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'an aggregate goes on to the next cluster',
    backends: ABC,
    resources: (c) => aggregate(c, ['a', 'b']),
    steps: [shares(20, { c: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'an aggregate whose clusters are all away',
    resources: (c) => {
      const two = { name: c.name('two'), lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s', cluster_type: aggregateOf(c, ['gone', 'away']) };
      return http1(c, [to(c, 'two')], {}, [two]);
    },
    steps: [http('/', { status: 503, body: 'no healthy upstream' })],
    log: [{ code: 503, flags: 'UH' }],
  }),
];

function weighted(c: CaseContext, match: object, weights: readonly [number, number], more: object = {}): object {
  const [a, b] = weights;
  const clusters = [
    { name: c.name('a'), weight: a },
    { name: c.name('b'), weight: b },
  ];
  return { match, route: { weighted_clusters: { clusters, ...more } } };
}

function aggregateOf(c: CaseContext, names: readonly string[]): object {
  return {
    name: 'envoy.clusters.aggregate',
    typed_config: any('clusters.aggregate.v3.ClusterConfig', { clusters: names.map((name) => c.name(name)) }),
  };
}

/** First a cluster of a and b, of which some are out; then one of c. */
function aggregate(c: CaseContext, out: readonly string[]) {
  const host = (name: string): string | object => (out.includes(name) ? sick(c, name) : name);
  const both = { name: c.name('both'), lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s', cluster_type: aggregateOf(c, ['all', 'c']) };
  return http1(c, [to(c, 'both')], {}, [both, all(c, {}, [{ hosts: [host('a'), host('b')] }]), cluster(c, 'c')]);
}
