import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { databaseMark, processesWith } from '../testkit/leftovers.ts';
import { eventually, get } from '../testkit/load.ts';
import { packWorkspace, runToEnd, startInTerminal, userEnvironment } from '../testkit/npm.ts';

let folder = '';
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meltemi-pack-'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  await runToEnd(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', await packWorkspace()], { cwd: folder, env: userEnvironment() });
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('the packed product, installed in an empty folder, runs the demo on the Node that npm finds, and ends without a trace', async () => {
  const env = userEnvironment({ MELTEMI_STATE: join(folder, 'state') });
  const args = ['demo', '--json', '--gateway-port', '0', '--console-port', '0', '--interception', 'ports'];
  let database = '';
  const demo = startInTerminal([join(folder, 'node_modules', '.bin', 'meltemi'), ...args], { cwd: folder, env });
  try {
    const urls = await demo.ready(90_000);
    assert.deepEqual([urls.dataPlane, urls.interception], ['embedded', 'ports']);

    const page = await get(`${urls.gateway}/productpage`);
    assert.equal(page.status, 200);
    assert.match(page.body, /Reviews served by/);

    const console = await get(urls.console);
    assert.equal(console.status, 200);
    const script = /src="([^"]+\.js)"/.exec(console.body)?.[1] ?? '';
    assert.equal((await get(new URL(script, urls.console).href)).status, 200);

    const cli = join(folder, 'node_modules', '.bin', 'meltemi');
    assert.match(await runToEnd([cli, 'get', 'virtualservices', '-A'], { cwd: folder, env }), /bookinfo/);
    // What could not be bundled was installed: the database's programs of this platform.
    database = databaseMark(urls.gateway);
    if (process.platform === 'linux') assert.notDeepEqual(processesWith(database), []);
  } finally {
    assert.ok((await demo.interrupt()) < 5_000, `${demo.stderr()}\nit took longer than 5 s to end`);
  }
  await eventually('no process left', 5_000, async () => ([...processesWith(folder), ...processesWith(database)].length === 0 ? true : undefined));
  assert.equal(demo.stdout().trim().split('\n').length, 1, 'stdout holds the one JSON line');
});
