import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { databaseMark, processesWith } from '../testkit/leftovers.ts';
import { eventually, get } from '../testkit/load.ts';
import { networkOf } from '../testkit/network.ts';
import { ROOT, startInTerminal, userEnvironment, type TerminalProgram } from '../testkit/npm.ts';

const state = mkdtempSync(join(tmpdir(), 'meltemi-start-'));
after(() => rmSync(state, { recursive: true, force: true }));

const LIMIT_MS = 5_000;

for (const to of ['group', 'first'] as const) {
  const whom = to === 'group' ? 'the terminal' : 'npm alone';
  test(`npm start -- --json, then Ctrl-C to ${whom}: one JSON line when ready, ended within 5 s without a trace`, async () => {
    const command = ['npm', 'start', '--', '--json', '--gateway-port', '0', '--console-port', '0', '--load', '2'];
    const start = startInTerminal(command, { cwd: ROOT, env: userEnvironment({ MELTEMI_STATE: state }) });
    const urls = await start.ready(60_000);
    const database = databaseMark(urls.gateway);
    const pid = demoPid();

    assert.deepEqual(Object.keys(urls), ['gateway', 'console', 'controlPlane', 'dataPlane', 'interception']);
    assert.equal((await get(`${urls.gateway}/productpage`)).status, 200);
    assert.match(start.stderr(), /\(10\/10\)/, 'progress is told');
    assert.equal(urls.interception === 'netns' && networkOf(pid).length === 0, false, 'its namespaces can be found');

    const begun = performance.now();
    const interrupted = start.interrupt(to);
    await eventually('no process left', LIMIT_MS, async () => ([state, database].flatMap(processesWith).length === 0 ? true : undefined));
    await interrupted;
    assert.ok(performance.now() - begun < LIMIT_MS);
    assert.deepEqual(networkOf(pid), []);
    assert.equal(ownLines(start).length, 1, "stdout holds npm's banner and the one JSON line");
  });
}

/** The pid of the demo itself, which the names of its namespaces hold; 0 where it cannot be seen. */
function demoPid(): number {
  const found = processesWith(state).find((line) => /apps.meltemi.src.main\.ts demo /.test(line));
  return Number.parseInt(found ?? '0', 10);
}

/** Lines of stdout that are not npm's own. */
function ownLines(start: TerminalProgram): readonly string[] {
  return start
    .stdout()
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('> '));
}
