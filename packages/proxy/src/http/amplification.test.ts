/** Row 9 of the reliability table: retries are a bounded share of the load, whatever fails. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { startPlane } from '../testing/plane.ts';

/** The share is of what is under way, retries among it: so share s is at most 1 / (1 - s) times the load. The floor is for services that are hardly used. */
const budget = (percent: number, floor = 1): object => ({ retry_budget: { budget_percent: { value: percent }, min_retry_concurrency: floor } });
/** A sixth: retries are a fifth of the requests that are no retries. */
const SIXTH = 100 / 6;
const POLICY = { retry_on: '5xx', num_retries: 3, retry_back_off: { base_interval: '0.005s', max_interval: '0.005s' } };
const CLIENTS = 50;
const REQUESTS = 2_000;

/** Fails always, after a while: so requests are under way, as they are where something fails under load. */
async function failing(): Promise<{ readonly port: number; readonly asked: () => number } & AsyncDisposable> {
  let asked = 0;
  const server = http.createServer((_, response) => {
    asked++;
    setTimeout(() => response.writeHead(503).end(), 5);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked: () => asked,
    [Symbol.asyncDispose]: () => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
}

/** Sends them by so many clients at a time; answers the statuses seen. */
async function load(port: number, requests = REQUESTS): Promise<ReadonlySet<number>> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  const seen = new Set<number>();
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port, agent }, (response) => {
          seen.add(response.statusCode ?? 0);
          response.resume().on('end', () => resolve());
        })
        .on('error', reject);
    });
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let at = 0; at < requests / CLIENTS; at++) await one();
    }),
  );
  agent.destroy();
  return seen;
}

const tier = (port: number, limits: object): Parameters<typeof startPlane>[0] => ({
  clusters: [cluster('next', [port], { circuit_breakers: { thresholds: [{ max_requests: 10_000, max_pending_requests: 10_000, ...limits }] } })],
  listeners: [plainListener('in', hcm([routeTo('next', { retry_policy: POLICY })]))],
});

test('row 9: an upstream that fails always gets at most 1.2 times the load by a budget of a sixth, 1.25 times by one of a fifth', async (t) => {
  for (const [percent, most] of [
    [SIXTH, 1.2],
    [20, 1.25],
  ] as const) {
    await using app = await failing();
    await using plane = await startPlane(tier(app.port, budget(percent)));
    assert.deepEqual(await load(plane.port('in')), new Set([503]));
    const factor = app.asked() / REQUESTS;
    t.diagnostic(`${percent.toFixed(1)} %: ${factor.toFixed(3)} times the load`);
    assert.ok(factor > 1, 'some are tried again');
    assert.ok(factor <= most, `${factor} times the load`);
    assert.equal(plane.state.cluster('next')?.usage.retries, 0, 'and none is left counted');
  }
});

test('row 9: three tiers deep it is at most 1.73 times the load', async (t) => {
  await using app = await failing();
  await using last = await startPlane(tier(app.port, budget(SIXTH, 0)));
  await using middle = await startPlane(tier(last.port('in'), budget(SIXTH, 0)));
  await using first = await startPlane(tier(middle.port('in'), budget(SIXTH, 0)));
  assert.deepEqual(await load(first.port('in'), REQUESTS / 2), new Set([503]));
  const factor = app.asked() / (REQUESTS / 2);
  t.diagnostic(`${factor.toFixed(3)} times the load`);
  assert.ok(factor <= 1.73, `${factor} times the load`);
});

test('row 9: without a budget it would be four times the load', async () => {
  await using app = await failing();
  await using plane = await startPlane(tier(app.port, { max_retries: 10_000 }));
  await load(plane.port('in'), 200);
  assert.equal(app.asked(), 4 * 200);
});
