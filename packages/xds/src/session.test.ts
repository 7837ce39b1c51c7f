import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { createSource } from './testdata/source.ts';
import { createDeltaClient, createServerSession, type DeltaClient, type Resource, type ResourceSource } from './index.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = TYPE_URL;

const NODE = new Uint8Array([10, 1, 65]);

function delta(source: ResourceSource): { client: DeltaClient; session: ReturnType<typeof session> } {
  return { client: createDeltaClient({ node: NODE }), session: session(source) };
}

function session(source: ResourceSource) {
  return createServerSession('delta', { source });
}

test('nothing is sent before the first snapshot, and an empty answer only after it', () => {
  const source = createSource();
  const { client, session: server } = delta(source);
  client.subscribe(LDS, ['*']);
  client.connected();
  for (const request of client.takeRequests()) server.receive(request);
  assert.equal(server.next(), undefined);
  source.set(CDS, 'a', '1');
  server.changed();
  assert.deepEqual(server.next()?.resources, []);
});

test('a changed cluster has its endpoints sent again, though they did not change', () => {
  const source = createSource();
  source.set(CDS, 'a', '1');
  source.set(EDS, 'a', 'e1');
  const { client, session: server } = delta(source);
  client.subscribe(CDS, ['*']);
  client.subscribe(EDS, ['a']);
  client.connected();
  exchange(client, server);
  source.set(CDS, 'a', '2');
  server.changed();
  const sent = exchange(client, server);
  assert.deepEqual(
    sent.map((response) => [response.typeUrl, response.resources.map((resource) => resource.version)]),
    [
      [CDS, ['2']],
      [EDS, ['e1']],
    ],
  );
});

test('a route waits for the acknowledgement of its cluster; a cluster goes only after the route that named it', () => {
  const source = createSource();
  source.set(CDS, 'old', '1');
  source.set(RDS, 'r', 'to old');
  const { client, session: server } = delta(source);
  client.subscribe(CDS, ['*']);
  client.subscribe(RDS, ['r']);
  client.connected();
  exchange(client, server);
  source.set(CDS, 'new', '1');
  source.set(CDS, 'old', undefined);
  source.set(RDS, 'r', 'to new');
  server.changed();
  const first = server.next();
  assert.deepEqual([first?.typeUrl, first?.resources.map((resource) => resource.name), first?.removed], [CDS, ['new'], []]);
  assert.equal(server.next(), undefined, 'the route is held until the clusters are acknowledged');
  assert.ok(first !== undefined);
  client.settle(client.receive(first), []);
  for (const request of client.takeRequests()) server.receive(request);
  const second = server.next();
  assert.equal(second?.typeUrl, RDS);
  assert.equal(server.next(), undefined, 'the old cluster stays until the route is acknowledged');
  assert.ok(second !== undefined);
  client.settle(client.receive(second), []);
  for (const request of client.takeRequests()) server.receive(request);
  assert.deepEqual(server.next()?.removed, ['old']);
});

test('routes wait for clusters only until the caller loses patience', () => {
  const source = createSource();
  source.set(CDS, 'a', '1');
  source.set(RDS, 'r', '1');
  const { client, session: server } = delta(source);
  client.subscribe(CDS, ['*']);
  client.subscribe(RDS, ['r']);
  client.connected();
  for (const request of client.takeRequests()) server.receive(request);
  assert.equal(server.next()?.typeUrl, CDS);
  assert.equal(server.next(), undefined);
  assert.ok(server.holdsBack);
  server.stopHoldingBack();
  assert.equal(server.next()?.typeUrl, RDS);
  assert.ok(!server.holdsBack);
});

test('the first verdict on a nonce counts: an ACK after a NACK changes nothing', () => {
  const source = createSource();
  source.set(CDS, 'a', '1');
  const server = session(source);
  server.receive({ typeUrl: CDS, subscribe: ['*'], unsubscribe: [], initialVersions: new Map(), nonce: '' });
  const { nonce } = server.next() ?? { nonce: '' };
  const answer = { typeUrl: CDS, subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), nonce };
  assert.equal(server.receive({ ...answer, error: { code: 3, message: 'bad' } })?.t, 'nack');
  assert.equal(server.receive(answer), undefined);
  assert.equal(server.statuses()[0]?.nacked?.message, 'bad');
});

