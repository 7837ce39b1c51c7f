import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEndpointIndex, parseProxyNode, serviceKey, type Endpoint, type ProxyNode } from '@meltemi/model';
import { TYPE_URL, type Cluster, type ClusterLoadAssignment, type Listener, type RouteConfiguration } from '@meltemi/protos-types';
import { createInputsCache } from './common/inputs-cache.ts';
import { createNodeScopes } from './common/node-scope.ts';
import { changedForOwn, changedTypes, createTranslator, HTTP_FILTERS, NAME_TABLE, type MeshState } from './index.ts';
import { readMeshCase, resourcesOf } from './testdata/mesh-case.ts';

const FOLDER = join(import.meta.dirname, 'testdata', 'golden');
const FILES = globSync('**/*.in.yaml', { cwd: FOLDER }).sort();
const caseOf = (file: string) => readMeshCase(readFileSync(join(FOLDER, file), 'utf8'), file);
const BOOKINFO = 'bookinfo.in.yaml';
const TYPES = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable];

test('a translator that remembers makes what a new one makes, object by object taken away and put back', () => {
  for (const file of FILES) {
    const { state, nodes, configs, rebuild } = caseOf(file);
    const warm = createTranslator();
    let current = state;
    for (const node of nodes.values()) resourcesOf(node, current, warm);
    for (const removed of configs) {
      for (const objects of [configs.filter((config) => config !== removed), configs]) {
        const next = rebuild(objects, current);
        const changes = { push: next.push.changes, endpoints: [], workloads: [] };
        const changed = changedTypes(changes, next.push);
        const own = changedForOwn(changes, next.push);
        for (const [name, node] of nodes) {
          assert.deepEqual(
            resourcesOf(node, next, warm),
            resourcesOf(node, next, createTranslator()),
            `${file} ${name} after ${removed.kind} ${removed.meta.name}`,
          );
          for (const typeUrl of TYPES) {
            if (changed.has(typeUrl) || own(() => node).has(typeUrl)) continue;
            assert.deepEqual(
              warm.generate(node, typeUrl, '*', next),
              warm.generate(node, typeUrl, '*', current),
              `${typeUrl} of ${name} was said not to change with ${removed.kind} ${removed.meta.name}`,
            );
          }
        }
        current = next;
      }
    }
  }
});

test('what a change does not touch is the same object, for every node that shares it', () => {
  const { state, nodes, configs, rebuild } = caseOf(BOOKINFO);
  const translator = createTranslator();
  const node = nodes.get('productpage-v1') as ProxyNode;
  const twin: ProxyNode = { ...node, id: 'twin', address: '10.0.0.99', workload: 'twin' };
  const before = new Map(TYPES.map((typeUrl) => [typeUrl, translator.generate(node, typeUrl, '*', state)]));
  assert.equal(translator.generate(twin, TYPE_URL.route, '*', state), before.get(TYPE_URL.route));
  assert.equal(translator.generate(twin, TYPE_URL.nameTable, '*', state), before.get(TYPE_URL.nameTable));

  const changed = configs.map((config) =>
    config.kind === 'VirtualService' && config.meta.name === 'reviews' ? { ...config, spec: { ...(config.spec as object), http: [] } } : config,
  );
  const next = rebuild(changed, state);
  for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.listener, TYPE_URL.nameTable])
    assert.equal(translator.generate(node, typeUrl, '*', next), before.get(typeUrl), typeUrl);
  const hosts = (resources: ReadonlyMap<string, { readonly json: object }> | undefined) =>
    (resources?.get('9080')?.json as RouteConfiguration | undefined)?.virtual_hosts ?? [];
  const [now, old] = [hosts(translator.generate(node, TYPE_URL.route, '*', next)), hosts(before.get(TYPE_URL.route))];
  assert.deepEqual(
    now.map((host, index) => [host.name, host === old[index]]).filter(([, same]) => same === false),
    [['reviews.bookinfo.svc.cluster.local:9080', false]],
  );
});

test('an endpoint that moves changes its own load assignments and nothing else', () => {
  const { state, nodes } = caseOf(BOOKINFO);
  const node = nodes.get('productpage-v1') as ProxyNode;
  const index = createEndpointIndex();
  const reviews = 'bookinfo/reviews.bookinfo.svc.cluster.local';
  const list = state.endpoints.endpoints(reviews, 9080);
  for (const service of state.push.services.all)
    index.update(
      serviceKey(service),
      new Map(service.ports.map((port) => [port.number, state.endpoints.endpoints(serviceKey(service), port.number)])),
    );
  const translator = createTranslator();
  const mesh: MeshState = { push: state.push, endpoints: index };
  const before = translator.generate(node, TYPE_URL.endpoint, '*', mesh);
  const moved = list.map((endpoint): Endpoint => (endpoint.labels['version'] === 'v2' ? { ...endpoint, address: '10.0.0.44' } : endpoint));
  const change = index.update(reviews, new Map([[9080, moved]]));
  assert.ok(change !== undefined);
  const names = changedTypes({ push: undefined, endpoints: [change], workloads: [] }, state.push);
  assert.deepEqual(
    [...names],
    [[TYPE_URL.endpoint, new Set(['outbound|9080||reviews.bookinfo.svc.cluster.local', 'outbound|9080|v2|reviews.bookinfo.svc.cluster.local'])]],
  );
  const after = translator.generate(node, TYPE_URL.endpoint, '*', mesh);
  const different = [...after]
    .filter(([name, resource]) => JSON.stringify(resource.json) !== JSON.stringify(before.get(name)?.json))
    .map(([name]) => name);
  assert.deepEqual(different, ['outbound|9080||reviews.bookinfo.svc.cluster.local', 'outbound|9080|v2|reviews.bookinfo.svc.cluster.local']);
});

