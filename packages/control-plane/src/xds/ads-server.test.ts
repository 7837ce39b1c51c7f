import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { Status, type GrpcStatus, type ServerCall } from '@meltemi/grpc';
import { TYPE_URL, type JsonObject } from '@meltemi/protos-types';
import { encodeDeltaRequest, encodeSotwRequest, PATCH_FEATURE, ZSTD_FEATURE } from '@meltemi/xds';
import type { XdsNode } from './generator.ts';
import { verifyIdentity } from './identity.ts';
import { createTestAdsClient } from './testdata/ads-client.ts';
import { codec, push, room } from './testdata/room.ts';

const { cluster: CDS, endpoint: EDS, secret: SDS, route: RDS, workload: WDS } = TYPE_URL;

test('a client gets nothing before the first state, then all of it, then only changes, and the last acknowledgement is seen', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  assert.equal((await world.ads.waitForAck(1, 20)).t, 'timeout');
  assert.equal(client.updates.length, 0);
  world.ads.update({ version: 1, push: push({ [CDS]: { a: { name: 'a' }, b: { name: 'b' } }, [EDS]: { a: { cluster_name: 'a' } } }) });
  assert.deepEqual(await world.ads.waitForAck(1, 5_000), { t: 'acknowledged', acknowledged: 1, pending: [], rejected: [] });
  assert.deepEqual([...client.resources.keys()], [`${CDS} a`, `${CDS} b`]);
  client.subscribe(EDS, ['a']);
  await client.until(() => client.resources.has(`${EDS} a`));
  world.ads.update({
    version: 2,
    push: push({ [CDS]: { a: { name: 'a' }, b: { name: 'b', connect_timeout: '1s' } }, [EDS]: { a: { cluster_name: 'a' } } }),
  });
  assert.equal((await world.ads.waitForAck(2, 5_000)).t, 'acknowledged');
  assert.deepEqual(
    client.updates.at(-1)?.added.map(({ name }) => name),
    ['b'],
  );
  assert.deepEqual(client.resources.get(`${CDS} b`), { name: 'b', connect_timeout: '1s' });
  const [node] = world.ads.nodes();
  assert.equal(node?.syncedVersion, 2);
  assert.deepEqual(
    node?.types.map(({ typeUrl, resources, state }) => [typeUrl, resources, state]),
    [
      [CDS, 2, 'synced'],
      [EDS, 1, 'synced'],
    ],
  );
});

test('a refusal is told with its reason, and the next good version ends it', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  client.refuse.add('bad');
  world.ads.update({ version: 1, push: push({ [CDS]: { bad: { name: 'bad' }, good: { name: 'good' } } }) });
  const result = await world.ads.waitForAck(1, 5_000);
  assert.deepEqual([result.t, result.rejected], ['rejected', [{ nodeId: 'sidecar~1', typeUrl: CDS, message: 'bad: refused by the test' }]]);
  assert.ok(client.resources.has(`${CDS} good`));
  assert.equal(world.ads.nodes()[0]?.types[0]?.state, 'rejected');
  client.refuse.clear();
  world.ads.update({ version: 2, push: push({ [CDS]: { bad: { name: 'bad', connect_timeout: '2s' }, good: { name: 'good' } } }) });
  assert.equal((await world.ads.waitForAck(2, 5_000)).t, 'acknowledged');
  assert.equal(world.ads.nodes()[0]?.types[0]?.state, 'synced');
});

test('a burst of updates is one push', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  for (let version = 1; version <= 100; version++)
    world.ads.update({ version, push: push({ [CDS]: { a: { name: 'a', alt_stat_name: String(version) } } }) });
  await world.ads.waitForAck(100, 5_000);
  assert.equal(client.updates.length, 1);
  assert.deepEqual(client.resources.get(`${CDS} a`), { name: 'a', alt_stat_name: '100' });
});

test('nodes that an update does not touch are not even looked at, and count as having it', async () => {
  await using world = await room();
  await using near = createTestAdsClient(world.port, codec, { id: 'near' }, [CDS]);
  await using far = createTestAdsClient(world.port, codec, { id: 'far' }, [CDS]);
  await world.connected(2);
  world.ads.update({ version: 1, push: push({ [CDS]: { a: { name: 'a' } } }) });
  await Promise.all([near, far].map((client) => client.until(() => client.resources.size === 1)));
  await world.ads.waitForAck(1, 5_000);
  world.generated.length = 0;
  world.ads.update({
    version: 2,
    push: push({ [CDS]: { a: { name: 'a', alt_stat_name: 'x' } } }),
    changed: new Map(),
    changedFor: ({ id }) => new Map(id === 'near' ? [[CDS, '*' as const]] : []),
  });
  assert.deepEqual(await world.ads.waitForAck(2, 5_000), { t: 'acknowledged', acknowledged: 2, pending: [], rejected: [] });
  assert.deepEqual(new Set(world.generated), new Set(['near']));
});

