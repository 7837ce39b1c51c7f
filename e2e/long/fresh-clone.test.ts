import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { databaseMark, processesWith } from '../testkit/leftovers.ts';
import { eventually, get } from '../testkit/load.ts';
import { ROOT, runToEnd, startInTerminal, userEnvironment } from '../testkit/npm.ts';

const COMMAND = ['npm', 'start', '--', '--json', '--gateway-port', '0', '--console-port', '0'];
let folder = '';
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meltemi-clone-'));
  await runToEnd(['git', 'clone', '-q', ROOT, join(folder, 'clone')], { cwd: folder, env: userEnvironment() });
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a fresh clone: an interrupted first start leaves nothing running, the next one repairs the install and reaches ready', async () => {
  const options = { cwd: join(folder, 'clone'), env: userEnvironment({ MELTEMI_STATE: join(folder, 'state') }) };
  const first = startInTerminal(COMMAND, options);
  await eventually('packages are being unpacked', 60_000, async () => (existsSync(join(options.cwd, 'node_modules', '.store')) ? true : undefined));
  assert.match(first.stderr(), /installing its packages from npm first \(about \d+ MB to download/);
  assert.ok((await first.interrupt()) < 5_000);
  await eventually('no process left', 5_000, async () => (processesWith(folder).length === 0 ? true : undefined));

  const second = startInTerminal(COMMAND, options);
  const urls = await second.ready(240_000);
  assert.match(second.stderr(), /packages unpacked/, 'progress is told');
  const page = await get(`${urls.gateway}/productpage`);
  assert.deepEqual([page.status, page.body.includes('Reviews served by')], [200, true]);
  assert.equal((await get(urls.console)).status, 200);
  const tookMs = await second.interrupt();
  assert.ok(tookMs < 5_000, `ended after ${tookMs} ms:\n${second.stderr()}`);
  const marks = [folder, databaseMark(urls.gateway)];
  await eventually('no process left', 5_000, async () => (marks.flatMap(processesWith).length === 0 ? true : undefined));
});
