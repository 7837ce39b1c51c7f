import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, type Config } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { DEFAULT_MESH_CONFIG, type Workload } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import { createMemoryStore, createMesh, type MeshUpdate } from '../index.ts';
import { virtualService } from '../testdata/objects.ts';
import { manualTime } from '../testdata/ports.ts';

function workload(name: string, more: Partial<Workload> = {}): Workload {
  return sampleWorkload({
    name,
    labels: { app: 'x', version: name },
    address: `10.0.0.${name}`,
    ports: [{ number: 80, protocol: 'http' }],
    ...more,
  });
}

/** Workloads set by hand. */
function fakeConnected() {
  let list: readonly Workload[] = [];
  const listeners = new Set<() => void>();
  return {
    workloads: () => list,
    watch: (listener: () => void) => (listeners.add(listener), () => void listeners.delete(listener)),
    set(next: readonly Workload[]) {
      list = next;
      for (const listener of listeners) listener();
    },
  };
}

function configOf(text: string): Config {
  const { configs, problems } = decodeYaml(text);
  assert.deepEqual(problems, []);
  return configs[0] as Config;
}

const SERVICE = configOf(
  'apiVersion: v1\nkind: Service\nmetadata: { name: x, namespace: a }\nspec: { ports: [{ port: 8080, name: http, targetPort: 80 }], selector: { app: x } }\n',
);

