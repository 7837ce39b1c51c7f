import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { encodeDeltaRequest } from '@meltemi/xds';
import { silentObserver } from './observer.ts';
import { createTestAdsClient } from './testdata/ads-client.ts';
import { codec, push, room, type Push } from './testdata/room.ts';

const { cluster: CDS, listener: LDS, route: RDS } = TYPE_URL;
const WAIT_MS = 10_000;

/** So many clusters; those of `touched` with a content of their own. */
function clusters(count: number, touched: ReadonlyMap<number, string> = new Map()): Record<string, object> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`c${i}`, { name: `c${i}`, ...(touched.has(i) ? { alt_stat_name: touched.get(i) } : {}) }]),
  );
}

/** A state that shares what did not change with the one before, as the mesh's own states do. */
function changed(before: Push, typeUrl: string, resources: Record<string, object>): Push {
  const made = push({ [typeUrl]: resources }).get(typeUrl) ?? [];
  return new Map(before).set(typeUrl, new Map([...(before.get(typeUrl) ?? []), ...made]));
}

test('a resource is encoded once, however many clients get it', async () => {
  const encoded: string[] = [];
  const counting = {
    ...codec,
    encode(type: string, json: object) {
      if (type.endsWith('Cluster')) encoded.push((json as { name: string }).name);
      return codec.encode(type, json);
    },
  };
  await using world = await room({ codec: counting });
  const clients = Array.from({ length: 20 }, (_, i) => createTestAdsClient(world.port, codec, { id: `sidecar~${i}` }, [CDS]));
  await world.connected(20);
  const first = push({ [CDS]: clusters(50) });
  world.ads.update({ version: 1, push: first });
  assert.equal((await world.ads.waitForAck(1, WAIT_MS)).acknowledged, 20);
  assert.equal(encoded.length, 50);
  world.ads.update({ version: 2, push: changed(first, CDS, { c7: { name: 'c7', alt_stat_name: 'x' } }) });
  assert.equal((await world.ads.waitForAck(2, WAIT_MS)).acknowledged, 20);
  assert.deepEqual(encoded.slice(50), ['c7']);
  for (const client of clients) assert.deepEqual(client.resources.get(`${CDS} c7`), { name: 'c7', alt_stat_name: 'x' });
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
});

test('of 500 resources only those are sent that changed, and nothing of other types', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS, LDS]);
  await world.connected(1);
  client.subscribe(RDS, ['r']);
  const rest = { [LDS]: { l: { name: 'l' } }, [RDS]: { r: { name: 'r' } } };
  world.ads.update({ version: 1, push: push({ [CDS]: clusters(500), ...rest }) });
  await world.ads.waitForAck(1, WAIT_MS);
  // Everything is made anew and nothing is declared: the contents alone decide.
  const sentBefore = client.updates.length;
  world.ads.update({
    version: 2,
    push: push({
      [CDS]: clusters(
        500,
        new Map([
          [3, 'a'],
          [250, 'b'],
        ]),
      ),
      ...rest,
    }),
  });
  assert.equal((await world.ads.waitForAck(2, WAIT_MS)).t, 'acknowledged');
  assert.deepEqual(
    client.updates.slice(sentBefore).map(({ typeUrl, added, removed }) => [typeUrl, added.map(({ name }) => name), removed]),
    [[CDS, ['c3', 'c250'], []]],
  );
  // And a change that touches all of them is one response.
  const all = new Map(Array.from({ length: 500 }, (_, i) => [i, 'new']));
  world.ads.update({ version: 3, push: push({ [CDS]: clusters(500, all), ...rest }) });
  assert.equal((await world.ads.waitForAck(3, WAIT_MS)).t, 'acknowledged');
  assert.deepEqual(
    client.updates.slice(sentBefore + 1).map(({ typeUrl, added }) => [typeUrl, added.length]),
    [[CDS, 500]],
  );
});

test('changes that never pause are pushed all the same', async () => {
  await using world = await room({ debounceMs: 200, debounceMaxMs: 400 });
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  let version = 0;
  const storm = setInterval(() => world.ads.update({ version: ++version, push: push({ [CDS]: clusters(1, new Map([[0, String(version)]])) }) }), 20);
  await client.until(() => client.updates.length === 1);
  clearInterval(storm);
  assert.ok(version > 10, `${version} changes are one push`);
});

