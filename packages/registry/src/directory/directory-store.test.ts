import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError, silentLog, type Clock } from '@meltemi/base';
import { createDirectoryStore, type DirectoryStore } from '../index.ts';
import { virtualServiceYaml } from '../testdata/objects.ts';
import { manualTime, realTimers } from '../testdata/ports.ts';

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A store over a folder with these files; timers move only by hand unless `live`. */
async function withStore(
  files: Readonly<Record<string, string>>,
  run: (store: DirectoryStore, folder: string) => Promise<void>,
  live = false,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-directory-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const store = await createDirectoryStore({ paths: [folder], clock, timers: live ? realTimers : manualTime(), log: silentLog });
  try {
    await run(store, folder);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Looks until every file was left alone for two looks. */
async function settle(store: DirectoryStore): Promise<void> {
  while (!(await store.rescan()));
}

function timeouts(store: DirectoryStore): readonly string[] {
  return store
    .list('VirtualService')
    .map((config) => `${config.meta.name} ${/"timeout":"(\w+)"/.exec(JSON.stringify(config.spec))?.[1]}`)
    .sort();
}

test('objects of files come, change and go with them', () =>
  withStore({ 'a.yaml': `${virtualServiceYaml('x')}---\n${virtualServiceYaml('y')}`, 'notes.txt': 'not: configuration' }, async (store, folder) => {
    assert.deepEqual(timeouts(store), ['x 1s', 'y 1s']);
    assert.deepEqual(store.get({ kind: 'VirtualService', namespace: 'a', name: 'y' })?.origin, {
      source: 'file',
      file: join(folder, 'a.yaml'),
      line: 10,
      column: 1,
    });
    const batches: (readonly string[])[] = [];
    store.watch((changes) => batches.push(changes.map((change) => `${change.t} ${change.config.meta.name}`).sort()));
    const kept = store.get({ kind: 'VirtualService', namespace: 'a', name: 'x' });
    mkdirSync(join(folder, 'more'));
    writeFileSync(join(folder, 'more', 'b.yml'), virtualServiceYaml('z'));
    writeFileSync(join(folder, 'a.yaml'), virtualServiceYaml('x'));
    await settle(store);
    assert.deepEqual(timeouts(store), ['x 1s', 'z 1s']);
    assert.deepEqual(batches, [['added z', 'deleted y']], 'one look is one change');
    assert.equal(store.get({ kind: 'VirtualService', namespace: 'a', name: 'x' }), kept);
    rmSync(join(folder, 'a.yaml'));
    await settle(store);
    assert.deepEqual(timeouts(store), ['z 1s']);
  }));

test('a faulty object is reported with its place and its last good form stays; all others go on', () =>
  withStore({ 'a.yaml': `${virtualServiceYaml('x')}---\n${virtualServiceYaml('y')}` }, async (store, folder) => {
    writeFileSync(join(folder, 'a.yaml'), `${virtualServiceYaml('x', 'soon')}---\n${virtualServiceYaml('y', '2s')}`);
    await settle(store);
    assert.deepEqual(timeouts(store), ['x 1s', 'y 2s']);
    const [problem, ...more] = store.problems();
    assert.deepEqual(more, []);
    assert.deepEqual([problem?.object?.name, problem?.origin?.line, problem?.path], ['x', 7, 'spec.http[0].timeout']);
    assert.match(problem?.message ?? '', /the version before stays in force/);
    writeFileSync(join(folder, 'a.yaml'), virtualServiceYaml('x', '3s'));
    await settle(store);
    assert.deepEqual(timeouts(store), ['x 3s']);
    assert.deepEqual(store.problems(), []);
  }));

test('a text that breaks off says nothing about what it does not show', () =>
  withStore({ 'a.yaml': `${virtualServiceYaml('x')}---\n${virtualServiceYaml('y')}` }, async (store, folder) => {
    writeFileSync(join(folder, 'a.yaml'), `${virtualServiceYaml('x', '2s')}---\napiVersion: networking.istio.io/v1\nkind: "Virtual`);
    await settle(store);
    assert.deepEqual(timeouts(store), ['x 2s', 'y 1s']);
    assert.equal(store.problems().length, 1);
  }));

test('a file that is being written is left alone until two looks see it the same', () =>
  withStore({ 'a.yaml': virtualServiceYaml('x') }, async (store, folder) => {
    const file = join(folder, 'a.yaml');
    let changes = 0;
    store.watch(() => changes++);
    for (const [index, text] of ['', 'apiVersion:', virtualServiceYaml('x', '2s')].entries()) {
      writeFileSync(file, text);
      utimesSync(file, 1000 + index, 1000 + index);
      assert.equal(await store.rescan(), false);
      assert.deepEqual([timeouts(store), store.problems(), changes], [['x 1s'], [], 0]);
    }
    assert.equal(await store.rescan(), true);
    assert.deepEqual([timeouts(store), changes], [['x 2s'], 1]);
  }));

test('of two files with one object the older counts, and the other is told', () =>
  withStore({ 'b.yaml': virtualServiceYaml('x', '1s') }, async (store, folder) => {
    writeFileSync(join(folder, 'a.yaml'), virtualServiceYaml('x', '2s'));
    await settle(store);
    assert.deepEqual(timeouts(store), ['x 1s']);
    assert.deepEqual(
      store.problems().map(({ code, origin, message }) => [code, origin?.file, message.includes('b.yaml:1')]),
      [['MEL0106', join(folder, 'a.yaml'), true]],
    );
    rmSync(join(folder, 'b.yaml'));
    await settle(store);
    assert.deepEqual([timeouts(store), store.problems()], [['x 2s'], []]);
  }));

test('the watcher sees a file that is renamed over another, by itself', () =>
  withStore(
    { 'a.yaml': virtualServiceYaml('x') },
    async (store, folder) => {
      const changed = new Promise<void>((resolve) => store.watch(() => resolve()));
      writeFileSync(join(folder, 'a.yaml.new'), virtualServiceYaml('x', '5s'));
      renameSync(join(folder, 'a.yaml.new'), join(folder, 'a.yaml'));
      await changed;
      assert.deepEqual(timeouts(store), ['x 5s']);
    },
    true,
  ));

test(
  'a link that leads back to a folder above it is not followed',
  { skip: process.platform === 'win32' ? 'links need rights there' : false },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-directory-'));
    mkdirSync(join(folder, 'inner'));
    writeFileSync(join(folder, 'inner', 'a.yaml'), virtualServiceYaml('x'));
    for (const name of ['one', 'two', 'three']) symlinkSync('..', join(folder, 'inner', name));
    const store = await createDirectoryStore({ paths: [folder], clock, timers: manualTime(), log: silentLog });
    assert.deepEqual([timeouts(store), store.problems()], [['x 1s'], []]);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

test('a path that is not there is an error at once', async () => {
  await assert.rejects(
    createDirectoryStore({ paths: ['/nowhere/at/all'], clock, timers: realTimers, log: silentLog }),
    (error) => error instanceof MeshError && error.code === 'config/no-directory',
  );
});
