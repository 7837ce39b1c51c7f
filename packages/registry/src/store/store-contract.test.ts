import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError, silentLog } from '@meltemi/base';
import {
  createAggregateStore,
  createMemoryStore,
  createStateStore,
  createVersionSource,
  type ConfigChange,
  type WritableConfigStore,
} from '../index.ts';
import { virtualService } from '../testdata/objects.ts';
import { manualTime } from '../testdata/ports.ts';

const REF = { kind: 'VirtualService', namespace: 'a', name: 'x' };

/** Runs with a folder of its own. */
async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-store-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const STORES: readonly { readonly name: string; readonly make: (folder: string) => Promise<WritableConfigStore> }[] = [
  { name: 'memory', make: () => Promise.resolve(createMemoryStore({ clock: manualTime() })) },
  { name: 'state', make: (folder) => createStateStore({ directory: join(folder, 'config'), clock: manualTime(), log: silentLog }) },
  {
    name: 'aggregate',
    make: async (folder) => {
      const clock = manualTime();
      const versions = createVersionSource(clock);
      const writable = await createStateStore({ directory: join(folder, 'config'), clock, log: silentLog, versions });
      return createAggregateStore([createMemoryStore({ clock, versions }), writable], writable);
    },
  },
];

for (const { name, make } of STORES) {
  test(`${name}: put, watch, conflict and delete as a store has to`, () =>
    withFolder(async (folder) => {
      const store = await make(folder);
      const seen: ConfigChange[] = [];
      const stop = store.watch((changes) => seen.push(...changes));
      const created = await store.put(virtualService('x'));
      assert.equal(created.t, 'created');
      const { uid, resourceVersion, generation, creationTimestamp } = created.config.meta;
      assert.ok(uid !== undefined && resourceVersion !== undefined);
      assert.deepEqual([generation, creationTimestamp], [1, '2026-01-01T00:00:00Z']);
      assert.equal(store.get(REF), created.config);

      await assert.rejects(store.put(virtualService('x', '9s'), { expectAbsent: true }), { code: 'config/exists' });
      assert.equal((await store.put(virtualService('x', '9s'), { dryRun: true })).t, 'configured');
      assert.equal(await store.delete(REF, { dryRun: true }), true);
      assert.equal(store.get(REF), created.config, 'a dry run leaves everything as it was');

      const unchanged = await store.put(virtualService('x'));
      assert.deepEqual([unchanged.t, unchanged.config === created.config], ['unchanged', true]);
      const configured = await store.put(virtualService('x', '2s'));
      assert.deepEqual([configured.t, configured.config.meta.generation, configured.config.meta.uid], ['configured', 2, uid]);
      assert.ok(Number(configured.config.meta.resourceVersion) > Number(resourceVersion));
      const labelled = await store.put(
        { ...configured.config, meta: { ...configured.config.meta, labels: { l: '1' } } },
        { expectResourceVersion: configured.config.meta.resourceVersion ?? '' },
      );
      assert.deepEqual([labelled.t, labelled.config.meta.generation], ['configured', 2], 'a generation counts specs, not labels');
      await assert.rejects(
        store.put(virtualService('x', '3s'), { expectResourceVersion: resourceVersion }),
        (error) => error instanceof MeshError && error.code === 'config/conflict',
      );

      assert.equal(await store.delete(REF), true);
      assert.equal(await store.delete(REF), false);
      assert.equal(store.get(REF), undefined);
      assert.deepEqual(store.list('VirtualService'), []);
      assert.deepEqual(
        seen.map((change) => change.t),
        ['added', 'modified', 'modified', 'deleted'],
      );
      stop();
      await store.put(virtualService('y'));
      assert.equal(seen.length, 4, 'nobody is told after the watch ended');
      await store.close();
    }));
}

