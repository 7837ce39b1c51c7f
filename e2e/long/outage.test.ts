import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startDemo, type Demo } from '../testkit/demo.ts';
import { eventually, get, patient, startLoad } from '../testkit/load.ts';
import { keepControlPlaneDown, proxiesOf } from '../testkit/processes.ts';

const MINUTE_MS = 60_000;
const OUTAGE_MS = 10 * MINUTE_MS;
const BACK_MS = 1_000;
const RESYNC_MS = 5_000;
/** Slow enough that the machine has time for what is being measured. */
const PAUSE_MS = 250;

const envoy = findEnvoy();
const PLANES = [
  { dataPlane: 'embedded', deaths: [1, 9], args: [], env: {}, skip: false },
  {
    dataPlane: 'envoy',
    deaths: [2, 8],
    args: ['--interception', 'ports'],
    env: { MELTEMI_ENVOY: envoy ?? '' },
    skip: envoy === undefined ? NO_ENVOY : false,
  },
] as const;

// Both at once: it takes ten minutes anyway. `deaths`: the minutes in which the proxy of details dies, one at a time, for it is timed.
describe('row 6: ten minutes without a control plane', { concurrency: PLANES.length }, () => {
  for (const { dataPlane, deaths, args, env, skip } of PLANES)
    test(
      `${dataPlane}: no request fails in ten minutes without a control plane, and a proxy that dies meanwhile is back within 1 s`,
      { skip: process.platform === 'linux' ? skip : 'processes are found through /proc' },
      async (t) => {
        const demo = await startDemo(['--data-plane', dataPlane, '--load', '0', ...args], env);
        try {
          await outage(t, demo, deaths);
        } finally {
          await demo[Symbol.asyncDispose]();
        }
      },
    );
});

async function outage(t: TestContext, demo: Demo, deaths: readonly number[]): Promise<void> {
  const page = `${demo.urls.gateway}/productpage`;
  await eventually('pages come', 20_000, async () => ((await get(page)).status === 200 ? true : undefined));
  await using load = startLoad(page, 2, {}, PAUSE_MS);
  const down = keepControlPlaneDown(demo.pid);
  const backMs: number[] = [];
  try {
    const began = Date.now();
    for (const minute of deaths) {
      await passed(began + minute * MINUTE_MS);
      backMs.push(await killDetails(demo));
    }
    await passed(began + OUTAGE_MS);
    await assert.rejects(fetch(`${demo.urls.controlPlane}/healthz`), 'the control plane was away all the time');
  } finally {
    down.release();
  }
  await eventually('all proxies are in sync again', patient(RESYNC_MS), async () => {
    const { code, stdout } = await demo.cli('proxy-status');
    const lines = stdout.split('\n').filter((line) => /SYNCED\s+SYNCED\s+SYNCED\s+SYNCED/.test(line));
    return code === 0 && lines.length === proxiesOf(demo.pid).length ? true : undefined;
  });
  const { sent, failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(sent > 1_000, `${sent} requests`);
  t.diagnostic(`${sent} requests, none failed; the proxy that died was back after ${backMs.join(' and ')} ms`);
}

/** Ends the proxy of details; how long it took until details answered again. */
async function killDetails(demo: Demo): Promise<number> {
  const details = proxiesOf(demo.pid).find(({ workload }) => workload === 'details-v1');
  assert.ok(details !== undefined);
  const killed = Date.now();
  process.kill(details.pid, 'SIGKILL');
  await eventually('details answers again', patient(BACK_MS), async () => {
    const { status, body } = await get(`${demo.urls.gateway}/api/v1/products/0`);
    return status === 200 && body.includes('ISBN') ? true : undefined;
  });
  const backMs = Date.now() - killed;
  assert.notEqual(proxiesOf(demo.pid).find(({ workload }) => workload === 'details-v1')?.pid, details.pid);
  return backMs;
}

function passed(untilMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, untilMs - Date.now())));
}
