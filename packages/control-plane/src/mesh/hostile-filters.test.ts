import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { buildPushContext, createEndpointIndex, DEFAULT_MESH_CONFIG, joinServices, parseProxyNode, type PushContext } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { createTranslator } from '@meltemi/translate';

const OBJECTS = `
apiVersion: v1
kind: Service
metadata: { name: x, namespace: a }
spec: { selector: { app: x }, clusterIP: 10.0.0.1, ports: [{ name: http, port: 80 }, { name: tcp, port: 81 }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: a }
spec: { servers: [{ hosts: ['*'], port: { number: 8080, name: http, protocol: HTTP } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: v, namespace: a }
spec: { hosts: [x.example.com], gateways: [edge, mesh], http: [{ route: [{ destination: { host: x } }] }] }
`;
const TYPES = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.secret, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable];
const { configs: objects } = decodeYaml(OBJECTS, { source: 'test' });
const { services } = joinServices(objects, [], DEFAULT_MESH_CONFIG);
const nodes = ['sidecar', 'router'].map((type) => {
  const parsed = parseProxyNode({
    id: `${type}~10.0.0.7~x.a~a.svc.cluster.local`,
    metadata: { LABELS: { app: 'x' }, MELTEMI_PORTS: [{ number: 80, protocol: 'http' }] },
  });
  assert.ok('node' in parsed);
  return parsed.node;
});

function pushOf(configPatches: readonly unknown[]): PushContext {
  const filter = {
    kind: 'EnvoyFilter',
    apiVersion: 'networking.istio.io/v1alpha3',
    meta: { name: 'f', namespace: 'a', labels: {}, annotations: {} },
    spec: { configPatches },
    origin: { source: 'test' },
  } as unknown as (typeof objects)[number];
  return buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services, configs: [...objects, filter] });
}

const FIELDS = [
  'name',
  'filter_chains',
  'filters',
  'typed_config',
  'rds',
  'route_config_name',
  'virtual_hosts',
  'routes',
  'domains',
  'address',
  'socket_address',
  'type',
  'eds_cluster_config',
  'metadata',
  'http_filters',
  'route_config',
  'transport_socket',
  '@type',
  'match',
  'action',
];
const value = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 7, '', 'x', 'EDS', 'virtualInbound'),
    fc.array(tie('json'), { maxLength: 2 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom(...FIELDS), tie('json'), { maxKeys: 4 }),
})).map;
const patch = fc.record({
  applyTo: fc.constantFrom(
    'CLUSTER',
    'LISTENER',
    'FILTER_CHAIN',
    'NETWORK_FILTER',
    'HTTP_FILTER',
    'ROUTE_CONFIGURATION',
    'VIRTUAL_HOST',
    'HTTP_ROUTE',
    'LISTENER_FILTER',
  ),
  patch: fc.record({ operation: fc.constantFrom('MERGE', 'ADD', 'REMOVE', 'INSERT_FIRST', 'REPLACE', 'MERGE_AND_REPLACE_LIST'), value }),
});

test('whatever an EnvoyFilter makes of resources, also unchecked: they have names, and what refers to them can be followed', () => {
  fc.assert(
    fc.property(fc.array(patch, { minLength: 1, maxLength: 3 }), (patches) => {
      const translator = createTranslator();
      const state = { push: pushOf(patches), endpoints: createEndpointIndex() };
      for (const node of nodes) {
        for (const typeUrl of TYPES) {
          for (const name of translator.generate(node, typeUrl, '*', state).keys()) assert.equal(typeof name, 'string');
          translator.generate(node, typeUrl, new Set(['kubernetes://x', '80', 'http.8080']), state);
        }
      }
      translator.problems(state.push);
    }),
    { numRuns: 300 },
  );
});

test('a change that makes a resource no resource is told and left out, whatever a proxy would say', () => {
  const broken = [
    { applyTo: 'CLUSTER', patch: { operation: 'MERGE', value: { name: 7 } } },
    { applyTo: 'LISTENER', patch: { operation: 'MERGE', value: { filter_chains: { x: 1 } } } },
    { applyTo: 'VIRTUAL_HOST', patch: { operation: 'ADD', value: { domains: ['y'] } } },
  ];
  const translator = createTranslator();
  const state = { push: pushOf(broken), endpoints: createEndpointIndex() };
  const [sidecar] = nodes;
  assert.ok(sidecar !== undefined);
  for (const typeUrl of TYPES) translator.generate(sidecar, typeUrl, '*', state);
  assert.deepEqual(
    translator.problems(state.push).map(({ path, message }) => [path, /would refuse it: (.*)$/.exec(message)?.[1]]),
    [
      ['spec.configPatches[0]', 'name is not a text'],
      ['spec.configPatches[1]', 'filter_chains is not a list of messages'],
      ['spec.configPatches[2]', 'virtual_hosts[].name is not a text'],
    ],
  );
});
