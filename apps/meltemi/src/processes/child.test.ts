import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const CHILD = new URL('child.ts', import.meta.url).href;

/** A child that takes its time before it is ready to be stopped, and would live for ever. */
function program(stop: string): string {
  return `import { stopWithParent } from ${JSON.stringify(CHILD)};
setInterval(() => undefined, 1_000);
process.once('disconnect', () => setTimeout(() => stopWithParent(${stop}), 100));`;
}

test('a child whose parent went while it started ends all the same', async () => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program('async () => undefined')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'spawn');
  child.disconnect();
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0);
});
