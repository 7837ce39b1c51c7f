import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { XdsNode, XdsUpdate } from './generator.ts';
import { mergeUpdates } from './pending-update.ts';

const node = (id: string) => ({ id }) as XdsNode;
const TYPE = 'type';

test('however many changes wait for a push, each node has what is for it alone', () => {
  const changes = 20_000;
  let merged: XdsUpdate<number> | undefined;
  for (let version = 1; version <= changes; version++)
    merged = mergeUpdates(merged, {
      version,
      push: version,
      changed: new Map(),
      changedFor: ({ id }) => (id === String(version) || id === 'all' ? new Map([[TYPE, new Set([`name${version % 3}`])]]) : new Map()),
    });
  const of = (id: string) => [...(merged?.changedFor?.(node(id)) ?? [])];
  assert.equal(merged?.version, changes);
  assert.deepEqual(of('nobody'), []);
  for (const id of [1, 7, changes]) assert.deepEqual(of(String(id)), [[TYPE, new Set([`name${id % 3}`])]]);
  assert.deepEqual(of('all'), [[TYPE, new Set(['name1', 'name2', 'name0'])]]);
});

test('everything is more than some names, in whatever order they come', () => {
  const own = (names: ReadonlySet<string> | '*'): XdsUpdate<number> => ({
    version: 1,
    push: 1,
    changed: new Map(),
    changedFor: () => new Map([[TYPE, names]]),
  });
  for (const [first, second] of [
    ['*', new Set(['a'])],
    [new Set(['a']), '*'],
  ] as const)
    assert.deepEqual([...(mergeUpdates(own(first), own(second)).changedFor?.(node('x')) ?? [])], [[TYPE, '*']]);
});

test('what all nodes have of many changes is gathered once, and what was handed in stays as it was', () => {
  const changes = 50_000;
  const first: ReadonlySet<string> = new Set(['name0']);
  const handed = new Map([[TYPE, first]]);
  const beginMs = performance.now();
  let merged: XdsUpdate<number> = { version: 0, push: 0, changed: handed, changedFor: () => handed };
  for (let version = 1; version < changes; version++) {
    const names = new Map([[TYPE, new Set([`name${version}`])]]);
    merged = mergeUpdates(merged, { version, push: version, changed: names, changedFor: () => names });
  }
  for (const all of [merged.changed?.get(TYPE), merged.changedFor?.(node('x')).get(TYPE)]) assert.equal(all === '*' ? '*' : all?.size, changes);
  assert.deepEqual([...handed], [[TYPE, first]]);
  assert.deepEqual([...first], ['name0']);
  // Sets that are copied at each change take minutes.
  assert.ok(performance.now() - beginMs < 10_000);
});
