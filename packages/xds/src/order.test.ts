import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { deltaHarness, sotwHarness, type Harness } from './testdata/harness.ts';
import { createSource, type TestSource } from './testdata/source.ts';

const { cluster: CDS, endpoint: EDS, route: RDS } = TYPE_URL;
const CLUSTERS = ['c1', 'c2', 'c3', 'c4'];
const ROUTE = 'r';

/** A state of the mesh: clusters with their revisions, and the one that the route names. Always consistent. */
interface Mesh {
  readonly clusters: Readonly<Record<string, string>>;
  readonly to: string;
}

const mesh: fc.Arbitrary<Mesh> = fc
  .dictionary(fc.constantFrom(...CLUSTERS), fc.constantFrom('1', '2'), { minKeys: 1 })
  .chain((clusters) => fc.record({ clusters: fc.constant(clusters), to: fc.constantFrom(...Object.keys(clusters)) }));

const step = fc.oneof(
  { weight: 1, arbitrary: mesh.map((next) => ({ t: 'mesh' as const, next })) },
  { weight: 3, arbitrary: fc.constant({ t: 'to-client' as const }) },
  { weight: 3, arbitrary: fc.constant({ t: 'to-server' as const }) },
);

/** One change of everything, as a push is. */
function become(source: TestSource, harness: Harness, { clusters, to }: Mesh): void {
  for (const name of CLUSTERS) {
    source.set(CDS, name, clusters[name]);
    source.set(EDS, name, clusters[name] === undefined ? undefined : 'here');
    harness.changed(CDS, name);
    harness.changed(EDS, name);
  }
  source.set(RDS, ROUTE, to);
  harness.changed(RDS, ROUTE);
}

/** As Envoy does: endpoints are wanted of the clusters that are there. */
function followClusters(harness: Harness): void {
  const clusters = harness.versions(CDS);
  for (const name of CLUSTERS) {
    if (clusters.has(name) && !harness.subscribed(EDS, name)) harness.subscribe(EDS, name);
    if (!clusters.has(name) && harness.subscribed(EDS, name)) harness.unsubscribe(EDS, name);
  }
}

function deliver(harness: Harness): boolean {
  const moved = harness.toClient();
  followClusters(harness);
  return moved;
}

function settle(harness: Harness): void {
  for (let moves = 0; [harness.toServer(), deliver(harness)].includes(true); moves++) assert.ok(moves < 200, 'the exchange settles');
}

for (const [name, open] of [
  ['delta', deltaHarness],
  ['state of the world', sotwHarness],
] as const) {
  test(`${name}: make before break: whatever the client has been told so far, its route names a cluster that it has, with endpoints`, () => {
    fc.assert(
      fc.property(mesh, fc.array(step, { maxLength: 60 }), (first, steps) => {
        const source = createSource();
        const harness = open(source);
        harness.subscribe(RDS, ROUTE);
        harness.subscribe(EDS, first.to);
        become(source, harness, first);
        settle(harness);
        for (const action of steps) {
          if (action.t === 'mesh') become(source, harness, action.next);
          else if (action.t === 'to-server') harness.toServer();
          else deliver(harness);
          const target = harness.versions(RDS).get(ROUTE) ?? '';
          assert.ok(harness.versions(CDS).has(target), `the route names ${target}, the client has ${[...harness.versions(CDS).keys()].join()}`);
          assert.ok(harness.versions(EDS).has(target), `${target} has no endpoints at the client`);
        }
        settle(harness);
        assert.equal(harness.versions(RDS).get(ROUTE), source.all(RDS).get(ROUTE)?.version);
        assert.deepEqual([...harness.versions(CDS).keys()].sort(), [...source.all(CDS).keys()].sort());
      }),
      { numRuns: 1000 },
    );
  });
}

test('both protocols leave the client with the same resources, whatever happened on the way', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), mesh, (steps, last) => {
      const [delta, sotw] = [deltaHarness, sotwHarness].map((open) => {
        const source = createSource();
        const harness = open(source);
        harness.subscribe(RDS, ROUTE);
        for (const action of [...steps, { t: 'mesh' as const, next: last }]) {
          if (action.t === 'mesh') become(source, harness, action.next);
          else if (action.t === 'to-server') harness.toServer();
          else deliver(harness);
        }
        settle(harness);
        return [CDS, EDS, RDS].map((typeUrl) => [...harness.versions(typeUrl)].map(([name, version]) => `${name} ${version}`).sort());
      });
      assert.deepEqual(delta, sotw);
    }),
    { numRuns: 1000 },
  );
});