test('the plaintext port serves no secret and no workload; the other port wants a certificate', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'grpc' }, [CDS]);
  await world.connected(1);
  world.ads.update({
    version: 1,
    push: push({ [CDS]: { a: { name: 'a' } }, [SDS]: { default: { name: 'default' } }, [WDS]: { '10.0.0.1': { name: 'x' } } }),
  });
  client.subscribe(SDS, ['default']);
  client.subscribe(WDS, ['10.0.0.1']);
  await client.until(() => client.updates.length === 3);
  assert.deepEqual([...client.resources.keys()], [`${CDS} a`]);
  await using strict = await room({ secure: true });
  await using refused = createTestAdsClient(strict.port, codec, { id: 'grpc' }, [CDS]);
  assert.equal((await refused.ended).code, Status.UNAUTHENTICATED);
});

test('only so many streams have their first push at once; the next follows when one is done', async () => {
  await using world = await room({ initialPushes: 1 });
  world.ads.update({ version: 1, push: push({ [CDS]: { a: { name: 'a' } } }) });
  await using first = createTestAdsClient(world.port, codec, { id: 'first' }, []);
  first.muted = true;
  first.subscribe(CDS, ['*']);
  await first.until(() => first.updates.length === 1);
  await using second = createTestAdsClient(world.port, codec, { id: 'second' }, [CDS]);
  await world.connected(2);
  assert.equal(second.updates.length, 0);
  await first[Symbol.asyncDispose]();
  await second.until(() => second.updates.length === 1);
});

test('clients in plain text that answer nothing do not keep a workload of the mesh waiting', async () => {
  await using world = await room({ initialPushes: 1 });
  world.ads.update({ version: 1, push: push({ [CDS]: { a: { name: 'a' } } }) });
  await world.ads.waitForAck(1, 1_000);
  const open = (handlers: typeof world.ads.secureHandlers, principal: string | undefined): (() => number) => {
    let written = 0;
    const call: ServerCall = {
      path: '',
      metadata: {},
      peer: { address: '127.0.0.1', port: 1, principal, certificateExpiresMs: undefined },
      write: () => ++written > 0,
      onDrain: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      end: () => undefined,
    };
    const delta = Object.entries(handlers).find(([path]) => path.endsWith('/DeltaAggregatedResources'))?.[1];
    const metadata = { NAMESPACE: 'a', SERVICE_ACCOUNT: 'b' };
    const node = codec.encode('envoy.config.core.v3.Node', { id: 'x', metadata });
    delta?.(call).onMessage(encodeDeltaRequest({ typeUrl: CDS, subscribe: ['*'], unsubscribe: [], initialVersions: new Map(), nonce: '', node }));
    return () => written;
  };
  const strangers = [1, 2, 3].map(() => open(world.ads.plaintextHandlers, undefined));
  const workload = open(world.ads.secureHandlers, 'spiffe://cluster.local/ns/a/sa/b');
  assert.deepEqual(
    [...strangers, workload].map((written) => written()),
    [1, 0, 0, 1],
  );
});

test('first requests are read a few at a time; one that is through lets the next be read', async () => {
  await using world = await room();
  const [delta] = Object.values(world.ads.plaintextHandlers);
  const node = codec.encode('envoy.config.core.v3.Node', { id: 'x' });
  const request = encodeDeltaRequest({ typeUrl: CDS, subscribe: ['*'], unsubscribe: [], initialVersions: new Map(), nonce: '', node });
  const open = (address = '127.0.0.1') => {
    const said: string[] = [];
    const call: ServerCall = {
      path: '',
      metadata: {},
      peer: { address, port: 1, principal: undefined, certificateExpiresMs: undefined },
      write: () => true,
      onDrain: () => undefined,
      pause: () => said.push('pause'),
      resume: () => said.push('resume'),
      end: () => undefined,
    };
    return { said, listener: delta?.(call) };
  };
  const first = Array.from({ length: 32 }, (_, index) => open(`127.0.0.${index % 4}`));
  const [next, last] = [open(), open()];
  assert.ok(first.every(({ said }) => said.length === 0));
  assert.deepEqual([next.said, last.said], [['pause'], ['pause']]);
  first[0]?.listener?.onMessage(request);
  assert.deepEqual([next.said, last.said], [['pause', 'resume'], ['pause']]);
  first[1]?.listener?.onClose?.();
  assert.deepEqual(last.said, ['pause', 'resume']);
  for (const { listener } of [...first, next, last]) listener?.onClose?.();
});