test('state of the world: a stale nonce carries nothing, a removal keeps the cluster until its route is replaced', () => {
  const source = createSource();
  source.set(CDS, 'old', '1');
  source.set(RDS, 'r', 'to old');
  const server = createServerSession('sotw', { source });
  const say = (typeUrl: string, names: readonly string[], nonce: string): unknown => server.receive({ typeUrl, names, version: '', nonce });
  say(CDS, [], '');
  const clusters = server.next();
  say(CDS, [], clusters?.nonce ?? '');
  say(RDS, ['r'], '');
  const routes = server.next();
  say(RDS, ['r'], routes?.nonce ?? '');
  say(RDS, [], 'stale');
  assert.equal(server.next(), undefined);
  source.set(CDS, 'old', undefined);
  source.set(CDS, 'new', '1');
  source.set(RDS, 'r', 'to new');
  server.changed();
  const both = server.next();
  assert.deepEqual(both?.resources.map((resource) => resource.name).sort(), ['new', 'old']);
  say(CDS, [], both?.nonce ?? '');
  const second = server.next();
  assert.equal(second?.typeUrl, RDS);
  say(RDS, ['r'], second?.nonce ?? '');
  const last = server.next();
  assert.deepEqual(
    last?.resources.map((resource) => resource.name),
    ['new'],
  );
  say(CDS, [], last?.nonce ?? '');
  assert.equal(server.next(), undefined);
  assert.equal(server.syncedVersion(), source.version);
});

test('what one stream makes the server remember is bounded: types, names, and names that are given back', () => {
  const many = Array.from({ length: 100_001 }, (_, i) => `n${i}`);
  const ask = (typeUrl: string, more: { readonly subscribe?: string[]; readonly unsubscribe?: string[] } = {}) => ({
    typeUrl,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map<string, string>(),
    nonce: '',
    ...more,
  });
  const tooMuch = { code: 'grpc/resource-exhausted' };
  assert.throws(() => session(createSource()).receive(ask(EDS, { subscribe: many })), tooMuch);
  const forgetful = session(createSource());
  forgetful.receive(ask(CDS));
  assert.throws(() => forgetful.receive(ask(CDS, { unsubscribe: many })), tooMuch);
  const curious = session(createSource());
  for (let i = 0; i < 64; i++) curious.receive(ask(`type.googleapis.com/t${i}`));
  curious.receive(ask('type.googleapis.com/t0'));
  assert.throws(() => curious.receive(ask('type.googleapis.com/t64')), tooMuch);
});

/** Runs requests and responses to and fro until nobody has anything to say; returns the responses. */
function exchange(client: DeltaClient, server: ReturnType<typeof session>) {
  const sent = [];
  for (;;) {
    for (const request of client.takeRequests()) server.receive(request);
    const response = server.next();
    if (response === undefined) return sent;
    sent.push(response);
    client.settle(client.receive(response), []);
  }
}

test('names beside the wildcard: what it brings costs no more for them, and what it does not bring is looked at by itself', () => {
  const all = createSource();
  for (const name of ['a', 'b', 'hidden']) all.set(CDS, name, '1');
  // '*' does not bring what is hidden; the same map as long as nothing in it changes.
  let shown: ReadonlyMap<string, Resource> = new Map();
  let looks = 0;
  const counted = (map: ReadonlyMap<string, Resource>): ReadonlyMap<string, Resource> => {
    const entries = (): MapIterator<[string, Resource]> => (looks++, map.entries());
    return new Proxy(map, { get: (target, key) => (key === Symbol.iterator || key === 'entries' ? entries : bound(target, key)) });
  };
  const show = (): void => void (shown = counted(new Map([...all.all(CDS)].filter(([name]) => name !== 'hidden'))));
  show();
  const source: ResourceSource = {
    get version() {
      return all.version;
    },
    resources: (typeUrl, names) => (names === '*' ? shown : all.resources(typeUrl, names)),
  };
  const { client, session: server } = delta(source);
  client.subscribe(CDS, ['*', 'a', 'hidden', 'nobody']);
  client.connected();
  const told = (): readonly string[] =>
    exchange(client, server).flatMap(({ resources, shared = [], removed }) => [
      ...[...shared, ...resources].map(({ name, version }) => `${name} ${version}`),
      ...removed.map((name) => `-${name}`),
    ]);
  assert.deepEqual(told().toSorted(), ['-nobody', 'a 1', 'b 1', 'hidden 1']);
  looks = 0;
  all.set(CDS, 'hidden', '2');
  server.changed();
  assert.deepEqual([told(), looks], [['hidden 2'], 0]);
  all.set(CDS, 'b', '2');
  show();
  server.changed();
  assert.deepEqual(told(), ['b 2']);
  all.set(CDS, 'hidden', undefined);
  all.set(CDS, 'a', undefined);
  show();
  server.changed();
  assert.deepEqual(told().toSorted(), ['-a', '-hidden']);
  all.set(CDS, 'nobody', '1');
  show();
  server.changed();
  assert.deepEqual(told(), ['nobody 1']);
});

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
