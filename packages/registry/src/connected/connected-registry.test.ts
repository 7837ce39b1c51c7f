import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError, silentLog } from '@meltemi/base';
import { NO_LOCALITY, parseProxyNode, type ProxyNode, type Workload } from '@meltemi/model';
import {
  createConnectedRegistry,
  createSavedValue,
  type ConnectedRegistry,
  type ConnectedRegistryOptions,
  type JoinRequest,
  type SavedWorkload,
} from '../index.ts';
import { manualTime, type ManualTime } from '../testdata/ports.ts';
import { socketLock } from './address-pool.ts';
import type { JoinedAs } from './types.ts';

const JOIN: JoinRequest = {
  type: 'sidecar',
  namespace: 'a',
  serviceAccount: 'x',
  workload: 'x-v1',
  app: 'x',
  version: '',
  labels: {},
  ports: [{ number: 80 }],
  interception: 'netns',
  calledAddress: '127.0.0.1',
};

function node(address: string, account = 'x', type = 'sidecar'): ProxyNode {
  const parsed = parseProxyNode({
    id: `${type}~${address}~x-v1.a~a.svc.cluster.local`,
    metadata: { SERVICE_ACCOUNT: account, LABELS: { app: 'x' }, MELTEMI_PORTS: [{ number: 80, protocol: 'http' }] },
  });
  assert.ok('node' in parsed);
  return parsed.node;
}

/** A WorkloadEntry that says what the node says. */
function entryOf({ address, namespace, serviceAccount, workload, labels }: ProxyNode): Workload {
  return {
    name: workload,
    namespace,
    serviceAccount,
    labels,
    address,
    appAddress: address,
    ports: [],
    portMap: {},
    locality: NO_LOCALITY,
    weight: 1,
    tlsMode: 'disabled',
    health: 'healthy',
    dataPlane: 'none',
    cluster: 'meltemi',
    registry: 'external',
  };
}

/** Workloads that objects declare, besides those of `entryOf`. */
const ENTRIES = new Map([['10.9.0.6', entryOf(node('10.9.0.6'))]]);

async function registry(time: ManualTime, more: Partial<ConnectedRegistryOptions> = {}): Promise<ConnectedRegistry> {
  const held = new Set<string>();
  return createConnectedRegistry({
    timers: time,
    random: { next: () => 0 },
    log: silentLog,
    xdsAddress: { netns: '10.9.0.1:15012', ports: (address) => `${address}:15012` },
    network: { bridge: 'mlt-1-br', gateway: '10.9.0.1', prefixLength: 29 },
    lock: (address) => Promise.resolve(held.has(address) ? undefined : (held.add(address), () => void held.delete(address))),
    registered: (registered) => ENTRIES.get(registered.address) ?? entryOf(registered),
    ...more,
  });
}

const addresses = (from: ConnectedRegistry): readonly string[] => from.workloads().map((workload) => workload.address);

test('a workload is there from its stream on, and goes ten seconds after the last one', async () => {
  const time = manualTime();
  const connected = await registry(time);
  let changes = 0;
  connected.watch(() => changes++);
  const { address, appAddress, xdsAddress, network } = await connected.allocate(JOIN);
  assert.deepEqual([address, appAddress, xdsAddress, network?.bridge], ['10.9.0.2', '10.9.0.2', '10.9.0.1:15012', 'mlt-1-br']);
  connected.connect('one', node(address));
  connected.connect('two', node(address));
  assert.equal(changes, 1, 'a second stream of the same workload is no news');
  connected.disconnect('one');
  time.advance(60_000);
  assert.deepEqual(addresses(connected), [address]);
  connected.disconnect('two');
  time.advance(9_999);
  assert.deepEqual(addresses(connected), [address]);
  connected.connect('three', node(address));
  time.advance(60_000);
  assert.deepEqual([addresses(connected), changes], [[address], 1], 'back in time: nobody noticed');
  connected.disconnect('three');
  time.advance(10_000);
  assert.deepEqual([addresses(connected), changes], [[], 2]);
  await connected.close();
  assert.equal(time.waiting, 0);
});

