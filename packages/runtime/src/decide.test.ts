import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from './decide/index.ts';
import { createRuntimeState } from './state.ts';
import { any, cluster, connection, endpoints, hcm, listener, rds, ROUTER, routeTable, socket } from './testing/samples.ts';

const origin = (text: string): object => ({ metadata: { filter_metadata: { 'meltemi.io': { origin: text } } } });
const fault = { name: 'envoy.filters.http.fault', typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) };
const aborting = {
  'envoy.filters.http.fault': any('envoy.extensions.filters.http.fault.v3.HTTPFault', {
    abort: { http_status: 500, percentage: { numerator: 100 } },
  }),
};
const reviews = (subset: string): string => `outbound|9080|${subset}|reviews.bookinfo.svc.cluster.local`;

const state = createRuntimeState(() => 0);
state.apply({
  listeners: [
    listener({
      name: 'virtualOutbound',
      address: socket('0.0.0.0', 15001),
      use_original_dst: true,
      filter_chains: [{ filters: [hcm(rds('none'))] }],
    }),
    listener({
      name: '0.0.0.0_9080',
      address: socket('0.0.0.0', 9080),
      bind_to_port: false,
      filter_chains: [{ name: 'http', filters: [hcm({ ...rds('9080'), http_filters: [fault, ROUTER] })] }],
    }),
  ],
  routes: [
    routeTable({
      name: '9080',
      virtual_hosts: [
        {
          name: 'reviews.bookinfo.svc.cluster.local:9080',
          domains: ['reviews', 'reviews:9080'],
          routes: [
            {
              name: 'jason',
              match: { prefix: '/', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] },
              route: { cluster: reviews('v2'), prefix_rewrite: '/x/' },
              ...origin('VirtualService/bookinfo/reviews#spec.http[0]'),
            },
            { name: 'broken', match: { path: '/broken' }, route: { cluster: reviews('v1') }, typed_per_filter_config: aborting },
            {
              name: 'rest',
              match: { prefix: '/' },
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: reviews('v1'), weight: 1 },
                    { name: reviews('v9'), weight: 1 },
                  ],
                },
              },
            },
          ],
        },
      ],
    }),
  ],
  clusters: ['v1', 'v2'].map((subset) => cluster({ name: reviews(subset), type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } })),
  endpoints: [endpoints({ cluster_name: reviews('v2'), endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('10.0.0.2', 9080) } }] }] })],
});

const call = (path: string, headers: Readonly<Record<string, string>> = {}, random = 0): ReturnType<typeof decide> =>
  decide(
    state,
    {
      listener: 'virtualOutbound',
      connection: connection({ destination: { address: '240.240.0.7', port: 9080 } }),
      http: { method: 'GET', path, authority: 'reviews:9080', scheme: 'http', headers },
    },
    () => random,
  );

test('a decision tells its steps and their origins', () => {
  const { steps, outcome } = call('/reviews/1', { 'end-user': 'jason' });
  assert.deepEqual(
    steps.map((step) => step.t),
    ['listener', 'filter-chain', 'route-table', 'virtual-host', 'route', 'cluster', 'endpoints', 'policy', 'rewrite'],
  );
  assert.deepEqual(steps[0], { t: 'listener', name: '0.0.0.0_9080', handedOverFrom: 'virtualOutbound' });
  assert.equal(steps[4]?.origin, 'VirtualService/bookinfo/reviews#spec.http[0]');
  assert.deepEqual(outcome, {
    t: 'forward',
    cluster: reviews('v2'),
    host: '10.0.0.2:9080',
    tls: false,
    sni: '',
    path: '/x/reviews/1',
    authority: 'reviews:9080',
  });
});

test('a decision says why routes were passed over', () => {
  const { steps } = call('/reviews/1');
  const skipped = steps.filter((step) => step.t === 'route-skipped').map((step) => step.because);
  assert.deepEqual(skipped, [['header end-user must be "jason"'], ['path "/reviews/1" is not exactly "/broken"']]);
});

test('outcomes without an answer from upstream', () => {
  const broken = call('/broken').outcome;
  assert.deepEqual(broken, { t: 'respond', status: 500, flag: 'FI', details: 'fault_filter_abort', body: 'fault filter abort' });
  const empty = call('/a', {}, 0).outcome;
  assert.ok(empty.t === 'respond' && empty.status === 503 && empty.flag === 'UH');
  const missing = call('/a', {}, 0.9).outcome;
  assert.ok(missing.t === 'respond' && missing.status === 503 && missing.flag === 'NC');
  const lost = decide(state, { connection: connection({ destination: { address: '1.2.3.4', port: 5 } }) }, () => 0).outcome;
  assert.deepEqual(lost, { t: 'close', flag: 'NR', details: 'no listener for this destination' });
});

