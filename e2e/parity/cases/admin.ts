import { defineCase } from '../define.ts';
import { assignment, cluster, direct, edsCluster, endpoint, hcm, http1, listener, rds, routes, to } from '../resources.ts';
import { admin, clusterStats, http, push, raw, type Step } from '../steps.ts';

type Json = Readonly<Record<string, unknown>>;

/** Every object in a JSON value that has this member with this value. */
function objectsWith(value: unknown, member: string, wanted: string): readonly Json[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = (value as Json)[member] === wanted ? [value as Json] : [];
  return [...own, ...Object.values(value).flatMap((item) => objectsWith(item, member, wanted))];
}

/** What `/clusters?format=json` says of a cluster, in a few words. */
function clusterStatus(name: string, pick: (status: Json) => unknown, expected: unknown): Step {
  return admin(
    () => '/clusters?format=json',
    (answer, c) => {
      const [found] = objectsWith(answer, 'name', c.name(name));
      return found === undefined ? 'no such cluster' : pick(found);
    },
    expected,
  );
}

/** Names in one part of `/config_dump`. */
function dumped(resource: string, member: string, local: string, expected: number): Step {
  return admin(
    () => `/config_dump?resource=${resource}&json`,
    (answer, c) => objectsWith(answer, member, c.name(local)).length,
    expected,
  );
}

const hosts = ({ host_statuses: statuses = [] }: Json): readonly Json[] => statuses as readonly Json[];

/** What the admin port tells, in Envoy's shapes. */
export const cases = [
  defineCase({
    name: 'a listener and its address',
    steps: [
      admin(
        () => '/listeners?format=json',
        // Its port differs between the proxies.
        (answer, c) => objectsWith(answer, 'name', c.name('main')).map(({ local_address: bound }) => objectsWith(bound, 'address', c.address).length),
        [1],
      ),
    ],
  }),
  defineCase({
    name: 'listeners as text',
    steps: [
      admin(
        () => '/listeners',
        (answer, c) =>
          String(answer)
            .split('\n')
            .filter((line) => line.startsWith(c.name('main'))),
        ['<id>-main::<listener main>'],
      ),
    ],
  }),
  defineCase({
    name: 'a cluster has its hosts, with their health',
    backends: { one: [{}], two: [{}] },
    resources: (c) => {
      const ends = [endpoint(c, 'one'), endpoint(c, 'two', { health_status: 'DRAINING', load_balancing_weight: 3 })];
      const assigned = { load_assignment: { cluster_name: c.name('both'), endpoints: [{ lb_endpoints: ends }] } };
      return http1(c, [to(c, 'both')], {}, [cluster(c, 'both', assigned, [])]);
    },
    steps: [
      clusterStatus('both', (status) => hosts(status).map((host) => (host['health_status'] as Json)['eds_health_status']), ['HEALTHY', 'DRAINING']),
      clusterStatus('both', (status) => hosts(status).map((host) => host['weight']), [1, 3]),
    ],
  }),
  defineCase({
    name: 'circuit breakers are told',
    resources: (c) =>
      http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { circuit_breakers: { thresholds: [{ max_connections: 7, max_requests: 9 }] } })]),
    steps: [
      clusterStatus('main', (status) => ((status['circuit_breakers'] as Json)['thresholds'] as readonly Json[])[0], {
        max_connections: 7,
        max_pending_requests: 1024,
        max_requests: 9,
        max_retries: 3,
      }),
    ],
  }),
  defineCase({
    name: 'clusters as text name each host and its weight',
    steps: [
      admin(
        () => '/clusters',
        (answer, c) =>
          String(answer)
            .split('\n')
            .filter((line) => line.startsWith(`${c.name('main')}::127.0.0.1`) && /::(weight|health_flags|priority|canary)::/.test(line))
            .sort(),
        ['canary::false', 'health_flags::healthy', 'priority::0', 'weight::1'].map((text) => `<id>-main::<backend main>::${text}`),
      ),
    ],
  }),
  defineCase({
    name: 'the configuration is told: listeners, routes, clusters',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])],
      routes: [routes(c, 'table', [to(c, 'main')])],
      clusters: [cluster(c, 'main')],
    }),
    steps: [
      http('/', { status: 200 }),
      dumped('dynamic_listeners', 'name', 'main', 2),
      dumped('dynamic_active_clusters', 'name', 'main', 1),
      dumped('dynamic_route_configs', 'name', 'table', 1),
    ],
  }),
  defineCase({
    name: 'endpoints are told when they are asked for',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [to(c, 'main')])])],
      clusters: [edsCluster(c, 'main')],
      endpoints: [assignment(c, 'main', ['main'])],
    }),
    steps: [
      http('/', { status: 200 }),
      admin(
        () => '/config_dump?include_eds&json',
        (answer, c) => objectsWith(answer, 'cluster_name', c.name('main')).length > 0,
        true,
      ),
    ],
  }),
  defineCase({
    name: 'a refused resource is told with the reason',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      push((c) => ({ clusters: [{ name: c.name('bad'), type: 'EDS' }] }), { verdict: 'nack' }),
      admin(
        () => '/ready',
        (answer) => String(answer).trim(),
        'LIVE',
      ),
    ],
  }),
  defineCase({
    name: 'gauges of a cluster: hosts, connections, requests under way',
    backends: { main: [{ body: 'ok' }, { gate: 'go', body: 'late' }] },
    steps: [
      clusterStats('main', { membership_total: 1, membership_healthy: 1, upstream_cx_active: 0, upstream_rq_active: 0 }),
      http('/', { status: 200 }),
      clusterStats('main', { upstream_cx_active: 1, upstream_rq_active: 0 }),
      raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n', { backendHas: 2 }], { connection: 'silent', responses: [] }, { on: 'a' }),
      clusterStats('main', { upstream_cx_active: 1, upstream_rq_active: 1 }),
      raw([{ open: 'go' }, { responses: 1 }], { status: 200, body: 'late' }, { on: 'a' }),
      clusterStats('main', { upstream_rq_active: 0, upstream_rq_pending_active: 0 }),
    ],
  }),
];