test('a client that does not read holds back only itself, and is told the last state when it reads again', async () => {
  await using world = await room();
  await using quick = createTestAdsClient(world.port, codec, { id: 'quick' }, [CDS]);
  const slow = openRawClient(world.port, 'slow');
  await world.connected(2);
  const rounds = 12;
  for (let version = 1; version <= rounds; version++) {
    world.ads.update({ version, push: push({ [CDS]: { big: { name: 'big', alt_stat_name: `${version}-${'x'.repeat(1_000_000)}` } } }) });
    await quick.until(() => (quick.resources.get(`${CDS} big`)?.['alt_stat_name'] as string | undefined)?.startsWith(`${version}-`) === true);
  }
  const { t, acknowledged, pending } = await world.ads.waitForAck(rounds, 100);
  assert.deepEqual([t, acknowledged, pending], ['timeout', 1, ['slow']]);
  slow.read();
  await slow.until(() => slow.bytes() > 1_000_000);
  assert.ok(slow.bytes() < 2_000_000, 'one response, for it has not acknowledged that');
  slow.close();
});

test('a client that does not answer gets one response per type, and what it missed in one more', async () => {
  await using world = await room();
  await using mute = createTestAdsClient(world.port, codec, { id: 'mute' }, [CDS]);
  await using quick = createTestAdsClient(world.port, codec, { id: 'quick' }, [CDS]);
  await world.connected(2);
  world.ads.update({ version: 1, push: push({ [CDS]: clusters(3) }) });
  await world.ads.waitForAck(1, WAIT_MS);
  mute.muted = true;
  for (let version = 2; version <= 6; version++) {
    world.ads.update({ version, push: push({ [CDS]: clusters(3, new Map([[version % 3, String(version)]])) }) });
    await quick.until(() => [...quick.resources.values()].some((json) => json['alt_stat_name'] === String(version)));
  }
  assert.equal(mute.updates.length, 2);
  mute.answer();
  assert.equal((await world.ads.waitForAck(6, WAIT_MS)).t, 'acknowledged');
  assert.equal(mute.updates.length, 3);
  assert.deepEqual(mute.resources, quick.resources);
});

