import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { DEFAULT_MESH_CONFIG, type ProxyNode } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import { createMemoryStore, createMesh } from '@meltemi/registry';
import { meshConflicts } from './mesh-conflicts.ts';
import { createPilotMetrics } from './pilot-metrics.ts';

const OBJECTS = `
apiVersion: v1
kind: Service
metadata: { name: x, namespace: a }
spec: { ports: [{ port: 80, name: http }], selector: { app: x } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: one, namespace: a }
spec: { hosts: [one.example.com], addresses: [10.0.0.1], resolution: STATIC, ports: [{ number: 5432, name: tcp }], endpoints: [{ address: 10.1.1.1 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: two, namespace: a }
spec: { hosts: [two.example.com], addresses: [10.0.0.1], resolution: STATIC, ports: [{ number: 5432, name: tcp }], endpoints: [{ address: 10.1.1.2 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: first, namespace: a }
spec: { hosts: [x], http: [{ route: [{ destination: { host: x } }] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: second, namespace: a }
spec: { hosts: [x], http: [{ route: [{ destination: { host: x } }] }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: first, namespace: a }
spec: { host: x, subsets: [{ name: v1 }, { name: v2 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: second, namespace: a }
spec: { host: x, subsets: [{ name: v1 }] }
`;

test('what has no effect and what leads nowhere is counted as Istio counts it', async () => {
  const time = { now: () => 1_800_000_000_000, monotonic: () => 0, after: () => ({ cancel: () => undefined }) };
  const configs = createMemoryStore({ clock: time });
  for (const config of decodeYaml(OBJECTS).configs) await configs.put(config);
  const mesh = await createMesh({ configs, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const conflicts = meshConflicts(mesh.state, mesh.workloads());
  assert.deepEqual(conflicts, {
    inboundListeners: 0,
    tcpOverTcp: 1,
    duplicateClusters: 0,
    duplicateDomains: 1,
    duplicateSubsets: 1,
    withoutEndpoints: 1,
    dnsWithoutEndpoints: 0,
    unreadyEndpoints: 0,
  });
  const metrics = createPilotMetrics({ clock: time, version: 'test' });
  metrics.observer.stale(TYPE_URL.cluster);
  metrics.observer.queued(30);
  metrics.authority.requested();
  metrics.authority.failed('authentication');
  metrics.authority.failed('identity');
  metrics.meshBuilt(3);
  const claims = {} as ProxyNode;
  for (const known of [claims, { ...claims }, undefined, undefined]) metrics.claimed(claims, known);
  metrics.meshChanged({ push: undefined, endpoints: [{ service: 'a/x', ports: new Map(), accountsChanged: false }], workloads: [] });
  const authority = { roots: '', chain: '' };
  const route = metrics.route(() => ({ nodes: [], services: 3, virtualServices: 2, rejectedConfigs: 0, conflicts, authority }));
  const answer = await route.handler({} as never);
  const text = String((answer as { readonly body?: unknown }).body);
  for (const line of [
    'pilot_vservice_dup_domain 1',
    'pilot_destrule_subsets 1',
    'pilot_conflict_outbound_listener_tcp_over_current_tcp 1',
    'pilot_eds_no_instances 1',
    'pilot_xds_expired_nonce{type="cds"} 1',
    'pilot_push_triggers{type="endpoint"} 1',
    'pilot_proxy_queue_time_bucket{le="0.05"} 1',
    'meltemi_xds_claims_ignored{type="deviates"} 1',
    'meltemi_xds_claims_ignored{type="unknown"} 2',
    'citadel_server_csr_count 1',
    'citadel_server_authentication_failure_count 1',
    'citadel_server_id_extraction_err_count 1',
    'pilot_pushcontext_init_seconds_bucket{le="0.005"} 1',
    'pilot_duplicate_envoy_clusters 0',
    'citadel_server_success_cert_issuance_count 0',
  ])
    assert.ok(text.includes(`${line}\n`), `${line} is missing in\n${text}`);
  await mesh.close();
});