test('addresses: one owner each, freed when a join is not followed or the workload left, refused when used up', async () => {
  const time = manualTime();
  const connected = await registry(time);
  const given = await Promise.all([1, 2, 3, 4, 5].map(() => connected.allocate(JOIN)));
  assert.equal(new Set(given.map(({ address }) => address)).size, 5);
  await assert.rejects(connected.allocate(JOIN), (error) => error instanceof MeshError && error.code === 'join/no-address');
  connected.connect('one', node(given[0]?.address ?? ''));
  time.advance(300_000);
  const again = await Promise.all([1, 2, 3, 4].map(() => connected.allocate(JOIN)));
  assert.ok(again.every(({ address }) => address !== given[0]?.address));
  const loopback = await connected.allocate({ ...JOIN, interception: 'ports' });
  assert.deepEqual([loopback.address, loopback.appAddress, loopback.xdsAddress], ['127.2.0.1', '127.2.0.2', '127.0.0.1:15012']);
  await connected.close();
  const bare = await createConnectedRegistry({
    timers: time,
    random: { next: () => 0 },
    log: silentLog,
    xdsAddress: { ports: (address) => `${address}:15012` },
  });
  await assert.rejects(bare.allocate(JOIN), (error) => error instanceof MeshError && error.code === 'join/no-network');
  await bare.close();
});

test("an address is its owner's: another account with it is not registered", async () => {
  const connected = await registry(manualTime());
  connected.connect('one', node('10.9.0.2'));
  connected.connect('two', node('10.9.0.2', 'thief'));
  connected.disconnect('two');
  assert.deepEqual(
    connected.workloads().map((workload) => workload.serviceAccount),
    ['x'],
  );
  const { address } = await connected.allocate(JOIN);
  connected.connect('three', node(address, 'thief'));
  assert.deepEqual(addresses(connected), ['10.9.0.2'], 'an address that waits for its workload is its own already');
  connected.connect('four', node(address));
  assert.deepEqual(addresses(connected), ['10.9.0.2', address]);
  await connected.close();
});

