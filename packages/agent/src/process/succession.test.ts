import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { systemPlatform } from '../platform.ts';
import { startChild } from './child.ts';
import { superviseProxy, type ProxyState } from './proxy-supervisor.ts';

const platform = systemPlatform(silentLog);
const IDLE = 'process.stdin.resume();process.stdin.on("end",()=>process.exit())';

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test('a workload that ends while its proxy is being exchanged leaves neither of the two behind', async () => {
  const probed = Promise.withResolvers<void>();
  const serves = Promise.withResolvers<boolean>();
  const pids: number[] = [];
  const states: ProxyState[] = [];
  const supervisor = superviseProxy({
    child: {
      command: [process.execPath, '-e', `console.log(process.pid);${IDLE}`],
      env: process.env,
      stdin: 'open',
      onLine: (_, line) => pids.push(Number(line)),
    },
    probe: () => Promise.resolve(true),
    handover: {
      env: () => process.env,
      givesSockets: false,
      probe() {
        // It answers once both have told who they are, and the workload has been told to end.
        if (pids.length === 2) probed.resolve();
        return pids.length === 2 ? serves.promise : Promise.resolve(false);
      },
      retire: 'retire',
      retireMs: 1_000,
    },
    onState: (state) => states.push(state),
    platform,
  });
  await supervisor.ready;
  const restarted = supervisor.restart().then(
    () => 'exchanged',
    (error: Error) => error.message,
  );
  await probed.promise;
  const stopped = supervisor.stop(0);
  serves.resolve(true);
  assert.match(await restarted, /the workload ends/);
  await stopped;
  assert.deepEqual([pids.map(isGone), supervisor.state.t, states.at(-1)?.t], [[true, true], 'stopped', 'stopped']);
});

test('a socket for a process that is gone is not kept open here', async () => {
  const child = await startChild({ command: [process.execPath, '-e', '0'], env: process.env, stdin: 'open', messages: true, onLine: () => {} });
  await child.exited;
  let closed = 0;
  child.send({ t: 'socket' }, { close: () => void closed++ });
  assert.equal(closed, 1);
});

test('while several older ones have not ended yet, no other is started', async () => {
  const supervisor = superviseProxy({
    child: { command: [process.execPath, '-e', IDLE], env: process.env, stdin: 'open', onLine: () => {} },
    probe: () => Promise.resolve(true),
    handover: { env: () => process.env, givesSockets: false, probe: () => Promise.resolve(true), retire: 'retire', retireMs: 60_000 },
    onState: () => {},
    platform,
  });
  await supervisor.ready;
  for (let i = 0; i < 8; i++) await supervisor.restart();
  await assert.rejects(supervisor.restart(), /8 older ones still serve their last connections/);
  await supervisor.stop(0);
});
