import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG, endpointsOf, joinServices, targetPortOf, workloadFromEntry, type Workload } from '../index.ts';
import type { WorkloadEntrySpec } from '../specs.ts';
import { sampleWorkload } from '../testing/workload.ts';

const WORKLOAD = sampleWorkload({ labels: { app: 'x' }, portMap: { http: 8080 } });

test('a port may be called like what every object has', () => {
  const { configs, problems } = decodeYaml(`
apiVersion: v1
kind: Service
metadata: { name: x, namespace: a }
spec: { selector: { app: x }, ports: [{ name: constructor, port: 80 }, { name: http, port: 81 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: y, namespace: a }
spec: { hosts: [y.example.com], resolution: STATIC, ports: [{ number: 80, name: constructor, protocol: TCP }], endpoints: [{ address: 1.2.3.4, ports: {} }] }
`);
  assert.deepEqual(problems, []);
  const { services } = joinServices(configs, [WORKLOAD], DEFAULT_MESH_CONFIG);
  const ports = services.flatMap((service) =>
    [...endpointsOf(service, [WORKLOAD], 'cluster.local')].map(([port, [endpoint]]) => [service.hostname, port, endpoint?.port]),
  );
  assert.deepEqual(ports, [
    ['x.a.svc.cluster.local', 80, 80],
    ['x.a.svc.cluster.local', 81, 8080],
    ['y.example.com', 80, 80],
  ]);
  assert.equal(targetPortOf({ number: 80, name: 'toString', protocol: 'tcp', targetPort: 'toString' }, WORKLOAD), undefined);
});

test('two workloads at one address and port are one endpoint: the one that is connected', () => {
  const { configs } = decodeYaml(`
apiVersion: v1
kind: Service
metadata: { name: x, namespace: a }
spec: { selector: { app: x }, ports: [{ name: http, port: 81 }, { name: tcp, port: 9 }] }
`);
  const entry: Workload = { ...WORKLOAD, name: 'w', serviceAccount: 'other', portMap: { http: 8080, tcp: 99 }, registry: 'external' };
  const { services } = joinServices(configs, [], DEFAULT_MESH_CONFIG);
  const [service] = services;
  assert.ok(service);
  for (const workloads of [
    [WORKLOAD, entry],
    [entry, WORKLOAD],
  ])
    assert.deepEqual(
      [...endpointsOf(service, workloads, 'cluster.local')].map(([port, list]) => [
        port,
        list.map((endpoint) => `${endpoint.workload}:${endpoint.port}`),
      ]),
      [
        [81, ['x:8080']],
        [9, ['x:9', 'w:99']],
      ],
    );
});

const ENTRIES: readonly (readonly [fields: string, inside: string, outside: string])[] = [
  ['serviceAccount: x', 'istio', 'disabled'],
  ['serviceAccount: x, labels: { security.istio.io/tlsMode: disabled }', 'disabled', 'disabled'],
  ['labels: { security.istio.io/tlsMode: istio }', 'istio', 'disabled'],
  ['weight: 1', 'disabled', 'disabled'],
];

for (const [fields, inside, outside] of ENTRIES) {
  test(`mutual TLS of an endpoint with ${fields}: ${inside}`, () => {
    const entry = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: w, namespace: a }
spec: { address: 10.0.0.9, ${fields} }
`;
    const service = (location: string): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${location.toLowerCase().replace('_', '-')}, namespace: a }
spec: { hosts: [${location}.example.com], location: ${location}, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 10.0.0.9, ${fields} }] }
`;
    const { configs, problems } = decodeYaml(entry + service('MESH_INTERNAL') + service('MESH_EXTERNAL'));
    assert.deepEqual(problems, []);
    const [own] = configs;
    assert.ok(own !== undefined);
    assert.equal(workloadFromEntry(own as typeof own & { readonly spec: WorkloadEntrySpec })?.tlsMode, inside);
    const { services } = joinServices(configs, [], DEFAULT_MESH_CONFIG);
    const modes = services.map((one) => [one.external, endpointsOf(one, [], 'cluster.local').get(80)?.[0]?.tlsMode] as const);
    assert.deepEqual(
      new Map(modes),
      new Map([
        [false, inside],
        [true, outside],
      ]),
    );
  });
}
