import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { systemPlatform } from '../platform.ts';
import { startApplication } from './application.ts';
import { superviseProxy, type ProxyState } from './proxy-supervisor.ts';
import { countQuickExits, restartDelayMs } from './restart-delay.ts';

const platform = systemPlatform(silentLog);
const node = process.execPath;

function application(script: string, lines: string[] = []) {
  return startApplication(
    { command: [node, '-e', script], cwd: process.cwd(), env: process.env },
    { environment: { MARK: 'x' }, onLine: (source, line) => lines.push(`${source} ${line}`), platform },
  );
}

test('lines are captured whole, exit codes and signals pass through', async () => {
  const lines: string[] = [];
  const app = await application(`process.stdout.write('a\\nb');process.stderr.write('é '+process.env.MARK);process.exitCode=7`, lines);
  assert.equal((await app.exited).exitCode, 7);
  assert.deepEqual(lines.sort(), ['stderr é x', 'stdout a', 'stdout b']);
  const signalled = await application('setInterval(()=>{},1000)');
  signalled.signal('SIGINT');
  assert.deepEqual(await signalled.exited, { exit: { code: undefined, signal: 'SIGINT' }, exitCode: 130 });
  await assert.rejects(
    startApplication({ command: ['nowhere-to-be-found'], cwd: process.cwd(), env: process.env }, { environment: {}, onLine: () => {}, platform }),
    { code: 'process/cannot-start' },
  );
});

test('a program that will not end is ended, with what it started', { skip: process.platform === 'win32' }, async () => {
  const lines: string[] = [];
  const seen = Promise.withResolvers<number>();
  const script = `process.on('SIGTERM',()=>{});const c=require('child_process').spawn(process.execPath,['-e','setInterval(()=>{},1000)']);console.log(c.pid);setInterval(()=>{},1000)`;
  const app = await startApplication(
    { command: [node, '-e', script], cwd: process.cwd(), env: process.env },
    { environment: {}, onLine: (_, line) => (lines.push(line), seen.resolve(Number(line))), platform },
  );
  const grandchild = await seen.promise;
  await app.stop(50);
  const gone = (): boolean => {
    try {
      process.kill(grandchild, 0);
      return false;
    } catch {
      return true;
    }
  };
  for (let i = 0; i < 200 && !gone(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(gone());
});

test('a proxy that ends is started again, also when killed, until it is stopped', async () => {
  const states: ProxyState[] = [];
  const until = (what: string): Promise<ProxyState> =>
    new Promise((resolve) => {
      const look = (): void => {
        const last = states.at(-1);
        if (last?.t === what) resolve(last);
        else setTimeout(look, 5);
      };
      look();
    });
  let drained = 0;
  const supervisor = superviseProxy({
    child: {
      command: [node, '-e', 'process.stdin.resume();process.stdin.on("end",()=>process.exit())'],
      env: process.env,
      stdin: 'open',
      onLine: () => {},
    },
    probe: async () => true,
    drain: async () => void drained++,
    onState: (state) => states.push(state),
    platform,
  });
  await supervisor.ready;
  for (let i = 0; i < 3; i++) {
    const state = await until('ready');
    assert.ok(state.t === 'ready');
    const count = states.length;
    process.kill(state.pid, 'SIGKILL');
    while (states.length === count) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until('ready');
  await supervisor.stop(100);
  assert.deepEqual([drained, supervisor.state.t], [1, 'stopped']);
});

test('back-off: at once, doubling, never past 1.5 s, forgotten after a long life', () => {
  assert.deepEqual([0, 1, 2, 3, 6, 60].map(restartDelayMs), [0, 50, 100, 200, 1500, 1500]);
  assert.deepEqual([countQuickExits(3, 100), countQuickExits(3, 10_000)], [4, 0]);
});
