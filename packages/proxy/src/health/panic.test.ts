/** Row 12 of the reliability table: too few healthy hosts. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { createHarness, until, type Harness } from '../testing/harness.ts';
import { startPlane, type Plane } from '../testing/plane.ts';

const HOSTS = 10;
const DEAD = 6;
const REQUESTS = 60;
const CHECK = { timeout: '1s', interval: '0.05s', no_traffic_interval: '0.05s', unhealthy_threshold: 1, healthy_threshold: 1 };

async function startHosts(harness: Harness): Promise<readonly { readonly port: number; die(): Promise<void> }[]> {
  const started = Array.from({ length: HOSTS }, async () => {
    const server = http.createServer((_, response) => response.end('ok'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const die = (): Promise<void> => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections()));
    harness.closers.push(die);
    return { port: (server.address() as AddressInfo).port, die };
  });
  return Promise.all(started);
}

/** Ten checked hosts of which six die; then so many requests. Their statuses, and which hosts got how many. */
async function killSix(plane: Plane, harness: Harness, hosts: Awaited<ReturnType<typeof startHosts>>) {
  const made = plane.state.cluster('c');
  assert.ok(made !== undefined);
  const asked = (): readonly number[] => hosts.map(({ port }) => made.find(`127.0.0.1:${port}`)?.counts.rqTotal ?? 0);
  const failed = (): readonly number[] => hosts.map(({ port }) => made.find(`127.0.0.1:${port}`)?.counts.cxConnectFail ?? 0);
  for (let at = 0; at < 2 * HOSTS; at++) assert.equal((await harness.call(plane.port('in'))).status, 200);
  assert.equal(made.counts.panics, 0, 'all are well');
  for (const { die } of hosts.slice(0, DEAD)) await die();
  await until('six are known to be dead', () => made.hosts().filter(({ activeHealth }) => activeHealth === 'unhealthy').length === DEAD || undefined);
  const before = { asked: asked(), failed: failed() };
  const statuses: number[] = [];
  for (let at = 0; at < REQUESTS; at++) statuses.push((await harness.call(plane.port('in'))).status);
  const tries = (now: readonly number[], then: readonly number[]): readonly number[] => now.map((count, at) => count - (then[at] ?? 0));
  const got = tries(asked(), before.asked).map((count, at) => count + (tries(failed(), before.failed)[at] ?? 0));
  return { statuses, got, panics: made.counts.panics };
}

async function startCluster(hosts: readonly { readonly port: number }[], common: object): Promise<Plane> {
  const checked = cluster(
    'c',
    hosts.map(({ port }) => port),
    { health_checks: [{ ...CHECK, http_health_check: { path: '/' } }], lb_policy: 'ROUND_ROBIN', ...common },
  );
  return startPlane({ clusters: [checked], listeners: [plainListener('in', hcm([routeTo('c')]))] });
}

test('row 12: six of ten hosts are dead: traffic goes to all of them, and each such choice is counted as lb_healthy_panic', async () => {
  await using harness = createHarness();
  const hosts = await startHosts(harness);
  await using plane = await startCluster(hosts, {});
  const { statuses, got, panics } = await killSix(plane, harness, hosts);
  assert.ok(
    got.every((count) => count > 0),
    `each host is tried: ${got.join()}`,
  );
  // Four of ten are alive, and take turns with the dead.
  assert.equal(statuses.filter((status) => status === 200).length, (REQUESTS * (HOSTS - DEAD)) / HOSTS);
  assert.equal(panics, REQUESTS);
  const names = plane.dataPlane.stats().find(({ kind, of }) => kind === 'cluster' && of[0] === 'c')?.counters;
  assert.equal(names?.['lb_healthy_panic'], REQUESTS);
});

test('row 12: with threshold 0 there is no panic: the four that live get everything', async () => {
  await using harness = createHarness();
  const hosts = await startHosts(harness);
  await using plane = await startCluster(hosts, { common_lb_config: { healthy_panic_threshold: { value: 0 } } });
  const { statuses, got, panics } = await killSix(plane, harness, hosts);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.deepEqual(
    got.map((count) => count > 0),
    hosts.map((_, at) => at >= DEAD),
  );
  assert.equal(panics, 0);
});
