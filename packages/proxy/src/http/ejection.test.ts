/** Row 11 of the reliability table: a host that fails is left out, and let in again. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createRuntimeState, decodeCluster, decodeListener, type Decoded } from '@meltemi/runtime';
import { createDataPlane } from '../data-plane.ts';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { createFakeTime } from '../testing/fake-time.ts';
import { createHarness, type Harness } from '../testing/harness.ts';

const HOSTS = 10;
const must = <T>(decoded: Decoded<T>): T => {
  assert.ok(decoded.ok);
  return decoded.value;
};

/** Ten hosts, of which the first so many answer 503 while `bad` holds; traffic by real sockets, on a clock that the test moves. */
async function tenHosts(harness: Harness, badHosts: number, detection: object) {
  const world = { bad: true, failed: 0 };
  const ports = await Promise.all(
    Array.from({ length: HOSTS }, async (_, index) => {
      const server = http.createServer((_request, response) => {
        const fails = world.bad && index < badHosts;
        if (fails) world.failed++;
        response.writeHead(fails ? 503 : 200).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      harness.closers.push(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())));
      return (server.address() as AddressInfo).port;
    }),
  );
  const time = createFakeTime();
  const state = createRuntimeState(() => 0.5);
  const plane = createDataPlane(state, {
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 0.5 },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    streams: { onTcpOpen() {}, onStreamEnd() {} },
    accessLog: { write() {} },
  });
  harness.closers.push(() => plane.close());
  const applied = plane.apply(
    state.apply({
      clusters: [must(decodeCluster(cluster('c', ports, { lb_policy: 'ROUND_ROBIN', outlier_detection: detection })))],
      listeners: [must(decodeListener(plainListener('in', hcm([routeTo('c')]))))],
    }),
  );
  assert.equal((await applied).size, 0);
  const port = Number(/\d+$/.exec(plane.listeners()[0]?.addresses[0] ?? '')?.[0]);
  const made = state.cluster('c');
  assert.ok(made !== undefined);
  return {
    world,
    advance: (ms: number) => time.advance(ms),
    ejected: () => made.hosts().filter((host) => host.ejectedUntilMs > time.clock.monotonic()).length,
    /** So many requests; how many of them failed. */
    async requests(count: number): Promise<number> {
      let failures = 0;
      for (let at = 0; at < count; at++) if ((await harness.call(port)).status !== 200) failures++;
      return failures;
    },
    counts: () => Object.fromEntries([...(made.counts.events ?? [])].filter(([name]) => name.startsWith('outlier_detection.'))),
  };
}

test('row 11: one of ten hosts fails always: out with its fifth error, and no request fails from then on until it is let in again, each time later', async () => {
  await using harness = createHarness();
  const { world, advance, ejected, requests, counts } = await tenHosts(harness, 1, {});
  // Round robin: it has its fifth error with the 50th request at the latest.
  assert.equal(await requests(5 * HOSTS), 5);
  assert.equal(ejected(), 1);
  assert.equal(await requests(1_000), 0, 'an error share of 0');
  assert.equal(counts()['outlier_detection.ejections_enforced_consecutive_5xx'], 1);
  const outFor: number[] = [];
  for (let round = 1; round <= 3; round++) {
    let seconds = 0;
    while (ejected() === 1 && seconds < 600) {
      advance(1_000);
      seconds++;
    }
    outFor.push(seconds);
    assert.equal(await requests(6 * HOSTS), 5, 'let in, and out again with its fifth error');
  }
  for (const [round, seconds] of outFor.entries()) {
    const base = 30 * (round + 1);
    assert.ok(seconds >= base && seconds <= base + 10, `${outFor.join()}: base times rounds, to the end of an interval`);
  }
  // It is well again: it is let in, and stays.
  world.bad = false;
  while (ejected() === 1) advance(10_000);
  assert.equal(await requests(10 * HOSTS), 0);
  assert.equal(ejected(), 0);
});

test('row 11: half of the hosts fail: no more than max_ejection_percent are out, the others count as an overflow', async () => {
  await using harness = createHarness();
  const cluster = await tenHosts(harness, 5, { consecutive_5xx: 2, max_ejection_percent: 30 });
  await cluster.requests(10 * HOSTS);
  assert.equal(cluster.ejected(), 3);
  assert.ok((cluster.counts()['outlier_detection.ejections_overflow'] ?? 0) >= 2);
});

test('row 11: by default one of ten at most is out', async () => {
  await using harness = createHarness();
  const cluster = await tenHosts(harness, 5, {});
  await cluster.requests(20 * HOSTS);
  assert.equal(cluster.ejected(), 1);
});
