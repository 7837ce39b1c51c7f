import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '@meltemi/api';
import { NO_LOCALITY, workloadFromEntry, type Workload } from '@meltemi/model';
import { createVersionSource } from '../index.ts';
import { manualTime } from '../testdata/ports.ts';
import { createRegisteredStore } from './registered-store.ts';
import type { Member } from './types.ts';

const WORKLOAD: Workload = {
  name: 'vms-1',
  namespace: 'shop',
  serviceAccount: 'shop-vms',
  labels: { app: 'vms' },
  address: 'fd00::1',
  appAddress: 'fd00::1',
  ports: [],
  portMap: { http: 9080 },
  locality: { ...NO_LOCALITY, region: 'r', zone: 'z' },
  weight: 1,
  tlsMode: 'istio',
  health: 'healthy',
  dataPlane: 'embedded',
  cluster: 'meltemi',
  registry: 'connected',
};

function fakeMembers() {
  let list: readonly Member[] = [];
  const listeners = new Set<() => void>();
  return {
    members: () => list,
    watch: (listener: () => void) => (listeners.add(listener), () => void listeners.delete(listener)),
    set(...workloads: readonly Workload[]) {
      list = workloads.map((workload) => {
        const { portMap, locality, weight } = workload;
        return { workload, member: { name: 'vms', annotations: { team: 'a' }, portMap, locality, weight } };
      });
      for (const listener of listeners) listener();
    },
  };
}

test('members of WorkloadGroups are seen as WorkloadEntries, and are no workloads twice', async () => {
  const time = manualTime();
  const members = fakeMembers();
  const store = createRegisteredStore(members, time, createVersionSource(time));
  let changes = 0;
  store.watch(() => changes++);
  members.set(WORKLOAD);
  const [entry] = store.list() as readonly [Config<never>];
  assert.deepEqual(
    [entry.meta.name, entry.meta.namespace, entry.meta.annotations],
    ['vms-fd00--1', 'shop', { team: 'a', 'istio.io/autoRegistrationGroup': 'vms' }],
  );
  assert.deepEqual(entry.spec, {
    address: 'fd00::1',
    labels: { app: 'vms' },
    ports: { http: 9080 },
    serviceAccount: 'shop-vms',
    weight: 1,
    locality: 'r/z',
  });
  assert.deepEqual(entry.status, { conditions: [{ type: 'Healthy', status: 'True' }] });
  assert.equal(workloadFromEntry(entry), undefined, 'the stream has it already');
  assert.equal(
    workloadFromEntry({ ...entry, origin: { source: 'file' } })?.address,
    'fd00::1',
    'an entry of a file is one, even when some cluster registered it once',
  );

  members.set(WORKLOAD);
  assert.equal(changes, 1, 'the same again is no news');
  members.set({ ...WORKLOAD, health: 'unhealthy' });
  assert.deepEqual(store.list()[0]?.status, { conditions: [{ type: 'Healthy', status: 'False' }] });
  members.set();
  assert.deepEqual([store.list(), changes], [[], 3]);
  await store.close();
  members.set(WORKLOAD);
  assert.deepEqual(store.list(), []);
});
