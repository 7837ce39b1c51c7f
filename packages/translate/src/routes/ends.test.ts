import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteConfiguration } from '@meltemi/protos-types';
import { readMeshCase, resourcesOf } from '../testdata/mesh-case.ts';
import { MESH_ONLY } from './scope.ts';
import { rulesOf } from './virtual-host.ts';

const ENDS = 'annotations: { meltemi.io/expires: "2030-01-31T12:00:00Z" }';

/** The routes of the service `x` as a sidecar has them, or those of a gateway, in order; those that end by themselves have a star. */
function routesOf(...objects: readonly string[]): readonly string[] {
  return routesAt('sidecar', objects);
}

function routesAt(type: 'sidecar' | 'router', objects: readonly string[]): readonly string[] {
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: { name: x, namespace: a }\nspec: { selector: { app: x }, ports: [{ name: http, port: 80 }] }\n';
  const mesh =
    '# mesh\n{"workloads": [{ "name": "client", "namespace": "a", "address": "10.3.1.1", "type": "TYPE", "labels": { "app": "edge" }, "show": true }]}\n';
  const rules = objects.map((object) => `apiVersion: networking.istio.io/v1\nkind: VirtualService\n${object}`);
  const { nodes, state } = readMeshCase([mesh.replace('TYPE', type), GATEWAY, service, ...rules].join('\n---\n'), 'ends.yaml');
  const [node] = nodes.values();
  assert.ok(node !== undefined);
  const tables = resourcesOf(node, state).routes as readonly RouteConfiguration[];
  const host = tables.flatMap(({ virtual_hosts = [] }) => virtual_hosts).find(({ name }) => name.startsWith(type === 'router' ? 'x.com' : 'x.a.'));
  return (host?.routes ?? []).map(({ name, metadata }) => `${name}${metadata?.filter_metadata?.['meltemi.io']?.['until'] === undefined ? '' : '*'}`);
}

const GATEWAY = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: a }
spec: { selector: { app: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [x.com] }] }
`;
const FAULT = 'name: fault, fault: { abort: { httpStatus: 503, percentage: { value: 100 } } }, route: [{ destination: { host: x } }]';
const OWN = '{ name: own, timeout: 3s, route: [{ destination: { host: x } }] }';

test('behind rules that end by themselves stands what counts then', () => {
  const fault = `metadata: { name: a-fault, namespace: a, ${ENDS} }\nspec: { hosts: [x], http: [{ ${FAULT} }] }`;
  const lasting = `metadata: { name: lasting, namespace: a }\nspec: { hosts: [x], http: [${OWN}] }`;
  assert.deepEqual(routesOf(fault), ['fault*', 'default']);
  assert.deepEqual(routesOf(fault, lasting), ['fault*', 'own']);
  assert.deepEqual(routesOf(lasting), ['own']);
});

test('behind a delegate that ends by itself stand the rules that follow in the one that delegates', () => {
  const delegate = `metadata: { name: delegate, namespace: a, ${ENDS} }\nspec: { http: [{ ${FAULT} }] }`;
  const root = `metadata: { name: root, namespace: a }\nspec: { hosts: [x], http: [{ delegate: { name: delegate, namespace: a } }, ${OWN}] }`;
  assert.deepEqual(routesOf(delegate, root), ['fault*', 'own']);
});

test('on a gateway the rule that takes everything stands behind one that does so and ends', () => {
  const edge = 'hosts: [x.com], gateways: [edge]';
  const fault = `metadata: { name: fault, namespace: a, creationTimestamp: "2020-01-01T00:00:00Z", ${ENDS} }\nspec: { ${edge}, http: [{ ${FAULT} }] }`;
  const lasting = `metadata: { name: lasting, namespace: a, creationTimestamp: "2021-01-01T00:00:00Z" }\nspec: { ${edge}, http: [${OWN}] }`;
  assert.deepEqual(routesAt('router', [fault, lasting]), ['fault*', 'own']);
  assert.deepEqual(routesAt('router', [lasting]), ['own']);
});

const LATER = 'annotations: { meltemi.io/expires: "2030-02-28T12:00:00Z" }';
const MATCHED = '{ name: own, match: [{ uri: { prefix: /own } }], route: [{ destination: { host: x } }] }';

test('as long as rules that do not take everything count, nothing behind them does', () => {
  const part = `metadata: { name: part, namespace: a, ${ENDS} }\nspec: { hosts: [x], http: [${MATCHED}] }`;
  assert.deepEqual(routesOf(part), ['own*', 'not-found*', 'default']);
  const next = `metadata: { name: z-next, namespace: a, ${LATER} }\nspec: { hosts: [x], http: [{ ${FAULT} }] }`;
  assert.deepEqual(routesOf(part, next), ['own*', 'not-found*', 'fault*', 'default']);
});

test('behind a VirtualService that stays, though not with all of its rules, stands no other', () => {
  const delegate = `metadata: { name: delegate, namespace: a, ${ENDS} }\nspec: { http: [{ ${FAULT} }] }`;
  const root = `metadata: { name: root, namespace: a }\nspec: { hosts: [x], http: [{ delegate: { name: delegate, namespace: a } }, ${MATCHED}] }`;
  const other = `metadata: { name: z-other, namespace: a }\nspec: { hosts: [x], http: [${OWN}] }`;
  assert.deepEqual(routesOf(delegate, root, other), ['fault*', 'own']);
});

test('as many routes as the matches of two objects can make are looked at', () => {
  const few =
    '# mesh\n{}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: many, namespace: a }\nspec: { hosts: [x], http: [{ directResponse: { status: 200 } }] }\n';
  const { push } = readMeshCase(few, 'many.yaml').state;
  const [owner] = push.virtualServices.all;
  assert.ok(owner !== undefined);
  const match = Array.from({ length: 150_000 }, () => ({ uri: { exact: '/x' } }));
  const http = owner.http.map((rule) => ({ ...rule, route: { ...rule.route, match } }));
  const scope = { push, services: new Map(), namespace: 'a', labels: {}, gateways: MESH_ONLY, port: 80 };
  assert.equal(rulesOf([{ ...owner, http }], scope)?.length, match.length);
});