test('a certificate that opens a thousand streams and says nothing delays nobody else, and is told of', async () => {
  const told: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void told.push(message) };
  const due: (() => void)[] = [];
  const timers = {
    after: (_: number, run: () => void) => ({ cancel: () => void due.splice(due.indexOf(run), due.includes(run) ? 1 : 0), at: due.push(run) }),
  };
  await using world = await room({ log, timers });
  const [delta] = Object.values(world.ads.secureHandlers);
  const open = (account: string): { paused: boolean; readonly close: () => void } => {
    const state = { paused: false, close: () => listener?.onClose?.() };
    const peer = { address: '127.0.0.1', port: 1, principal: `spiffe://cluster.local/ns/a/sa/${account}`, certificateExpiresMs: undefined };
    const ignored = { path: '', metadata: {}, peer, write: () => true, onDrain: () => undefined, end: () => undefined };
    const listener = delta?.({ ...ignored, pause: () => void (state.paused = true), resume: () => void (state.paused = false) });
    return state;
  };
  const hostile = Array.from({ length: 1_000 }, () => open('hostile'));
  const honest = Array.from({ length: 8 }, (_, index) => open(`honest-${index}`));
  assert.equal(hostile.filter(({ paused }) => !paused).length, 24);
  assert.deepEqual(new Set(honest.map(({ paused }) => paused)), new Set([false]));
  // Their time is up, twice as many times as there are places.
  for (let turn = 0; turn < 48; turn++) due.shift()?.();
  assert.ok(told.some((message) => message.includes('take their turn and say nothing')));
  for (const { close } of [...hostile, ...honest]) close();
});

test('a stream ends soon after the certificate that it came with', async () => {
  await using world = await room();
  const [delta] = Object.values(world.ads.secureHandlers);
  const open = (certificateExpiresMs: number): { readonly ended: Promise<GrpcStatus | undefined>; readonly close: () => void } => {
    const ended = Promise.withResolvers<GrpcStatus | undefined>();
    const peer = { address: '127.0.0.1', port: 1, principal: 'spiffe://cluster.local/ns/a/sa/b', certificateExpiresMs };
    const end = (status?: GrpcStatus): void => ended.resolve(status);
    const listener = delta?.({
      path: '',
      metadata: {},
      peer,
      write: () => true,
      onDrain: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
      end,
    });
    return { ended: ended.promise, close: () => listener?.onClose?.() };
  };
  const valid = open(Date.now() + 365 * 86_400_000);
  const expired = open(Date.now() - 4_800);
  assert.equal((await Promise.race([expired.ended, valid.ended]))?.code, Status.UNAVAILABLE);
  assert.equal(await Promise.race([valid.ended, Promise.resolve('open')]), 'open');
  for (const stream of [valid, expired]) stream.close();
});

test('routes wait for endpoints of new clusters, and no longer than the patience of the room', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~1' }, [CDS]);
  await world.connected(1);
  client.subscribe(EDS, ['old']);
  client.subscribe(RDS, ['r']);
  const state = (clusters: Record<string, object>, to: string) =>
    push({
      [CDS]: clusters,
      [EDS]: { old: { cluster_name: 'old' }, new: { cluster_name: 'new' } },
      [RDS]: { r: { name: 'r', virtual_hosts: [{ name: to, domains: ['*'] }] } },
    });
  world.ads.update({ version: 1, push: state({ old: { name: 'old' } }, 'old') });
  await world.ads.waitForAck(1, 5_000);
  world.ads.update({ version: 2, push: state({ old: { name: 'old' }, new: { name: 'new' } }, 'new') });
  await client.until(() => client.resources.has(`${CDS} new`));
  assert.equal((await world.ads.waitForAck(2, 50)).t, 'timeout');
  client.subscribe(EDS, ['new']);
  assert.equal((await world.ads.waitForAck(2, 1_000)).t, 'acknowledged');
  assert.deepEqual(
    client.updates.slice(-3).map(({ typeUrl }) => typeUrl),
    [CDS, EDS, RDS],
  );
  // A client that never asks gets its routes all the same.
  world.ads.update({ version: 3, push: state({ old: { name: 'old' }, new: { name: 'new' }, third: { name: 'third' } }, 'third') });
  assert.equal((await world.ads.waitForAck(3, 5_000)).t, 'acknowledged');
});

