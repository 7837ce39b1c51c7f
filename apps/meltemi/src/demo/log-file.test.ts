import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openLogFile } from './log-file.ts';

test('a log keeps the newest lines and no more than twice its size', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'a.log');
  const log = openLogFile(path, 1000);
  for (let i = 0; i < 500; i++) {
    log.write(`line ${i}`);
    if (i % 10 === 0) await setImmediate();
  }
  await log.close();
  assert.deepEqual(readdirSync(folder).toSorted(), ['a.log', 'a.log.1']);
  const text = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
  assert.ok(text.endsWith('line 498\nline 499\n'));
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size <= 1010, name);

  const next = openLogFile(path, 1000);
  next.write('after a restart');
  await next.close();
  assert.ok(readFileSync(path, 'utf8').endsWith('line 499\nafter a restart\n'));
});
