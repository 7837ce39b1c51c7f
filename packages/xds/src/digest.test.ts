import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LayeredMap, MeshError } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { digestOfMap, namesIn, unequalHeaps } from './digest.ts';
import {
  createDeltaClient,
  createServerSession,
  decodeDeltaRequest,
  decodeDeltaResponse,
  DIGEST_FEATURE,
  DIGEST_TYPE_URL,
  digestOf,
  encodeDeltaRequest,
  encodeDeltaResponse,
  readUnequal,
  type DeltaClient,
  type DeltaResponse,
  type Resource,
  type ServerSession,
} from './index.ts';
import { createSource, type TestSource } from './testdata/source.ts';

const { cluster: CDS, endpoint: EDS, route: RDS } = TYPE_URL;
const resource = (name: string, version: string): Resource => ({ name, version, bytes: new Uint8Array() });
const mapOf = (versions: Readonly<Record<string, string>>): ReadonlyMap<string, Resource> =>
  new Map(Object.entries(versions).map(([name, version]) => [name, resource(name, version)]));

test('a digest is the same for the same names and versions and for no others, in layers as in one', () => {
  const versions = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'outbound|80||d', 'é'), fc.constantFrom('1', '2', ''));
  fc.assert(
    fc.property(versions, versions, (some, others) => {
      const whole = { ...some, ...others };
      const digest = digestOf(Object.entries(whole).reverse());
      assert.equal(digestOfMap(new LayeredMap(mapOf(some), mapOf(others)), []), digest);
      const same = JSON.stringify(Object.entries(some).sort()) === JSON.stringify(Object.entries(others).sort());
      const unequal = unequalHeaps(digestOf(Object.entries(some)), digestOf(Object.entries(others)));
      assert.equal(unequal?.size === 0, same);
      for (const name of ['a', 'b', 'c', 'outbound|80||d', 'é']) if (some[name] !== others[name]) assert.ok(unequal?.has(name), name);
      assert.deepEqual(
        [...namesIn(new LayeredMap(mapOf(some), mapOf(others)), unequal!)].sort(),
        Object.keys(whole)
          .filter((name) => unequal?.has(name))
          .sort(),
      );
      assert.equal(readUnequal(unequal?.text ?? '')?.text, unequal?.text);
    }),
  );
  assert.equal(
    digestOfMap(mapOf({ a: '1' }), ['b']),
    digestOf([
      ['a', '1'],
      ['b', ''],
    ]),
  );
});

/** Moves messages until there are none; answers the bytes of requests. */
function exchange(client: DeltaClient, session: ServerSession<ReturnType<typeof decodeDeltaRequest>, DeltaResponse>): number {
  let bytes = 0;
  for (;;) {
    const requests = client.takeRequests();
    for (const request of requests) {
      const message = encodeDeltaRequest(request);
      bytes += message.length;
      session.receive(decodeDeltaRequest(message));
    }
    const response = session.greeting() ?? session.next();
    if (response === undefined && requests.length === 0) return bytes;
    if (response === undefined) continue;
    const read = decodeDeltaResponse(Buffer.concat(encodeDeltaResponse(response)));
    if (!client.hear(read)) client.settle(client.receive(read), []);
  }
}

const NODE = new Uint8Array([10, 1, 65]);
const HEX = Array.from({ length: 16 }, (_, digit) => digit.toString(16));

/** A client that has a mesh of 400 services, over a stream that has just ended. */
function away(): { readonly client: DeltaClient; readonly source: TestSource; readonly first: number } {
  const source = createSource();
  for (let i = 0; i < 400; i++) for (const typeUrl of [CDS, EDS]) source.set(typeUrl, `outbound|8080||svc-${i}.ns-${i % 10}.svc.cluster.local`, 'v1');
  source.set(RDS, '8080', 'v1');
  const client = createDeltaClient({ node: NODE, minDigested: 64 });
  client.subscribe(CDS, ['*']);
  client.subscribe(EDS, [...source.all(EDS).keys(), 'nowhere']);
  client.subscribe(RDS, ['8080']);
  client.connected();
  const first = exchange(client, createServerSession('delta', { source, saysDigests: true }));
  client.disconnected();
  return { client, source, first };
}

