import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG } from '@meltemi/model';
import { membershipOf } from './membership.ts';
import type { JoinRequest } from './types.ts';

const ASKED: JoinRequest = {
  type: 'sidecar',
  namespace: 'shop',
  workload: 'vm-1',
  app: 'vms',
  version: 'v1',
  labels: { rack: 'r7', app: 'mine' },
  ports: [],
  interception: 'ports',
  calledAddress: '127.0.0.1',
};

function member(objects: string, wanted: Partial<JoinRequest> = {}, mesh = DEFAULT_MESH_CONFIG) {
  const { configs, problems } = decodeYaml(objects);
  assert.deepEqual(problems, []);
  return membershipOf({ ...ASKED, ...wanted }, { configs, mesh });
}

const GROUP = `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: vms, namespace: shop }
spec:
  metadata: { labels: { app: shop-vms, version: v7 }, annotations: { team: a } }
  template: { serviceAccount: shop-vms, ports: { http-web: 8080, grpc: 9090 }, locality: eu/a/1, weight: 3 }
  probe: { periodSeconds: 5, httpGet: { port: 8080 } }
`;

test('a member of a WorkloadGroup is what the group says, and has labels of its own besides', () => {
  const { request, probe } = member(GROUP, { group: 'vms' });
  assert.deepEqual(request, {
    ...ASKED,
    group: 'vms',
    labels: { rack: 'r7', app: 'shop-vms', version: 'v7' },
    app: 'shop-vms',
    version: 'v7',
    serviceAccount: 'shop-vms',
    ports: [
      { number: 8080, protocol: 'http', name: 'http-web' },
      { number: 9090, protocol: 'grpc', name: 'grpc' },
    ],
    member: {
      name: 'vms',
      annotations: { team: 'a' },
      portMap: { 'http-web': 8080, grpc: 9090 },
      locality: { region: 'eu', zone: 'a', subZone: '1' },
      weight: 3,
    },
  });
  assert.deepEqual(probe, { periodSeconds: 5, httpGet: { port: 8080 } });
});

test('ports that a member names itself, and a group that says little', () => {
  const little = 'apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: { name: vms, namespace: shop }\nspec: { template: {} }\n';
  const { request, probe } = member(little, { group: 'vms', ports: [{ number: 7000, protocol: 'tcp' }] });
  assert.deepEqual([request.serviceAccount, request.ports, request.app, probe], ['default', [{ number: 7000, protocol: 'tcp' }], 'mine', undefined]);
  assert.deepEqual(request.member, { name: 'vms', annotations: {}, portMap: {}, locality: { region: '', zone: '', subZone: '' }, weight: 1 });
});

test('a group that is not there, or of another namespace, and another account are refused', () => {
  assert.throws(() => member(GROUP, { group: 'none' }), { code: 'join/no-group' });
  assert.throws(() => member(GROUP, { group: 'vms', namespace: 'other' }), { code: 'join/no-group' });
  assert.throws(() => member(GROUP, { group: 'vms', serviceAccount: 'root' }), { code: 'join/other-account' });
  assert.equal(member(GROUP, { group: 'vms', serviceAccount: 'shop-vms' }).request.serviceAccount, 'shop-vms');
  assert.equal(member(GROUP).request.serviceAccount, 'default');
});

const config = (name: string, spec: string, namespace = 'shop'): string =>
  `apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}\n`;

test('ProxyConfig: the mesh, then the root namespace, then the own one, then what selects the workload; variables add up', () => {
  const mesh = {
    ...DEFAULT_MESH_CONFIG,
    proxy: { concurrency: 8, environment: { A: 'mesh', M: 'mesh' }, terminationDrainMs: 7_000, drainMs: 20_000 },
  };
  const all = [
    config('root', '{ concurrency: 4, environmentVariables: { A: root, R: root } }', 'istio-system'),
    config('own', '{ environmentVariables: { A: own } }'),
    config('mine', '{ selector: { matchLabels: { app: mine } }, concurrency: 0, environmentVariables: { S: mine } }'),
    config('others', '{ selector: { matchLabels: { app: other } }, concurrency: 1 }'),
    config('far', '{ concurrency: 3 }', 'far'),
  ];
  assert.deepEqual(member(all.join('---\n'), {}, mesh).proxy, {
    concurrency: 0,
    environment: { A: 'own', M: 'mesh', R: 'root', S: 'mine' },
    terminationDrainMs: 7_000,
    drainMs: 20_000,
  });
  assert.deepEqual(member(all.slice(0, 2).join('---\n'), {}, mesh).proxy.concurrency, 4);
  assert.deepEqual(member('', {}, mesh).proxy, mesh.proxy);
});
