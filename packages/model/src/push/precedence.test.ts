import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import {
  buildPushContext,
  DEFAULT_MESH_CONFIG,
  destinationRuleFor,
  effectiveMtls,
  joinServices,
  meshVirtualServices,
  virtualServiceFor,
  visibleServices,
  type PushContext,
} from '../index.ts';

function meshOf(text: string): PushContext {
  const { configs, problems } = decodeYaml(text);
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error'),
    [],
  );
  return buildPushContext({ mesh: DEFAULT_MESH_CONFIG, configs, services: joinServices(configs, [], DEFAULT_MESH_CONFIG).services });
}

const object = (kind: string, namespace: string, name: string, created: string, spec: string): string =>
  `apiVersion: ${kind === 'PeerAuthentication' ? 'security' : 'networking'}.istio.io/v1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "2026-01-0${created}T00:00:00Z" }\nspec: ${spec}\n---\n`;
const route = 'http: [{ route: [{ destination: { host: x } }] }]';
const client = (namespace: string) => ({ namespace, labels: {} });
const named = (hostname: string) => ({ hostname, namespace: 'b' });
const service = { hostname: 'x.b.svc.cluster.local', namespace: 'b' };

test('a host belongs to the most specific VirtualService, then to the oldest', () => {
  const mesh = meshOf(
    object('VirtualService', 'b', 'wide', '1', `{ hosts: ["*.b.svc.cluster.local"], ${route} }`) +
      object('VirtualService', 'b', 'young', '3', `{ hosts: [x], ${route} }`) +
      object('VirtualService', 'b', 'old', '2', `{ hosts: [x], ${route} }`) +
      object('VirtualService', 'b', 'private', '1', `{ hosts: [x], exportTo: ["."], ${route} }`) +
      object('VirtualService', 'b', 'edge-only', '1', `{ hosts: [x], gateways: [edge], ${route} }`),
  );
  assert.equal(virtualServiceFor(mesh, 'a', named('x.b.svc.cluster.local'))?.config.meta.name, 'old');
  assert.equal(virtualServiceFor(mesh, 'b', named('x.b.svc.cluster.local'))?.config.meta.name, 'private');
  assert.equal(virtualServiceFor(mesh, 'a', named('y.b.svc.cluster.local'))?.config.meta.name, 'wide');
  assert.equal(virtualServiceFor(mesh, 'a', named('x')), undefined);
  assert.equal(
    meshVirtualServices(mesh, 'a').list.some((entry) => entry.config.meta.name === 'edge-only'),
    false,
  );
});

test('a DestinationRule of the client wins over one of the service, and that over one of the root namespace; levels do not mix', () => {
  const rule = (namespace: string, name: string, more = ''): string =>
    object('DestinationRule', namespace, name, '1', `{ host: x.b.svc.cluster.local, subsets: [{ name: ${name} }]${more} }`);
  const all = meshOf(rule('a', 'mine') + rule('b', 'theirs') + rule('istio-system', 'everybodys'));
  assert.deepEqual(
    ['a', 'b', 'c'].map((namespace) => destinationRuleFor(all, client(namespace), service)?.subsets[0]?.subset.name),
    ['mine', 'theirs', 'theirs'],
  );
  const hidden = meshOf(rule('b', 'theirs', ', exportTo: ["."]') + rule('istio-system', 'everybodys'));
  assert.deepEqual(
    ['b', 'c'].map((namespace) => destinationRuleFor(hidden, client(namespace), service)?.subsets[0]?.subset.name),
    ['theirs', 'everybodys'],
  );
  const away = meshOf(rule('a', 'given', ', exportTo: [c]') + rule('b', 'theirs'));
  assert.equal(destinationRuleFor(away, client('a'), service)?.subsets[0]?.subset.name, 'theirs', 'a rule for others is not its own');
});

test('DestinationRules of one host and namespace merge: subsets add up, the oldest policy stays', () => {
  const mesh = meshOf(
    object(
      'DestinationRule',
      'b',
      'second',
      '2',
      '{ host: x, trafficPolicy: { loadBalancer: { simple: RANDOM } }, subsets: [{ name: v1, labels: { version: wrong } }, { name: v2 }] }',
    ) +
      object('DestinationRule', 'b', 'first', '1', '{ host: x.b.svc.cluster.local, subsets: [{ name: v1, labels: { version: v1 } }] }') +
      object('DestinationRule', 'b', 'third', '3', '{ host: x, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }'),
  );
  const merged = destinationRuleFor(mesh, client('a'), service);
  assert.deepEqual(
    merged?.subsets.map(({ subset }) => [subset.name, subset.labels?.['version']]),
    [
      ['v1', 'v1'],
      ['v2', undefined],
    ],
  );
  assert.equal(merged?.trafficPolicy?.policy.loadBalancer?.simple, 'RANDOM');
});

test('mTLS: port, then selector, then namespace, then mesh; UNSET inherits; the root namespace selects nobody elsewhere', () => {
  const mesh = meshOf(
    object('PeerAuthentication', 'istio-system', 'mesh', '1', '{ mtls: { mode: STRICT } }') +
      object('PeerAuthentication', 'istio-system', 'selecting', '1', '{ selector: { matchLabels: { app: x } }, mtls: { mode: DISABLE } }') +
      object('PeerAuthentication', 'a', 'young', '3', '{ mtls: { mode: DISABLE } }') +
      object('PeerAuthentication', 'a', 'old', '2', '{ mtls: { mode: UNSET } }') +
      object(
        'PeerAuthentication',
        'a',
        'x',
        '1',
        '{ selector: { matchLabels: { app: x } }, mtls: { mode: PERMISSIVE }, portLevelMtls: { "80": { mode: DISABLE }, "81": { mode: UNSET } } }',
      ),
  );
  const mode = (namespace: string, app: string, port?: number): string => effectiveMtls(mesh, { namespace, labels: { app } }, port).mode;
  assert.equal(mode('a', 'x', 80), 'DISABLE');
  assert.equal(mode('a', 'x', 81), 'PERMISSIVE');
  assert.equal(mode('a', 'x'), 'PERMISSIVE');
  assert.equal(mode('a', 'y', 80), 'STRICT');
  assert.equal(mode('b', 'x', 80), 'STRICT');
  assert.equal(effectiveMtls(buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services: [], configs: [] }), client('b')).mode, 'PERMISSIVE');
});

test('a ServiceEntry for the host of a Kubernetes Service of its namespace adds to it; one of another namespace gives it no endpoint', () => {
  const entry = (namespace: string, address: string): string =>
    object(
      'ServiceEntry',
      namespace,
      'more',
      '1',
      `{ hosts: [x.b.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC, exportTo: [a, b], ports: [{ number: 80, name: http }], endpoints: [{ address: ${address} }] }`,
    );
  const mesh = meshOf(
    entry('a', '10.6.6.6') +
      entry('b', '10.0.0.9') +
      'apiVersion: v1\nkind: Service\nmetadata: { name: x, namespace: b, annotations: { networking.istio.io/exportTo: "b,a" } }\nspec: { ports: [{ port: 80, name: http }], selector: { app: x } }\n',
  );
  for (const namespace of ['a', 'b']) {
    const seen = visibleServices(mesh, namespace).byHost.get('x.b.svc.cluster.local');
    assert.equal(seen?.registry, 'kubernetes');
    assert.deepEqual(
      seen?.endpoints.map((endpoint) => endpoint.address),
      ['10.0.0.9'],
    );
  }
  assert.equal(visibleServices(mesh, 'c').byHost.size, 0);
});