test('a node whose configuration cannot be made ends its own stream and nobody else hears of it', async () => {
  const errors: string[] = [];
  await using world = await room({
    generator: {
      generate(node, typeUrl, _names, state) {
        if (node.id === 'cursed' && state.size > 1) throw new Error('no translation');
        return state.get(typeUrl) ?? new Map();
      },
    },
    log: { ...silentLog, error: (_text, fields) => void errors.push(String(fields?.['node'])) },
  });
  world.ads.update({ version: 1, push: push({ [CDS]: { a: { name: 'a' } } }) });
  await using cursed = createTestAdsClient(world.port, codec, { id: 'cursed' }, [CDS]);
  await cursed.until(() => cursed.updates.length === 1);
  await using other = createTestAdsClient(world.port, codec, { id: 'other' }, [CDS]);
  await other.until(() => other.updates.length === 1);
  world.ads.update({ version: 2, push: push({ [CDS]: { b: { name: 'b' } }, [EDS]: {} }) });
  await other.until(() => other.resources.has(`${CDS} b`));
  assert.equal((await cursed.ended).code, Status.INTERNAL);
  assert.deepEqual(new Set(errors), new Set(['cursed']));
});

interface SotwAnswer {
  readonly nonce: string;
  readonly version_info: string;
  readonly resources?: readonly { readonly name: string; readonly metadata: object }[];
}

test('a client of the state of the world that claims to take patches and compressed resources gets whole ones', async () => {
  await using world = await room();
  const sotw = Object.entries(world.ads.plaintextHandlers).find(([path]) => path.endsWith('/StreamAggregatedResources'))?.[1];
  const got: unknown[] = [];
  const waiting = Promise.withResolvers<void>();
  const listener = sotw?.({
    path: '',
    metadata: {},
    peer: { address: '127.0.0.1', port: 1, principal: undefined, certificateExpiresMs: undefined },
    write(message) {
      const parts = message instanceof Uint8Array ? [message] : message;
      const response = codec.decode('envoy.service.discovery.v3.DiscoveryResponse', Buffer.concat(parts)) as unknown as SotwAnswer;
      got.push(response.resources?.map(({ name, metadata }) => ({ name, metadata })));
      if (got.length === 2) waiting.resolve();
      queueMicrotask(() =>
        listener?.onMessage(encodeSotwRequest({ typeUrl: CDS, names: [], nonce: response.nonce, version: response.version_info })),
      );
      return true;
    },
    onDrain: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
  });
  const node = codec.encode('envoy.config.core.v3.Node', { id: 'x', client_features: [PATCH_FEATURE, ZSTD_FEATURE] });
  const long = (last: string): object => ({ name: 'a', metadata: { filter_metadata: { x: { text: 'x'.repeat(20_000), last } } } });
  world.ads.update({ version: 1, push: push({ [CDS]: { a: long('1') } }) });
  listener?.onMessage(encodeSotwRequest({ typeUrl: CDS, names: [], nonce: '', version: '', node }));
  await world.ads.waitForAck(1, 1_000);
  world.ads.update({ version: 2, push: push({ [CDS]: { a: long('2') } }) });
  await waiting.promise;
  assert.deepEqual(got, [[long('1')], [long('2')]]);
  listener?.onClose?.();
});

test('a node that is larger than any is refused', async () => {
  await using world = await room();
  await using client = createTestAdsClient(world.port, codec, { id: 'grpc', metadata: { large: 'x'.repeat(1 << 20) } }, [CDS]);
  assert.equal((await client.ended).code, Status.INVALID_ARGUMENT);
});

test('metadata is believed only if the certificate agrees', () => {
  const node = (principal: string | undefined, metadata: JsonObject): XdsNode => ({
    id: 'n',
    cluster: '',
    metadata,
    locality: {},
    principal,
    remoteAddress: '',
  });
  const metadata = { NAMESPACE: 'bookinfo', SERVICE_ACCOUNT: 'reviews' };
  assert.equal(verifyIdentity(node('spiffe://cluster.local/ns/bookinfo/sa/reviews', metadata), 'cluster.local'), undefined);
  assert.match(verifyIdentity(node('spiffe://cluster.local/ns/other/sa/reviews', metadata), 'cluster.local') ?? '', /namespace/);
  assert.match(verifyIdentity(node('spiffe://cluster.local/ns/bookinfo/sa/ratings', metadata), 'cluster.local') ?? '', /service account/);
  assert.match(verifyIdentity(node('spiffe://cluster.local/ns/bookinfo/sa/reviews', {}), 'cluster.local') ?? '', /namespace/);
  assert.match(verifyIdentity(node('spiffe://elsewhere.example/ns/bookinfo/sa/reviews', metadata), 'cluster.local') ?? '', /trust domain/);
  assert.match(verifyIdentity(node('spiffe://cluster.local/x', metadata), 'cluster.local') ?? '', /not of the form/);
});
