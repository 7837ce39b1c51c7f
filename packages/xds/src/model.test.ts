import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { BAD, deltaHarness, sotwHarness, type Harness } from './testdata/harness.ts';
import { createSource, largeResource, type TestSource } from './testdata/source.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = TYPE_URL;
const ALL = [CDS, EDS, LDS, RDS];
const NAMES = ['n1', 'n2', 'n3'];

/** Few steps lead nowhere. */
const LENGTH = { maxLength: 150, size: 'max' } as const;

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
  while ([harness.toServer(), harness.toClient()].includes(true) || harness.stopHoldingBack()) assert.ok(++moves < 400, 'the exchange settles');
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

test('delta: any interleaving of changes, subscriptions, refusals and reconnects ends with client state = server state', () => {
  fc.assert(
    fc.property(fc.array(step, LENGTH), fc.subarray(NAMES), (steps, shared) => {
      const source = createSource(shared);
      source.set(CDS, 'n1', '1');
      const harness = deltaHarness(source);
      run(source, harness, steps);
      checkConverged(source, harness, () => false);
    }),
    { numRuns: 1500 },
  );
});

test('delta with patches and compressed resources: the same, and what was put together of them is what was meant', () => {
  let [patches, groups] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, LENGTH), fc.subarray(NAMES), fc.subarray(NAMES, { minLength: 1 }), (steps, shared, holds) => {
      const source = createSource(shared, largeResource);
      source.set(CDS, 'n1', '1');
      const harness = deltaHarness(source, holds);
      run(source, harness, steps);
      checkConverged(source, harness, () => false);
      for (const typeUrl of ALL)
        for (const name of harness.versions(typeUrl).keys()) {
          const { bytes, version } = source.all(typeUrl).get(name) ?? {};
          if (version === harness.versions(typeUrl).get(name))
            assert.ok(Buffer.from(harness.content(typeUrl, name) ?? []).equals(bytes ?? new Uint8Array()));
        }
      patches += harness.patches;
      groups += harness.groups;
    }),
    { numRuns: 1000 },
  );
  assert.ok(patches > 300 && groups > 300, `${patches} patches, ${groups} groups`);
});

test('delta with digests: the same, whatever came in between, with servers that read them and servers that do not', () => {
  let digests = 0;
  fc.assert(
    fc.property(fc.array(step, LENGTH), fc.subarray(NAMES), fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }), (steps, shared, servers) => {
      const source = createSource(shared);
      source.set(CDS, 'n1', '1');
      const harness = deltaHarness(source, undefined, servers);
      run(source, harness, steps);
      checkConverged(source, harness, () => false);
      digests += harness.digests;
    }),
    { numRuns: 1500 },
  );
  assert.ok(digests > 500, `${digests} digests were read`);
});

// Short ones only: a name that is given back and asked for again in requests with nonces that are stale by then is lost on any server of this protocol.
test('state of the world: the same, and never an empty list while there are resources', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.subarray(NAMES), (steps, shared) => {
      const source = createSource(shared);
      source.set(CDS, 'n1', '1');
      const harness = sotwHarness(source);
      run(source, harness, steps);
      // This protocol cannot say that a resource asked for by name is gone.
      checkConverged(source, harness, (typeUrl) => typeUrl === EDS || typeUrl === RDS);
    }),
    { numRuns: 1500 },
  );
});

test('state of the world: a cluster whose removal waits for routes that are not there goes at once', () => {
  const source = createSource();
  source.set(CDS, 'n1', '1');
  const harness = sotwHarness(source);
  harness.subscribe(RDS, 'n1');
  for (const move of ['toServer', 'toClient', 'toServer'] as const) harness[move]();
  source.set(CDS, 'n1', undefined);
  harness.changed(CDS, 'n1');
  while ([harness.toServer(), harness.toClient()].includes(true));
  assert.deepEqual([...harness.versions(CDS)], []);
});
