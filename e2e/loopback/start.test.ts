import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { databaseMark, networkNames, processesOf } from '../testkit/leftovers.ts';
import { eventually, get } from '../testkit/load.ts';
import { ROOT, startInTerminal, userEnvironment, type TerminalProgram } from '../testkit/npm.ts';

const state = mkdtempSync(join(tmpdir(), 'meltemi-start-'));
after(() => rmSync(state, { recursive: true, force: true }));

for (const to of ['group', 'first'] as const) {
  test(`npm start -- --json, then Ctrl-C to ${to === 'group' ? 'the terminal' : 'npm alone'}: ready with one JSON line, ended within 5 s without a trace`, async () => {
    const command = ['npm', 'start', '--', '--json', '--gateway-port', '0', '--console-port', '0', '--load', '2'];
    const before = networkNames();
    const start = startInTerminal(command, { cwd: ROOT, env: userEnvironment({ MELTEMI_STATE: state }) });
    const urls = await start.ready(60_000);
    assert.deepEqual(Object.keys(urls), ['gateway', 'console', 'controlPlane', 'dataPlane', 'interception']);
    assert.equal((await get(`${urls.gateway}/productpage`)).status, 200);
    assert.match(start.stderr(), /\(10\/10\)/, 'progress is told');
    await endsWithoutTrace(start, to, databaseMark(urls.gateway));
    assert.equal(ownLines(start).length, 1, "stdout holds npm's banner and the one JSON line");
    await eventually('no namespace or interface left', 5_000, async () =>
      networkNames().every((name) => before.includes(name) || ownerLives(name)) ? true : undefined,
    );
  });
}

async function endsWithoutTrace(start: TerminalProgram, to: 'group' | 'first', database: string): Promise<void> {
  const begun = performance.now();
  const interrupted = start.interrupt(to);
  await eventually('no process left', 5_000, async () => ([...processesOf(state), ...processesOf(database)].length === 0 ? true : undefined));
  await interrupted;
  assert.ok(performance.now() - begun < 5_000);
}

/** Lines of stdout that are not npm's own. */
function ownLines(start: TerminalProgram): readonly string[] {
  return start
    .stdout()
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('> '));
}

/** Other demos may run on this machine. */
function ownerLives(name: string): boolean {
  try {
    process.kill(Number(name.split('-')[1]), 0);
    return true;
  } catch {
    return false;
  }
}