function assertHas(client: DeltaClient, source: TestSource): void {
  for (const typeUrl of [CDS, EDS, RDS])
    assert.deepEqual(
      new Map([...client.versions(typeUrl)].sort()),
      new Map([...source.all(typeUrl)].map(([name, { version }]) => [name, version] as const).sort()),
    );
}

test('a client that comes back says little, to a server that never knew it, and gets what changed', () => {
  const { client, source } = away();
  const name = (i: number): string => `outbound|8080||svc-${i}.ns-${i % 10}.svc.cluster.local`;
  client.connected();
  const unchanged = exchange(client, createServerSession('delta', { source, saysDigests: true }));
  // Two digests, and what is asked for in vain.
  assert.ok(unchanged < 12_000, `${unchanged} bytes`);
  client.disconnected();
  for (let i = 0; i < 10; i++) source.set(EDS, name(i), 'v2');
  source.set(CDS, name(11), undefined);
  source.set(EDS, name(11), undefined);
  client.unsubscribe(EDS, [name(11), name(12)]);
  client.connected();
  const session = createServerSession('delta', { source, saysDigests: true });
  const changed = exchange(client, session);
  assert.ok(changed < 20_000, `${changed} bytes`);
  const asked = session.statuses().find(({ typeUrl }) => typeUrl === EDS)?.names ?? new Set();
  assert.deepEqual(new Set(asked), client.subscriptions(EDS));
  assert.ok(asked.has('nowhere') && !asked.has(name(12)));
  source.set(EDS, name(12), undefined);
  assertHas(client, source);
  session.changed();
  exchange(client, session);
  assert.equal(session.syncedVersion(), source.version);
});

test('a server that cannot read digests, never answers or answers nonsense is told everything by name', () => {
  const old = away();
  old.client.connected();
  assert.ok(
    exchange(old.client, createServerSession('delta', { source: old.source })) > 50_000,
    'an older server of ours answers as for an unknown type',
  );
  assertHas(old.client, old.source);
  for (const answer of [undefined, 'zz', 'f'.repeat(63)]) {
    const { client, source, first } = away();
    client.connected();
    const [request, ...others] = client.takeRequests();
    assert.deepEqual([request?.typeUrl, others.length, client.awaitsAnswer, client.takeRequests().length], [DIGEST_TYPE_URL, 0, true, 0]);
    assert.ok(Buffer.from(request?.node ?? []).includes(DIGEST_FEATURE));
    const response = { typeUrl: DIGEST_TYPE_URL, nonce: '', systemVersion: '', removed: [] };
    if (answer !== undefined)
      assert.throws(
        () => client.hear({ ...response, resources: [resource(CDS, answer)] }),
        (error) => error instanceof MeshError && error.code === 'protobuf/malformed',
      );
    client.disconnected();
    client.connected();
    assert.equal(client.awaitsAnswer, false);
    assert.ok(exchange(client, createServerSession('delta', { source, saysDigests: true })) > first / 2);
    assertHas(client, source);
  }
});

test('whatever a client says as digests, it gets what there is once it says what it has', () => {
  const { source } = away();
  const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...HEX), minLength: 4_096, maxLength: 4_096 }));
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(fc.constantFrom(CDS, EDS, RDS, TYPE_URL.secret, DIGEST_TYPE_URL), fc.string()), texts), (digests) => {
      const session = createServerSession('delta', { source, saysDigests: true });
      const request = { subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), nonce: '' };
      session.receive({ ...request, typeUrl: DIGEST_TYPE_URL, initialVersions: new Map(Object.entries(digests)) });
      const answer = session.greeting();
      for (const { name } of answer?.resources ?? []) assert.ok([CDS, EDS].includes(name as typeof CDS) || digests[name]?.length === 4_096, name);
      session.receive({ ...request, typeUrl: CDS });
      session.receive({ ...request, typeUrl: DIGEST_TYPE_URL, initialVersions: new Map(Object.entries(digests)) });
      assert.equal(session.greeting(), undefined);
      const response = session.next();
      assert.equal((response?.shared?.length ?? 0) + (response?.resources.length ?? 0), 400);
    }),
    { numRuns: 50 },
  );
});