test('a decision tells what filters did, and runs what they have changed through the routes', () => {
  const mutation = {
    name: 'mutation',
    typed_config: any('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
      mutations: { request_mutations: [{ append: { header: { key: 'x-role', value: 'guest' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } }] },
    }),
  };
  const rbac = {
    name: 'rbac',
    typed_config: any('envoy.extensions.filters.http.rbac.v3.RBAC', {
      rules: {
        action: 'DENY',
        policies: {
          guests: {
            permissions: [{ url_path: { path: { prefix: '/admin' } } }],
            principals: [{ header: { name: 'x-role', string_match: { exact: 'guest' } } }],
          },
        },
      },
    }),
  };
  const authz = {
    name: 'authz',
    typed_config: any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', { grpc_service: { envoy_grpc: { cluster_name: 'authz' } } }),
  };
  const filtered = createRuntimeState(() => 0);
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'here' } } }];
  filtered.apply({
    listeners: [
      listener({
        name: 'l',
        address: socket('0.0.0.0', 80),
        filter_chains: [
          {
            filters: [
              hcm({
                route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
                http_filters: [mutation, rbac, authz, ROUTER],
              }),
            ],
          },
        ],
      }),
    ],
  });
  const ask = (path: string): ReturnType<typeof decide> =>
    decide(
      filtered,
      { listener: 'l', connection: connection({}), http: { method: 'GET', path, authority: 'a', scheme: 'http', headers: { 'x-role': 'admin' } } },
      () => 0,
    );
  const refused = ask('/admin');
  assert.deepEqual(
    refused.steps.filter((step) => step.t === 'filter').map(({ name }) => name),
    ['mutation', 'rbac'],
  );
  assert.deepEqual(refused.outcome, {
    t: 'respond',
    status: 403,
    flag: '',
    details: 'rbac_access_denied_matched_policy[guests]',
    body: 'RBAC: access denied',
  });
  const passed = ask('/');
  assert.deepEqual(
    passed.steps.filter((step) => step.t === 'filter').map((step) => [step.name, step.asks ?? false]),
    [
      ['mutation', false],
      ['rbac', false],
      ['authz', true],
    ],
  );
  assert.equal(passed.outcome.t === 'respond' && passed.outcome.body, 'here');
});

test('a dynamic forward proxy goes where the request calls', () => {
  const typed_config = any('envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', { dns_cache_config: { name: 'names' } });
  const own = createRuntimeState(() => 0);
  own.apply({
    clusters: [
      cluster({ name: 'anywhere', lb_policy: 'CLUSTER_PROVIDED', load_assignment: undefined, cluster_type: { name: 'dynamic', typed_config } }),
    ],
    routes: [
      routeTable({
        name: 'r',
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'anywhere' } }] }],
      }),
    ],
    listeners: [listener({ name: 'l', address: socket('0.0.0.0', 80), filter_chains: [{ filters: [hcm(rds('r'))] }] })],
  });
  const { outcome } = decide(
    own,
    {
      listener: 'l',
      connection: connection({ destination: { address: '127.0.0.1', port: 80 } }),
      http: { method: 'GET', path: '/', authority: 'shop.example:8080', scheme: 'http', headers: {} },
    },
    () => 0,
  );
  assert.ok(outcome.t === 'forward' && outcome.host === 'shop.example:8080' && outcome.cluster === 'anywhere');
});

test('the port of an authority is left out where the rules say so, but not of a tunnel, which goes to one', () => {
  const own = createRuntimeState(() => 0);
  const domains = (...names: readonly string[]): object[] =>
    names.map((name) => ({
      name,
      domains: [name],
      routes: [
        { match: { connect_matcher: {} }, direct_response: { status: 418 } },
        { match: { prefix: '/' }, direct_response: { status: 204 } },
      ],
    }));
  const filters = [hcm({ route_config: { name: 'inline', virtual_hosts: domains('a.test', 'a.test:443') }, strip_any_host_port: true })];
  own.apply({ listeners: [listener({ name: 'l', address: socket('0.0.0.0', 80), filter_chains: [{ filters }] })] });
  const ask = (method: string, path: string): unknown => {
    const http = { method, path, authority: 'a.test:443', scheme: 'http' as const, headers: {} };
    const { steps } = decide(own, { connection: connection({ destination: { address: '0.0.0.0', port: 80 } }), http }, () => 0);
    return steps.flatMap((step) => (step.t === 'virtual-host' ? [step.name] : []));
  };
  assert.deepEqual([ask('GET', '/'), ask('CONNECT', '')], [['a.test'], ['a.test:443']]);
});
