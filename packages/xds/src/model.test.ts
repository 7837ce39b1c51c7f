import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import {
  createDeltaClient,
  createServerSession,
  decodeDeltaRequest,
  decodeDeltaResponse,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeSotwRequest,
  encodeSotwResponse,
  type Rejection,
  type Resource,
  type SotwResponse,
} from './index.ts';
import { createSource, type TestSource } from './testdata/source.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = TYPE_URL;
const ALL = [CDS, EDS, LDS, RDS];
const NODE = new Uint8Array([10, 1, 65]);
const NAMES = ['n1', 'n2', 'n3'];

/** What a client refuses, always and for its content alone. */
const BAD = 'bad';

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      t: fc.constant('set' as const),
      type: fc.constantFrom(...ALL),
      name: fc.constantFrom(...NAMES),
      content: fc.constantFrom('1', '2', '3', BAD, undefined),
    }),
  },
  { weight: 2, arbitrary: fc.record({ t: fc.constant('subscribe' as const), type: fc.constantFrom(EDS, RDS), name: fc.constantFrom(...NAMES) }) },
  { weight: 1, arbitrary: fc.record({ t: fc.constant('unsubscribe' as const), type: fc.constantFrom(EDS, RDS), name: fc.constantFrom(...NAMES) }) },
  { weight: 6, arbitrary: fc.constant({ t: 'to-client' as const }) },
  { weight: 6, arbitrary: fc.constant({ t: 'to-server' as const }) },
  { weight: 1, arbitrary: fc.constant({ t: 'reconnect' as const }) },
);

/** A client under test, whatever its protocol. */
interface Harness {
  subscribe(typeUrl: string, name: string): void;
  unsubscribe(typeUrl: string, name: string): void;
  toClient(): boolean;
  toServer(): boolean;
  changed(typeUrl: string, name: string): void;
  reconnect(): void;
  stopHoldingBack(): boolean;
  versions(typeUrl: string): ReadonlyMap<string, string>;
  subscribed(typeUrl: string, name: string): boolean;
  syncedVersion(): number | undefined;
  refused(): boolean;
}

function run(source: TestSource, harness: Harness, steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): void {
  for (const action of steps) {
    if (action.t === 'set') {
      source.set(action.type, action.name, action.content);
      harness.changed(action.type, action.name);
    } else if (action.t === 'subscribe') harness.subscribe(action.type, action.name);
    else if (action.t === 'unsubscribe') harness.unsubscribe(action.type, action.name);
    else if (action.t === 'to-client') harness.toClient();
    else if (action.t === 'to-server') harness.toServer();
    else harness.reconnect();
  }
  let moves = 0;
  while ([harness.toServer(), harness.toClient()].includes(true) || harness.stopHoldingBack()) assert.ok(++moves < 200, 'the exchange settles');
}

function checkConverged(source: TestSource, harness: Harness, keepsRemoved: (typeUrl: string) => boolean): void {
  for (const typeUrl of ALL) {
    const wanted = [...source.all(typeUrl).values()].filter(({ name }) => harness.subscribed(typeUrl, name));
    const has = harness.versions(typeUrl);
    for (const { name, version } of wanted) if (version !== BAD) assert.equal(has.get(name), version, `${typeUrl} ${name}`);
    if (harness.refused() || keepsRemoved(typeUrl)) continue;
    assert.deepEqual([...has.keys()].sort(), wanted.map(({ name }) => name).sort(), typeUrl);
  }
  if (!harness.refused()) assert.equal(harness.syncedVersion(), source.version);
}

function deltaHarness(source: TestSource): Harness {
  const client = createDeltaClient({ node: NODE });
  const open = () => createServerSession('delta', { source });
  let server = open();
  const nonces = new Set<string>();
  client.subscribe(CDS, ['*']);
  client.subscribe(LDS, ['*']);
  client.connected();
  return {
    subscribe: (typeUrl, name) => client.subscribe(typeUrl, [name]),
    unsubscribe: (typeUrl, name) => client.unsubscribe(typeUrl, [name]),
    toClient() {
      const response = server.next();
      if (response === undefined) return false;
      assert.ok(!nonces.has(response.nonce), 'a nonce is used once');
      nonces.add(response.nonce);
      const update = client.receive(decodeDeltaResponse(Buffer.concat(encodeDeltaResponse(response))));
      client.settle(update, rejectionsOf(update.added));
      return true;
    },
    toServer() {
      const requests = client.takeRequests();
      const answered = requests.map((request) => request.nonce).filter((nonce) => nonce !== '');
      assert.equal(new Set(answered).size, answered.length, 'each nonce is answered once');
      for (const request of requests) server.receive(decodeDeltaRequest(encodeDeltaRequest(request)));
      return requests.length > 0;
    },
    changed: (typeUrl, name) => server.changed(typeUrl, new Set([name])),
    reconnect() {
      client.disconnected();
      server = open();
      nonces.clear();
      client.connected();
    },
    stopHoldingBack() {
      const held = server.holdsBack;
      server.stopHoldingBack();
      return held;
    },
    versions: (typeUrl) => client.versions(typeUrl),
    subscribed: (typeUrl, name) => client.subscriptions(typeUrl).has('*') || client.subscriptions(typeUrl).has(name),
    syncedVersion: () => server.syncedVersion(),
    refused: () => server.statuses().some((status) => status.nacked !== undefined),
  };
}

