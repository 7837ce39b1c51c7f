import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunningWorkload } from '@meltemi/agent';
import { keepRunning } from './keep-running.ts';

/** Workloads that live as long as the test says. */
function launcher() {
  const started: { end(code: number): void; stopped: boolean }[] = [];
  const arrivals: (() => void)[] = [];
  const launch = (): Promise<RunningWorkload> => {
    const exited = Promise.withResolvers<number>();
    const life = { end: exited.resolve, stopped: false };
    started.push(life);
    for (const run of arrivals.splice(0)) run();
    return Promise.resolve({
      address: `10.0.0.${started.length}`,
      appAddress: '',
      interception: 'ports',
      ready: Promise.resolve(),
      exited: exited.promise,
      signal: () => undefined,
      stop: () => {
        life.stopped = true;
        exited.resolve(0);
        return Promise.resolve();
      },
    });
  };
  const until = async (count: number): Promise<void> => {
    while (started.length < count) await new Promise<void>((resolve) => arrivals.push(resolve));
  };
  return { started, launch, until };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a workload that ends is started again, and not once the demo stops it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { started, launch, until } = launcher();
  const told: string[] = [];
  const kept = await keepRunning({ name: 'reviews-v2', launch, tell: (text) => told.push(text) });
  await kept.ready;
  started[0]?.end(137);
  await turn();
  t.mock.timers.tick(1_000);
  await until(2);
  await turn();
  assert.deepEqual(told, ['reviews-v2 ended (exit code 137); starting it again', 'reviews-v2 is in the mesh again, at 10.0.0.2']);
  await kept.stop(1_000);
  assert.deepEqual(
    started.map(({ stopped }) => stopped),
    [false, true],
  );
  await turn();
  t.mock.timers.tick(60_000);
  assert.equal(started.length, 2);
});