test('configuration and workloads become one mesh: snapshot for the first, endpoints only for the second', async () => {
  const time = manualTime();
  const configs = createMemoryStore({ clock: time });
  const connected = fakeConnected();
  const mesh = await createMesh({ configs, connected, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const updates: MeshUpdate[] = [];
  mesh.watch((update) => updates.push(update));
  assert.equal(mesh.version, 1);

  await configs.put(SERVICE);
  await configs.put(virtualService('x'));
  time.advance(10);
  assert.deepEqual([updates.length, mesh.version], [1, 2], 'changes in a row are one update');
  const { objects, ...named } = updates[0]?.changes.push ?? {};
  assert.deepEqual(named, { full: false, configs: ['Service/a/x', 'VirtualService/a/x'], services: ['a/x.a.svc.cluster.local'] });
  assert.equal(objects?.length, 2);

  const snapshot = mesh.state.push;
  connected.set([workload('1'), workload('2')]);
  assert.equal(mesh.settle(), 3);
  const [change] = updates[1]?.changes.endpoints ?? [];
  assert.equal(updates[1]?.changes.push, undefined, 'an endpoint does not touch the snapshot');
  assert.equal(mesh.state.push, snapshot);
  assert.deepEqual([change?.service, [...(change?.ports.keys() ?? [])], change?.accountsChanged], ['a/x.a.svc.cluster.local', [8080], true]);
  assert.deepEqual(
    mesh.state.endpoints.endpoints('a/x.a.svc.cluster.local', 8080).map(({ address, port }) => `${address}:${port}`),
    ['10.0.0.1:80', '10.0.0.2:80'],
  );
  assert.deepEqual(updates[1]?.changes.workloads, ['10.0.0.1', '10.0.0.2']);
  assert.equal(mesh.state.endpoints.workloadAt('10.0.0.2')?.name, '2');

  connected.set([...connected.workloads()]);
  assert.equal(mesh.settle(), 3, 'the same again is no version');
  await configs.delete({ kind: 'Service', namespace: 'a', name: 'x' });
  mesh.settle();
  assert.deepEqual(
    mesh.state.push.services.all.map((service) => [service.registry, service.ports[0]?.number]),
    [['synthetic', 80]],
    'without the Service the workloads get one by their app',
  );
  await mesh.close();
  await configs.put(SERVICE);
  assert.equal(time.waiting, 0);
});

test('WorkloadEntries are endpoints of ServiceEntries and of Services alike', async () => {
  const time = manualTime();
  const configs = createMemoryStore({ clock: time });
  await configs.put(SERVICE);
  await configs.put(
    configOf(
      'apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: s, namespace: a }\nspec: { hosts: [s.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{ number: 7, name: tcp-x, protocol: TCP }], workloadSelector: { labels: { app: x } } }\n',
    ),
  );
  await configs.put(
    configOf(
      'apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: w, namespace: a }\nspec: { address: 10.1.1.1, labels: { app: x }, ports: { tcp-x: 77 } }\n',
    ),
  );
  const mesh = await createMesh({ configs, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const { endpoints } = mesh.state;
  assert.deepEqual(
    [endpoints.endpoints('a/s.example.com', 7), endpoints.endpoints('a/x.a.svc.cluster.local', 8080)].map((list) =>
      list.map(({ address, port }) => `${address}:${port}`),
    ),
    [['10.1.1.1:77'], ['10.1.1.1:80']],
  );
  await mesh.close();
});

test('a connected workload that a WorkloadEntry declares is one endpoint, as the entry says, and its own again when that goes', async () => {
  const time = manualTime();
  const configs = createMemoryStore({ clock: time });
  const connected = fakeConnected();
  const entry = (weight: number, account: string, address = '10.0.0.1'): Config =>
    configOf(
      `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: w, namespace: a }\nspec: { address: ${address}, serviceAccount: ${account}, labels: { app: x, version: v7 }, ports: { http: 77 }, weight: ${weight}, locality: r/z }\n`,
    );
  await configs.put(SERVICE);
  await configs.put(entry(5, 'x'));
  connected.set([workload('1', { health: 'unhealthy' }), workload('2')]);
  const mesh = await createMesh({ configs, connected, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const shown = (): readonly unknown[] =>
    mesh.state.endpoints
      .endpoints('a/x.a.svc.cluster.local', 8080)
      .map(({ address, port, weight, labels, locality, tlsMode, health }) => [
        `${address}:${port}`,
        weight,
        labels['version'],
        locality.region,
        tlsMode,
        health,
      ]);
  const second = ['10.0.0.2:80', 1, '2', '', 'istio', 'healthy'];
  assert.deepEqual(shown(), [['10.0.0.1:77', 5, 'v7', 'r', 'istio', 'unhealthy'], second]);
  assert.deepEqual(
    [mesh.workloads(), mesh.entries()].map((list) => list.map(({ registry }) => registry)),
    [['connected', 'connected'], ['external']],
  );
  assert.equal(mesh.state.endpoints.workloadAt('10.0.0.1')?.object?.name, 'w');
  await configs.put(entry(9, 'x'));
  mesh.settle();
  assert.deepEqual(shown(), [['10.0.0.1:77', 9, 'v7', 'r', 'istio', 'unhealthy'], second]);
  await configs.put(entry(9, 'other', '10.0.0.2'));
  mesh.settle();
  const first = ['10.0.0.1:80', 1, '1', '', 'istio', 'unhealthy'];
  assert.deepEqual(shown(), [first, ['10.0.0.2:77', 9, 'v7', 'r', 'istio', 'healthy'], second], 'an entry of another account is another claim');
  await configs.delete({ kind: 'WorkloadEntry', namespace: 'a', name: 'w' });
  mesh.settle();
  assert.deepEqual(shown(), [first, second]);
  await mesh.close();
});

test('the ConfigMap of the mesh is over the settings of the start, and going takes it back', async () => {
  const time = manualTime();
  const configs = createMemoryStore({ clock: time });
  const mesh = await createMesh({ configs, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const updates: MeshUpdate[] = [];
  mesh.watch((update) => updates.push(update));
  const policy = (): string => mesh.state.push.mesh.outboundTrafficPolicy;
  const settings = (namespace: string): Config =>
    configOf(
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: istio, namespace: ${namespace} }\ndata: { mesh: "outboundTrafficPolicy: { mode: REGISTRY_ONLY }" }\n`,
    );
  assert.equal(policy(), 'ALLOW_ANY');
  await configs.put(settings('elsewhere'));
  mesh.settle();
  assert.equal(policy(), 'ALLOW_ANY', 'only the one of the root namespace counts');
  await configs.put(settings('istio-system'));
  mesh.settle();
  assert.deepEqual([policy(), updates.at(-1)?.changes.push?.full], ['REGISTRY_ONLY', true]);
  await configs.delete({ kind: 'ConfigMap', namespace: 'istio-system', name: 'istio' });
  mesh.settle();
  assert.equal(policy(), 'ALLOW_ANY');
  await mesh.close();
});

test('a change that cannot be taken in ends nothing; the next one brings all that was missed', async () => {
  const time = manualTime();
  const store = createMemoryStore({ clock: time });
  await store.put(SERVICE);
  const connected = fakeConnected();
  const errors: string[] = [];
  const log = { ...silentLog, error: (text: string) => void errors.push(text) };
  const mesh = await createMesh({ configs: store, connected, mesh: DEFAULT_MESH_CONFIG, timers: time, log });
  connected.set([workload('1'), { ...workload('2'), labels: undefined as never }]);
  time.advance(10);
  assert.deepEqual([errors.length, mesh.version], [1, 1]);
  connected.set([workload('1')]);
  const updates: MeshUpdate[] = [];
  mesh.watch((update) => updates.push(update));
  await store.put(virtualService('x'));
  time.advance(10);
  assert.deepEqual(updates[0]?.changes.push?.services, ['a/x.a.svc.cluster.local']);
  assert.equal(mesh.state.endpoints.endpoints('a/x.a.svc.cluster.local', 8080).length, 1);
  await mesh.close();
});

test('a change that could not be taken in is tried again, later and later, without another change', async () => {
  const time = manualTime();
  const store = createMemoryStore({ clock: time });
  await store.put(SERVICE);
  const connected = fakeConnected();
  const errors: number[] = [];
  const log = { ...silentLog, error: () => void errors.push(time.monotonic()) };
  const took: number[] = [];
  const options = {
    configs: store,
    connected,
    mesh: DEFAULT_MESH_CONFIG,
    timers: time,
    log,
    clock: time,
    onRebuilt: (ms: number) => void took.push(ms),
  };
  const mesh = await createMesh(options);
  const whole = workload('1');
  let labels: Workload['labels'] = undefined as never;
  connected.set([
    {
      ...whole,
      get labels() {
        return labels;
      },
    },
  ]);
  time.advance(8_000);
  assert.deepEqual([errors.map((ms) => Math.round(ms / 1000)), mesh.version, took], [[0, 1, 3, 7], 1, [0]]);
  labels = whole.labels;
  time.advance(8_000);
  assert.deepEqual([errors.length, mesh.version, took.length], [4, 2, 2]);
  assert.equal(mesh.state.endpoints.endpoints('a/x.a.svc.cluster.local', 8080).length, 1);
  labels = undefined as never;
  connected.set([
    {
      ...whole,
      address: '10.0.0.9',
      get labels() {
        return labels;
      },
    },
  ]);
  time.advance(10);
  assert.equal(errors.length, 5);
  await mesh.close();
  assert.equal(time.waiting, 0);
});

test('what went together with an object that cannot be taken in is gone once that object is', async () => {
  const time = manualTime();
  const store = createMemoryStore({ clock: time });
  await store.put(SERVICE);
  await store.put(virtualService('x'));
  const connected = fakeConnected();
  connected.set([workload('1')]);
  const mesh = await createMesh({ configs: store, connected, mesh: DEFAULT_MESH_CONFIG, timers: time, log: silentLog });
  const rules = (): number => mesh.state.push.virtualServices.all.length;
  assert.equal(rules(), 1);
  const poison: Config = { ...virtualService('x'), kind: 'DestinationRule', spec: undefined };
  connected.set([]);
  await store.delete({ kind: 'VirtualService', namespace: 'a', name: 'x' });
  await store.put(poison);
  assert.throws(() => mesh.settle());
  const updates: MeshUpdate[] = [];
  mesh.watch((update) => updates.push(update));
  await store.delete({ kind: 'DestinationRule', namespace: 'a', name: 'x' });
  mesh.settle();
  const { push, workloads } = updates[0]?.changes ?? {};
  assert.deepEqual([rules(), workloads, push?.services], [0, ['10.0.0.1'], ['a/x.a.svc.cluster.local']]);
  assert.ok(push?.configs.includes('VirtualService/a/x'));
  await mesh.close();
});