/** A delta client of bytes alone, which does not read until it is told to. */
function openRawClient(port: number, id: string) {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    'content-type': 'application/grpc+proto',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  const node = codec.encode('envoy.config.core.v3.Node', { id });
  const message = encodeDeltaRequest({ typeUrl: CDS, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', node });
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  stream.write(frame);
  stream.pause();
  let bytes = 0;
  const waiting: (() => void)[] = [];
  return {
    bytes: () => bytes,
    read() {
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        for (const run of waiting.splice(0)) run();
      });
      stream.resume();
    },
    async until(done: () => boolean) {
      while (!done()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    close: () => session.destroy(),
  };
}

test('of a large route table those that take patches get what changed; others, and those that refused it, get all of it', async () => {
  await using world = await room();
  const agent = createTestAdsClient(world.port, codec, { id: 'sidecar~agent', takesPatches: true }, [CDS]);
  const envoy = createTestAdsClient(world.port, codec, { id: 'sidecar~envoy' }, [CDS]);
  await world.connected(2);
  for (const client of [agent, envoy]) client.subscribe(RDS, ['80']);
  const host = (i: number, path = '/'): object => ({
    name: `h${i}.ns${i % 5}.svc`,
    domains: [`h${i}`],
    routes: [{ match: { prefix: path }, redirect: {} }],
  });
  const hosts = Array.from({ length: 200 }, (_, i) => host(i));
  const table = (changes: ReadonlyMap<number, string>): Push =>
    push({ [CDS]: {}, [RDS]: { 80: { name: '80', virtual_hosts: hosts.map((same, i) => (changes.has(i) ? host(i, changes.get(i)) : same)) } } });
  let version = 0;
  /** Bytes that the two got for the change. */
  const change = async (changes: readonly (readonly [number, string])[]): Promise<readonly number[]> => {
    const before = [agent.bytes, envoy.bytes] as const;
    world.ads.update({ version: ++version, push: table(new Map(changes)) });
    await world.ads.waitForAck(version, WAIT_MS);
    for (const client of [agent, envoy]) await client.until(() => client.resources.has(`${RDS} 80`));
    assert.deepEqual(agent.resources.get(`${RDS} 80`), envoy.resources.get(`${RDS} 80`));
    return [agent.bytes - before[0], envoy.bytes - before[1]];
  };
  const [whole = 0] = await change([]);
  assert.ok(whole > 6_000);
  const isPatch = ([patch = 0, all = 0]: readonly number[]): boolean => patch < 1_500 && all > 6_000;
  assert.ok(isPatch(await change([[7, '/new']])));
  assert.ok(
    isPatch(
      await change([
        [7, '/newer'],
        [8, '/other'],
      ]),
    ),
  );
  for (const client of [agent, envoy]) client.refuse.add('80');
  world.ads.update({ version: ++version, push: table(new Map([[9, '/refused']])) });
  assert.equal((await world.ads.waitForAck(version, WAIT_MS)).t, 'rejected');
  for (const client of [agent, envoy]) client.refuse.clear();
  // What it has now instead is not known, so it gets the whole; then patches again.
  assert.ok(Math.min(...(await change([[9, '/better']]))) > 6_000);
  assert.ok(isPatch(await change([[9, '/best']])));
  await Promise.all([agent, envoy].map((client) => client[Symbol.asyncDispose]()));
});

test('those that take compressed resources have the same from a fraction of the bytes', async () => {
  await using world = await room();
  await using agent = createTestAdsClient(world.port, codec, { id: 'sidecar~agent', takesCompressed: true }, [CDS]);
  await using envoy = createTestAdsClient(world.port, codec, { id: 'sidecar~envoy' }, [CDS]);
  await world.connected(2);
  world.ads.update({ version: 1, push: push({ [CDS]: clusters(3_000) }) });
  assert.equal((await world.ads.waitForAck(1, WAIT_MS)).t, 'acknowledged');
  assert.equal(agent.resources.size, 3_000);
  assert.deepEqual(agent.resources, envoy.resources);
  assert.ok(envoy.bytes > 100_000 && agent.bytes < envoy.bytes / 5, `${agent.bytes} and ${envoy.bytes} bytes`);
});

test('an urgent change goes at once, and those right behind it together', async () => {
  const waits: number[] = [];
  // It stands still: all of it happens at the same time.
  let nowMs = 1_000;
  await using world = await room({
    debounceMs: 300,
    clock: { now: () => 0, monotonic: () => nowMs },
    timers: {
      after(delayMs, run) {
        waits.push(delayMs);
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
  });
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  const change = (version: number): void =>
    world.ads.update({ version, push: push({ [CDS]: clusters(1, new Map([[0, String(version)]])) }), isUrgent: true });
  change(1);
  await client.until(() => client.updates.length === 1);
  assert.ok(!waits.includes(300));
  for (let version = 2; version <= 9; version++) change(version);
  assert.equal(waits.filter((ms) => ms === 300).length, 8);
  nowMs += 300;
  assert.equal((await world.ads.waitForAck(9, WAIT_MS)).t, 'acknowledged');
  assert.equal(client.updates.length, 2);
});

test('clients that come by the dozen, each a change of its own, are few pushes', async () => {
  let nowMs = 1_000;
  let pushes = 0;
  await using world = await room({
    clock: { now: () => 0, monotonic: () => nowMs },
    observer: { ...silentObserver, debounced: () => void pushes++ },
  });
  let version = 0;
  const change = (): void => world.ads.update({ version: ++version, push: push({ [CDS]: clusters(version) }), isUrgent: true });
  world.ads.onConnection(({ t }) => t === 'connected' && change());
  change();
  const clients = Array.from({ length: 24 }, (_, i) => createTestAdsClient(world.port, codec, { id: `sidecar~${i}` }, [CDS]));
  await world.connected(24);
  // One that has waited for long goes, whoever comes.
  nowMs += 1_000;
  assert.equal((await world.ads.waitForAck(25, WAIT_MS)).acknowledged, 24);
  assert.equal(pushes, 2);
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
});

test('a push that took long is followed by a pause', async () => {
  let nowMs = 1_000;
  const waits: number[] = [];
  await using world = await room({
    debounceMaxMs: 50,
    clock: { now: () => 0, monotonic: () => nowMs },
    // A translation of 30 ms.
    generator: { generate: (_, typeUrl, __, state) => ((nowMs += 30), state.get(typeUrl) ?? new Map()) },
    timers: {
      after(delayMs, run) {
        waits.push(delayMs);
        const timer = setTimeout(run, Math.min(delayMs, 20));
        return { cancel: () => clearTimeout(timer) };
      },
    },
  });
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  world.ads.update({ version: 1, push: push({ [CDS]: clusters(1) }), isUrgent: true });
  await client.until(() => client.updates.length === 1);
  waits.length = 0;
  world.ads.update({ version: 2, push: push({ [CDS]: clusters(2) }), isUrgent: true });
  assert.deepEqual(waits, [90]);
  nowMs += 200;
  await client.until(() => client.updates.length === 2);
});
