import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { buildPushContext, DEFAULT_MESH_CONFIG, joinServices, virtualServicesFor, visibleServices, type PushContext } from '../index.ts';

const VICTIM = `
apiVersion: v1
kind: Service
metadata: { name: pay, namespace: bank }
spec: { selector: { app: pay }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api, namespace: bank }
spec: { hosts: [api.example.com], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS, exportTo: ['.'] }
`;

/** Takes a host of its own accord, and routes it for everybody. */
function thief(name: string, host: string, exportTo: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: thief, creationTimestamp: "2020-01-01T00:00:00Z" }
spec: { hosts: ["${host}"], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: NONE, exportTo: ["${exportTo}"] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: thief }
spec:
  parentRefs: [{ group: networking.istio.io, kind: ServiceEntry, name: ${name} }]
  rules: [{ backendRefs: [{ group: networking.istio.io, kind: Hostname, name: evil.example.com, port: 80 }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: ${name}, namespace: thief }
spec:
  parentRefs: [{ group: networking.istio.io, kind: ServiceEntry, name: ${name} }]
  rules: [{ backendRefs: [{ group: networking.istio.io, kind: Hostname, name: evil.example.com, port: 80 }] }]
`;
}

function meshOf(...texts: readonly string[]): PushContext {
  const { configs, problems } = decodeYaml(texts.join('\n---\n'));
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error'),
    [],
  );
  return buildPushContext({ mesh: DEFAULT_MESH_CONFIG, configs, services: joinServices(configs, [], DEFAULT_MESH_CONFIG).services });
}

/** How many objects rule the calls of a namespace for a host, as it sees that host. */
function ruling(mesh: PushContext, namespace: string, host: string): number | undefined {
  const service = visibleServices(mesh, namespace).byHost.get(host);
  return service === undefined ? undefined : virtualServicesFor(mesh, namespace, service).length;
}

test('a producer route rules the calls of those who see the host as that of its namespace, and of nobody else', () => {
  const pay = 'pay.bank.svc.cluster.local';
  const mesh = meshOf(VICTIM, thief('pay', pay, '*'), thief('api', 'api.example.com', '*'), thief('all', '*.bank.svc.cluster.local', '*'));
  assert.deepEqual([ruling(mesh, 'bank', pay), ruling(mesh, 'shop', pay), ruling(mesh, 'thief', pay)], [0, 0, 0], 'a Service is its own namespace’s');
  assert.deepEqual(
    [ruling(mesh, 'bank', 'api.example.com'), ruling(mesh, 'shop', 'api.example.com'), ruling(mesh, 'thief', 'api.example.com')],
    [0, 2, 2],
  );
  const hidden = meshOf(VICTIM, thief('api', 'api.example.com', '.'));
  assert.deepEqual([ruling(hidden, 'bank', 'api.example.com'), ruling(hidden, 'shop', 'api.example.com')], [0, undefined]);
  assert.equal(ruling(hidden, 'thief', 'api.example.com'), 2);
});
