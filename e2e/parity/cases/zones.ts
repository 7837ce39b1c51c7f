import { defineCase, type ParityCase } from '../define.ts';
import { http, istio, rule } from '../istio.ts';
import { count, http as ask } from '../steps.ts';

interface Zones {
  readonly name: string;
  readonly setting: string;
  /** Endpoint → its place; the proxies are in here/a, and half of their service is in here/b. */
  readonly places: Readonly<Record<string, string>>;
  readonly shares: Readonly<Record<string, readonly [min: number, max: number]>>;
  readonly closed?: readonly string[];
}

const CALLS = 200;

function zones({ name, setting, places, shares, closed = [] }: Zones): ParityCase {
  const backends = Object.keys(places).map((backend) => [
    backend,
    closed.includes(backend) ? ({ t: 'closed' } as const) : [{ body: backend.slice('web-'.length, 'web-'.length + 1) }],
  ]);
  return defineCase({
    name,
    backends: Object.fromEntries(backends),
    resources: (c) =>
      istio(
        c,
        `${http('- route: [{ destination: { host: $web } }]\n  retries: { attempts: 0 }')}---\n${rule('web', `{ loadBalancer: { simple: ROUND_ROBIN, ${setting} } }`)}`,
        {},
        places,
      ),
    steps: [count(CALLS, ask('/', { status: 200 }), shares)],
    log: 'not compared',
  });
}

const ON = 'zoneAwareLbSetting: { minClusterSize: 1 }';

/** Zone-aware routing, where half of the callers are in each of two zones. */
export const cases: readonly ParityCase[] = [
  zones({
    name: 'as many here as there: calls stay in the zone',
    setting: ON,
    places: { 'web-a': 'here/a', 'web-b': 'here/b' },
    shares: { a: [CALLS, CALLS] },
  }),
  zones({
    name: 'a quarter is here, half of the callers are: half of the calls stay',
    setting: ON,
    places: { 'web-a': 'here/a', 'web-b1': 'here/b', 'web-b2': 'here/b', 'web-b3': 'here/b' },
    shares: { a: [65, 135], b: [65, 135] },
  }),
  zones({
    name: 'nobody in the own zone: the others share the calls',
    setting: ON,
    places: { 'web-b': 'here/b', 'web-c': 'here/c' },
    shares: { b: [0, CALLS], c: [0, CALLS] },
  }),
  zones({
    name: 'fewer endpoints than minClusterSize: all zones share the calls',
    setting: 'zoneAwareLbSetting: { minClusterSize: 3 }',
    places: { 'web-a': 'here/a', 'web-b': 'here/b' },
    shares: { a: [CALLS / 2, CALLS / 2], b: [CALLS / 2, CALLS / 2] },
  }),
  zones({
    name: 'six endpoints are enough unless it is said',
    setting: 'zoneAwareLbSetting: {}',
    places: { 'web-a': 'here/a', 'web-a2': 'here/a', 'web-a3': 'here/a', 'web-b': 'here/b', 'web-b2': 'here/b', 'web-b3': 'here/b' },
    shares: { a: [CALLS, CALLS] },
  }),
  zones({
    name: 'switched off',
    setting: 'zoneAwareLbSetting: { enabled: false }',
    places: { 'web-a': 'here/a', 'web-a2': 'here/a', 'web-a3': 'here/a', 'web-b': 'here/b', 'web-b2': 'here/b', 'web-b3': 'here/b' },
    shares: { a: [CALLS / 2 - 2, CALLS / 2 + 2], b: [CALLS / 2 - 2, CALLS / 2 + 2] },
  }),
  zones({
    name: 'another region waits, however many are there',
    setting: ON,
    places: { 'web-a': 'here/a', 'web-c': 'there/a', 'web-c2': 'there/b' },
    shares: { a: [CALLS, CALLS] },
  }),
  zones({
    name: 'nobody in the region: failover says which is next',
    setting: 'zoneAwareLbSetting: { minClusterSize: 1, failover: [{ from: here, to: there }] }',
    places: { 'web-c': 'there/a', 'web-d': 'elsewhere/a' },
    shares: { c: [CALLS, CALLS] },
  }),
  zones({
    name: 'nobody in the region: all other regions',
    setting: ON,
    places: { 'web-c': 'there/a', 'web-d': 'elsewhere/a' },
    shares: { c: [1, CALLS], d: [1, CALLS] },
  }),
];