test('what clients say of themselves does not pile up: a scope that nobody uses is forgotten', () => {
  const { state, nodes } = caseOf(BOOKINFO);
  const node = nodes.get('productpage-v1') as ProxyNode;
  const cache = createInputsCache(20_000);
  const scopes = createNodeScopes(cache);
  const at = (zone: string): object => scopes.of({ ...node, locality: { region: 'r', zone, subZone: '' } }, state.push);
  const first = at('0');
  assert.equal(at('0'), first);
  for (let i = 1; i <= 200; i++) at(String(i));
  assert.notEqual(at('0'), first);
});

test('resources are asked for by name; what is not there is left out', () => {
  const { state, nodes } = caseOf(BOOKINFO);
  const node = nodes.get('productpage-v1') as ProxyNode;
  const translator = createTranslator();
  const ask = (typeUrl: string, ...names: string[]): readonly string[] => [...translator.generate(node, typeUrl, new Set(names), state).keys()];
  assert.deepEqual(ask(TYPE_URL.cluster, 'PassthroughCluster', 'nothing'), ['PassthroughCluster']);
  assert.deepEqual(
    ask(
      TYPE_URL.endpoint,
      'outbound|9080|v1|reviews.bookinfo.svc.cluster.local',
      'outbound|9080|v9|reviews.bookinfo.svc.cluster.local',
      'outbound|1||reviews.bookinfo.svc.cluster.local',
      'x',
    ),
    ['outbound|9080|v1|reviews.bookinfo.svc.cluster.local'],
  );
  assert.deepEqual(ask(TYPE_URL.route, '9080', 'http.8080'), ['9080']);
  assert.deepEqual(ask(TYPE_URL.nameTable, NAME_TABLE), [NAME_TABLE]);
  assert.deepEqual(ask(TYPE_URL.workload, '10.0.0.4', '10.9.9.9'), ['10.0.0.4']);
  assert.deepEqual(ask('type.googleapis.com/unknown.Type', 'x'), []);
  const workload = translator.generate(node, TYPE_URL.workload, new Set(['10.0.0.4']), state).get('10.0.0.4')?.json;
  assert.deepEqual(workload, {
    name: 'reviews-v2',
    namespace: 'bookinfo',
    service_account: 'bookinfo-reviews',
    app: 'reviews',
    version: 'v2',
    canonical_name: 'reviews',
    canonical_revision: 'v2',
    cluster: 'meltemi',
    trust_domain: 'cluster.local',
    addresses: ['10.0.0.4'],
    kind: 'Process',
  });
  const eds = translator.generate(node, TYPE_URL.cluster, '*', state).get('outbound|9080||reviews.bookinfo.svc.cluster.local');
  assert.equal(eds?.endpointName, 'outbound|9080||reviews.bookinfo.svc.cluster.local');
});

test('a gRPC client gets what it dials: listener, routes, clusters without transport, endpoints with locality and weight', () => {
  const { state } = caseOf('routing.in.yaml');
  const translator = createTranslator();
  const parsed = parseProxyNode({ id: 'anything', user_agent_name: 'gRPC Node Pure JS', metadata: { NAMESPACE: 'client' } });
  assert.ok('node' in parsed);
  const { node } = parsed;
  const one = <T>(typeUrl: string, name: string): T | undefined =>
    translator.generate(node, typeUrl, new Set([name]), state).get(name)?.json as T | undefined;
  const target = 'api.prod.svc.cluster.local:80';
  const listener = one<Listener>(TYPE_URL.listener, target);
  assert.equal(listener?.name, target);
  assert.ok(listener.api_listener !== undefined && listener.address === undefined);
  assert.equal(one(TYPE_URL.listener, 'nowhere:80'), undefined);
  const routes = one<RouteConfiguration>(TYPE_URL.route, `outbound|${target}`);
  assert.deepEqual(routes?.virtual_hosts?.[0]?.domains, ['*']);
  assert.equal(routes.virtual_hosts[0].routes?.[0]?.route?.weighted_clusters?.clusters?.[0]?.weight, 90);
  const name = 'outbound|80|v2|api.prod.svc.cluster.local';
  const cluster = one<Cluster>(TYPE_URL.cluster, name);
  assert.deepEqual([cluster?.type, cluster?.transport_socket, cluster?.transport_socket_matches], ['EDS', undefined, undefined]);
  const assignment = one<ClusterLoadAssignment>(TYPE_URL.endpoint, name);
  assert.equal(assignment?.endpoints?.length, 2);
  for (const group of assignment?.endpoints ?? []) assert.ok(group.locality !== undefined && (group.load_balancing_weight ?? 0) > 0);
});

test('every HTTP filter has a name of its own and is in some golden; the router is last', () => {
  const names = HTTP_FILTERS.map((filter) => filter.name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.at(-1), 'envoy.filters.http.router');
  const goldens = FILES.map((file) => readFileSync(join(FOLDER, file.replace('.in.', '.out.')), 'utf8')).join('\n');
  for (const name of names) assert.ok(goldens.includes(`name: ${name}`), name);
  for (const filter of HTTP_FILTERS) {
    if (filter.perRoute !== undefined) assert.ok(goldens.includes(`${filter.name}:`), `no golden sets ${filter.name} on a route`);
  }
});