test('a workload is what it joined as, whatever its node says; also after it left for long, and after a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-connected-'));
  try {
    const saved = () => createSavedValue<readonly SavedWorkload[]>(join(folder, 'workloads.json'), silentLog);
    const warnings: string[] = [];
    const more = { log: { ...silentLog, warn: (message: string) => void warnings.push(message) } };
    const seen = (from: ConnectedRegistry): unknown =>
      from.workloads().map(({ name, labels, ports }) => [name, labels, ports.map(({ number }) => number)]);
    const honest = [['x-v1', { app: 'x' }, [80]]];
    const time = manualTime();
    const before = await registry(time, { ...more, saved: saved() });
    const { address } = await before.allocate(JOIN);
    before.connect('honest', node(address));
    assert.deepEqual([seen(before), warnings], [honest, []]);
    const port = { number: 9080, protocol: 'http' } as const;
    const liar = { ...node(address), workload: 'payment', labels: { app: 'payment' }, ports: [...node(address).ports, port] };
    before.connect('liar', liar);
    assert.deepEqual([seen(before), warnings.length], [honest, 1]);
    before.disconnect('honest');
    before.disconnect('liar');
    time.advance(10_000);
    assert.deepEqual(seen(before), []);
    before.connect('back', liar);
    assert.deepEqual(seen(before), honest, 'its address was not given to another');
    await before.close();
    const after = await registry(manualTime(), { ...more, saved: saved() });
    assert.deepEqual(seen(after), honest);
    let changes = 0;
    after.watch(() => changes++);
    after.connect('again', liar);
    assert.deepEqual([seen(after), changes], [honest, 0]);
    after.connect('guest', { ...liar, address: '10.9.0.6' });
    assert.deepEqual(
      [after.workloads().at(-1)?.name, after.workloads().at(-1)?.labels, warnings.length],
      ['x-v1', { app: 'x' }, 4],
      'who is registered elsewhere is what it is registered as',
    );
    await after.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('an address that was neither given nor registered makes nobody an endpoint; one that was given is known over a restart, also before its workload came', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-connected-'));
  try {
    const savedJoins = () => createSavedValue<readonly (readonly [string, JoinedAs])[]>(join(folder, 'joins.json'), silentLog);
    const warnings: string[] = [];
    const more = {
      log: { ...silentLog, warn: (message: string) => void warnings.push(message) },
      registered: (claimed: ProxyNode) => (claimed.address === '10.1.1.1' ? entryOf(claimed) : undefined),
    };
    const before = await registry(manualTime(), { ...more, savedJoins: savedJoins() });
    before.connect('guess', node('10.9.0.5'));
    assert.deepEqual([addresses(before), warnings.length], [[], 1]);
    assert.equal(before.setHealth('guess', 'unhealthy'), false);
    before.connect('entry', node('10.1.1.1'));
    assert.deepEqual(addresses(before), ['10.1.1.1']);
    const { address } = await before.allocate(JOIN);
    // Not closed: it was killed right after its answer.
    const after = await registry(manualTime(), { ...more, savedJoins: savedJoins() });
    assert.notEqual((await after.allocate(JOIN)).address, address, 'its workload is on the way');
    after.connect('thief', node(address, 'thief'));
    after.connect('late', node(address));
    assert.deepEqual([after.workloads().map(({ serviceAccount }) => serviceAccount), warnings.length], [['x'], 2]);
    await Promise.all([before.close(), after.close()]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('health marks an endpoint and does not remove it; a gateway is no endpoint with mesh TLS', async () => {
  const connected = await registry(manualTime());
  const { address } = await connected.allocate({ ...JOIN, type: 'router', serviceAccount: 'edge' });
  connected.connect('one', node('10.1.0.2'));
  connected.connect('edge', node(address, 'edge', 'router'));
  assert.equal(connected.setHealth('one', 'unhealthy'), true);
  assert.equal(connected.setHealth('nobody', 'unhealthy'), false);
  assert.deepEqual(
    connected.workloads().map(({ health, tlsMode, ports }) => [health, tlsMode, ports.length]),
    [
      ['unhealthy', 'istio', 1],
      ['healthy', 'disabled', 0],
    ],
  );
  await connected.close();
});

test('a workload whose agent reports is no endpoint until its application listens, and stays one over a new stream', async () => {
  const connected = await registry(manualTime());
  const reporting = { ...node('10.9.0.2'), reportsHealth: true };
  const health = (): readonly string[] => connected.workloads().map((workload) => workload.health);
  connected.connect('one', reporting);
  assert.deepEqual(health(), ['unhealthy']);
  connected.setHealth('one', 'healthy');
  connected.connect('two', reporting);
  connected.disconnect('one');
  assert.deepEqual(health(), ['healthy']);
  assert.equal(connected.setHealth('one', 'unhealthy'), false, 'a stream that ended speaks for nobody');
  await connected.close();
});

test('after a restart the workloads of before are kept until they are back, or time is up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-connected-'));
  try {
    const saved = () => createSavedValue<readonly Workload[]>(join(folder, 'run', 'workloads.json'), silentLog);
    const before = await registry(manualTime(), { saved: saved() });
    before.connect('one', node('10.9.0.2'));
    before.connect('two', node('10.9.0.3'));
    await before.close();
    const time = manualTime();
    const after = await registry(time, { saved: saved() });
    assert.deepEqual(addresses(after), ['10.9.0.2', '10.9.0.3']);
    assert.equal((await after.allocate(JOIN)).address, '10.9.0.4', 'their addresses are taken');
    let changes = 0;
    after.watch(() => changes++);
    after.connect('again', node('10.9.0.2'));
    assert.equal(changes, 0);
    time.advance(30_000);
    assert.deepEqual([addresses(after), changes], [['10.9.0.2'], 1]);
    await after.close();
    before.connect('three', node('10.9.0.4'));
    before.connect('four', node('10.9.0.5'));
    await before.close();
    // They come one after another, as the many of a large mesh do: who is still to come stays.
    const slow = await registry(time, { saved: saved() });
    for (const [ms, address] of [
      [28_000, '10.9.0.2'],
      [4_000, '10.9.0.3'],
      [4_000, '10.9.0.4'],
      [3_000, undefined],
    ] as const) {
      time.advance(ms);
      if (address !== undefined) slow.connect(address, node(address));
      assert.deepEqual(addresses(slow), ['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5']);
    }
    time.advance(6_000);
    assert.deepEqual(addresses(slow), ['10.9.0.2', '10.9.0.3', '10.9.0.4']);
    await slow.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(
  'two meshes on one machine do not take the same loopback network',
  { skip: process.platform === 'darwin' ? 'only 127.0.0.1 is there' : false },
  async () => {
    const first = await socketLock('127.251.0.1');
    assert.equal(typeof first, 'function');
    assert.equal(await socketLock('127.251.0.1'), undefined);
    first?.();
  },
);

test('of workloads that went, a bounded number is remembered, however long the first one stays', async () => {
  const time = manualTime();
  let remembered: readonly string[] = [];
  const savedJoins = {
    load: () => Promise.resolve(undefined),
    save: (joins: readonly (readonly [string, JoinedAs])[]) => void (remembered = joins.map(([address]) => address)),
    flush: () => Promise.resolve(),
  };
  const connected = await registry(time, { savedJoins, maxJoins: 3, joinMs: 1_000 });
  const { address } = await connected.allocate(JOIN);
  connected.connect('first', node(address));
  for (let i = 0; i < 10; i++) {
    await connected.allocate(JOIN);
    time.advance(1_000);
  }
  assert.ok(remembered.length <= 4 && remembered.includes(address), remembered.join());
  await connected.close();
});

test('what a node is, is what it joined or is registered as; one that nobody knows at its address is nothing', async () => {
  const time = manualTime();
  const entry = entryOf(node('10.1.1.1'));
  const connected = await registry(time, { registered: ({ address }) => (address === '10.1.1.1' ? entry : undefined) });
  const { address } = await connected.allocate(JOIN);
  const honest = node(address);
  assert.equal(connected.known(honest), honest);
  const liar = node(address, 'x', 'router');
  assert.equal(connected.known(liar)?.type, 'sidecar');
  assert.equal(connected.known(liar), connected.known(liar), 'the same object while nothing changes');
  assert.equal(connected.known(node(address, 'other')), undefined);
  assert.equal(connected.known(node('10.2.2.2', 'x', 'router')), undefined);
  const gateway = { ...node('10.1.1.1', 'x', 'router'), labels: { istio: 'ingressgateway' }, workload: 'edge' };
  const { type, labels, workload } = connected.known(gateway) ?? {};
  assert.deepEqual([type, labels, workload], ['sidecar', { app: 'x' }, 'x-v1']);
  assert.equal(connected.known({ ...node(address), type: 'grpc' })?.type, 'grpc', 'a gRPC application stays a client');
  await connected.close();
});

test('what the group of an earlier workload says does not go with its address', async () => {
  const time = manualTime();
  const connected = await registry(time, { joinMs: 1_000 });
  const locality = { region: 'r', zone: 'z', subZone: '' };
  const member = { name: 'g', annotations: {}, portMap: { http: 9 }, locality, weight: 7 };
  const { address } = await connected.allocate({ ...JOIN, member });
  time.advance(1_000);
  connected.connect('other', node(address, 'other'));
  const [workload] = connected.workloads();
  assert.deepEqual([workload?.serviceAccount, workload?.portMap, workload?.weight, workload?.locality], ['other', {}, 1, NO_LOCALITY]);
  assert.deepEqual(connected.members(), []);
  await connected.close();
});

test('who is registered no more stays what it was while it is here, whatever it says of itself by then', async () => {
  let entry: Workload | undefined = entryOf(node('10.1.1.1'));
  const connected = await registry(manualTime(), { registered: () => entry });
  connected.connect('one', node('10.1.1.1'));
  const [before] = connected.workloads();
  entry = undefined;
  connected.connect('two', { ...node('10.1.1.1'), workload: 'payment', labels: { app: 'payment' }, type: 'router' });
  assert.equal(connected.workloads()[0], before);
  await connected.close();
});
