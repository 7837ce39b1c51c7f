import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyNode } from '@meltemi/model';
import { readMeshCase, resourcesOf } from '../testdata/mesh-case.ts';

const entry = (namespace: string, address: string): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: otel, namespace: ${namespace}, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  hosts: [otel.example.com]
  exportTo: ["."]
  resolution: STATIC
  ports: [{ number: 4317, name: grpc, protocol: GRPC }]
  endpoints: [{ address: ${address} }]
`;

/** Where the logs of a proxy of each namespace go. */
function collectorsOf(service: string): unknown {
  const text = `# mesh
{"workloads": [{ "name": "mine", "namespace": "a", "address": "10.3.1.1", "show": true }, { "name": "yours", "namespace": "shop", "address": "10.3.1.2", "show": true }]}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system, creationTimestamp: "2026-01-01T00:00:00Z" }
data:
  mesh: |
    extensionProviders: [{ name: otel, envoyOtelAls: { service: ${service}, port: 4317 } }]
    defaultProviders: { accessLogging: [otel] }
${entry('a', '10.9.0.1')}${entry('telemetry', '10.9.0.2')}`;
  const { nodes, state } = readMeshCase(text, 'collectors.yaml');
  return Object.fromEntries([...nodes].map(([name, node]) => [name, endpointsOf(node, state)]));
}

function endpointsOf(node: ProxyNode, state: Parameters<typeof resourcesOf>[1]): unknown {
  const { clusters, endpoints } = resourcesOf(node, state);
  const named = clusters.map((cluster) => (cluster as { readonly name: string }).name).filter((name) => name.includes('otel'));
  return [named, [...JSON.stringify(endpoints).matchAll(/10\.9\.0\.\d/g)].map(String)];
}

const OTEL = 'outbound|4317||otel.example.com';

test('a collector is the service of the namespace that its provider names; one of that name in another namespace is only that one’s own', () => {
  assert.deepEqual(collectorsOf('telemetry/otel.example.com'), { mine: [[OTEL], ['10.9.0.1']], yours: [[OTEL], ['10.9.0.2']] });
  assert.deepEqual(collectorsOf('nowhere/otel.example.com'), { mine: [[OTEL], ['10.9.0.1']], yours: [[], []] });
});
