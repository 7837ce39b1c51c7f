import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { startPlane } from '../testing/plane.ts';

/** How many connections may wait at a port, as the kernel has it (`ss` shows it as the send queue of a listening socket). */
function backlogOf(port: number): number {
  const { stdout } = spawnSync('ss', ['-Hltn', `sport = :${port}`], { encoding: 'utf8' });
  return Number(stdout.trim().split(/\s+/)[2]);
}

const skip = spawnSync('ss', ['-V']).status === 0 ? false : 'ss is not installed';

test('tcp_backlog_size is told to the kernel, and again when it changes', { skip }, async () => {
  const listener = (more: object): object => ({ ...plainListener('http', hcm([routeTo('app')])), ...more });
  await using plane = await startPlane({ clusters: [cluster('app', [1])], listeners: [listener({ tcp_backlog_size: 7 })] });
  const port = plane.port('http');
  assert.equal(backlogOf(port), 7);
  await plane.apply({ listeners: [listener({ tcp_backlog_size: 9 })] });
  assert.deepEqual([plane.port('http'), backlogOf(port)], [port, 9]);
  await plane.apply({ listeners: [listener({})] });
  assert.ok(backlogOf(port) > 9);
});