test('state: what was applied is there after a restart, with its origin, version and age', () =>
  withFolder(async (folder) => {
    const directory = join(folder, 'config');
    const open = () => createStateStore({ directory, clock: manualTime(), log: silentLog });
    const first = await open();
    const { config } = await first.put(virtualService('x'));
    await first.close();
    assert.equal(statSync(join(directory, 'VirtualService.a.x.json')).mode & 0o777, 0o600);
    writeFileSync(join(directory, 'VirtualService.a.y.json'), '{ half');
    writeFileSync(join(directory, 'left.json.1.tmp'), 'x');
    const second = await open();
    assert.deepEqual(second.list(), [config]);
    assert.equal(second.get(REF)?.origin.file, 'x.yaml');
    assert.deepEqual(
      second.problems().map((problem) => problem.code),
      ['MEL0201'],
    );
    assert.deepEqual(
      readdirSync(directory).filter((file) => file.endsWith('.tmp')),
      [],
    );
    assert.equal(readFileSync(join(directory, 'VirtualService.a.y.json'), 'utf8'), '{ half', 'what cannot be read is left alone');
    await second.close();
  }));

test('state: a name as long as names may be is kept too, and goes again', () =>
  withFolder(async (folder) => {
    const open = () => createStateStore({ directory: join(folder, 'config'), clock: manualTime(), log: silentLog });
    const start = `${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(41)}`;
    const names = [`${start}${'a'.repeat(20)}`, `${start}${'b'.repeat(20)}`, start];
    const named = (name: string, timeout?: string) => {
      const config = virtualService('x', timeout);
      return { ...config, meta: { ...config.meta, name } };
    };
    const first = await open();
    for (const name of names) assert.equal((await first.put(named(name))).t, 'created');
    await first.close();
    const second = await open();
    const left = (): readonly string[] => second.list().map(({ meta }) => meta.name);
    assert.deepEqual(left().toSorted(), names.toSorted());
    await second.put(named(names[0] ?? '', '9s'));
    for (const name of names.slice(1)) assert.equal(await second.delete({ ...REF, name }), true);
    await second.close();
    const third = await open();
    assert.deepEqual(
      third.list().map(({ meta }) => meta.name),
      names.slice(0, 1),
    );
    await third.close();
  }));

test('state: a directory of a newer Meltemi is refused', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'format.json'), '{"format": 99}');
    await assert.rejects(
      createStateStore({ directory: folder, clock: manualTime(), log: silentLog }),
      (error) => error instanceof MeshError && error.code === 'state/newer-format',
    );
  }));

test('aggregate: the first store wins, its objects are not written over, and what was hidden comes to light', async () => {
  const clock = manualTime();
  const read = createMemoryStore({ clock });
  const writable = createMemoryStore({ clock });
  const store = createAggregateStore([read, writable], writable);
  const seen: string[] = [];
  let told = 0;
  store.watch((changes) => seen.push(...changes.map((change) => change.t)));
  store.watchProblems(() => told++);
  await store.put(virtualService('x'));
  await read.put(virtualService('x', '9s'));
  assert.deepEqual(
    store.list().map((config) => JSON.stringify(config.spec).includes('9s')),
    [true],
  );
  assert.deepEqual(
    store.problems().map((problem) => [problem.code, problem.severity]),
    [['MEL0106', 'warning']],
  );
  await assert.rejects(
    store.put(virtualService('x', '3s')),
    (error) => error instanceof MeshError && error.code === 'config/read-only' && error.message.includes('x.yaml'),
  );
  await assert.rejects(store.put(virtualService('x', '3s'), { dryRun: true }), { code: 'config/read-only' }, 'a dry run says what would be refused');
  await assert.rejects(store.delete(REF), (error) => error instanceof MeshError && error.code === 'config/read-only');
  await read.delete(REF);
  assert.deepEqual(store.problems(), []);
  assert.deepEqual(seen, ['added', 'modified', 'modified']);
  assert.equal(told, 2);
  await store.close();
});