function rejectionsOf(resources: readonly Resource[]): readonly Rejection[] {
  return resources.filter(({ version }) => version === BAD).map(({ name }) => ({ name, message: 'is bad' }));
}

/** A state-of-the-world client as Envoy is one: full lists replace, others are merged, a refused response keeps its good parts. */
function sotwHarness(source: TestSource): Harness {
  const open = () => createServerSession('sotw', { source });
  let server = open();
  const names = new Map<string, Set<string>>([
    [CDS, new Set()],
    [LDS, new Set()],
  ]);
  const has = new Map<string, Map<string, string>>();
  const nonces = new Map<string, string>();
  let queue: { typeUrl: string; names: readonly string[]; nonce: string; error?: { message: string } }[] = [];
  const say = (typeUrl: string, error?: { message: string }) =>
    queue.push({ typeUrl, names: [...(names.get(typeUrl) ?? [])], nonce: nonces.get(typeUrl) ?? '', ...(error === undefined ? {} : { error }) });
  const hasOf = (typeUrl: string) => has.get(typeUrl) ?? new Map<string, string>();
  const apply = ({ typeUrl, resources }: SotwResponse): string[] => {
    const whole = typeUrl === CDS || typeUrl === LDS;
    if (whole && source.all(typeUrl).size > 0) assert.ok(resources.length > 0, 'never an empty push');
    const before = hasOf(typeUrl);
    const next = whole ? new Map<string, string>() : new Map(before);
    const refused: string[] = [];
    for (const { name, version } of resources) {
      if (version === BAD) refused.push(name);
      const kept = version === BAD ? before.get(name) : version;
      if (kept !== undefined && (whole || names.get(typeUrl)?.has(name) === true)) next.set(name, kept);
    }
    has.set(typeUrl, next);
    return refused;
  };
  say(CDS);
  say(LDS);
  return {
    subscribe(typeUrl, name) {
      names.set(typeUrl, new Set([...(names.get(typeUrl) ?? []), name]));
      say(typeUrl);
    },
    unsubscribe(typeUrl, name) {
      if (names.get(typeUrl)?.delete(name) !== true) return;
      has.get(typeUrl)?.delete(name);
      say(typeUrl);
    },
    toClient() {
      const response = server.next();
      if (response === undefined) return false;
      assert.ok(encodeSotwResponse(response).length > 0);
      nonces.set(response.typeUrl, response.nonce);
      const refused = apply(response);
      say(response.typeUrl, refused.length === 0 ? undefined : { message: `${refused.join()} refused` });
      return true;
    },
    toServer() {
      const sent = queue;
      queue = [];
      for (const request of sent) server.receive(decodeSotwRequest(encodeSotwRequest({ version: '', ...request })));
      return sent.length > 0;
    },
    changed: (typeUrl, name) => server.changed(typeUrl, new Set([name])),
    reconnect() {
      server = open();
      nonces.clear();
      queue = [];
      for (const typeUrl of names.keys()) say(typeUrl);
    },
    stopHoldingBack() {
      const held = server.holdsBack;
      server.stopHoldingBack();
      return held;
    },
    versions: hasOf,
    subscribed: (typeUrl, name) => typeUrl === CDS || typeUrl === LDS || names.get(typeUrl)?.has(name) === true,
    syncedVersion: () => server.syncedVersion(),
    refused: () => server.statuses().some((status) => status.nacked !== undefined),
  };
}

test('delta: any interleaving of changes, subscriptions, refusals and reconnects ends with client state = server state', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const source = createSource();
      source.set(CDS, 'n1', '1');
      const harness = deltaHarness(source);
      run(source, harness, steps);
      checkConverged(source, harness, () => false);
    }),
    { numRuns: 2000 },
  );
});

test('state of the world: the same, and never an empty list while there are resources', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const source = createSource();
      source.set(CDS, 'n1', '1');
      const harness = sotwHarness(source);
      run(source, harness, steps);
      // This protocol cannot say that a resource asked for by name is gone.
      checkConverged(source, harness, (typeUrl) => typeUrl === EDS || typeUrl === RDS);
    }),
    { numRuns: 2000 },
  );
});
