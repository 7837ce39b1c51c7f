/** Row 10 of the reliability table: circuit breakers under a flood. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { createHarness, until } from '../testing/harness.ts';
import { flagsOf, startPlane } from '../testing/plane.ts';

const LIMIT = 10;
const FLOOD = 200;

test('row 10: a flood is let through up to the limit, the rest is 503 UO and counted, and other clusters do not notice', async () => {
  await using harness = createHarness();
  const held: http.ServerResponse[] = [];
  const slow = http.createServer((_, response) => void held.push(response));
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  harness.closers.push(() => new Promise((resolve) => (slow.close(resolve), slow.closeAllConnections())));
  const quick = await harness.upstream(() => 'quick');
  const limits = { circuit_breakers: { thresholds: [{ max_requests: LIMIT, max_connections: FLOOD, max_pending_requests: FLOOD }] } };
  const routes = [routeTo('slow', { timeout: '0s' }, { prefix: '/slow' }), routeTo('quick')];
  await using plane = await startPlane({
    clusters: [cluster('slow', [(slow.address() as AddressInfo).port], limits), cluster('quick', [quick])],
    listeners: [plainListener('in', hcm(routes))],
  });
  const port = plane.port('in');
  const statuses = Array.from(
    { length: FLOOD },
    () =>
      new Promise<number>((resolve, reject) => {
        const call = http.get({ host: '127.0.0.1', port, path: '/slow', agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        call.on('error', reject);
      }),
  );
  await until('the rest has overflown', () => plane.streams.length === FLOOD - LIMIT || undefined);
  assert.deepEqual(new Set(plane.streams.map(flagsOf)), new Set(['UO']));
  assert.equal(held.length, LIMIT);
  // While the flood's cluster is full.
  for (let at = 0; at < 50; at++) assert.deepEqual(await harness.call(port), { status: 200, body: 'quick' });
  for (const response of held) response.end();
  const seen = await Promise.all(statuses);
  assert.equal(seen.filter((status) => status === 200).length, LIMIT);
  assert.equal(seen.filter((status) => status === 503).length, FLOOD - LIMIT);
  const [full, other] = [plane.state.cluster('slow'), plane.state.cluster('quick')];
  assert.equal((full?.counts.rqActiveOverflow ?? 0) + (full?.counts.rqPendingOverflow ?? 0), FLOOD - LIMIT);
  assert.equal((other?.counts.rqActiveOverflow ?? 1) + (other?.counts.rqPendingOverflow ?? 1), 0);
  assert.deepEqual(
    { ...full?.usage, recent: undefined },
    { connections: full?.usage.connections, pending: 0, requests: 0, retries: 0, recent: undefined },
  );
});

test('row 10: without thresholds the limits are those of Envoy: 1024 connections, waiting and running requests, 3 retries', async () => {
  await using plane = await startPlane({ clusters: [cluster('c', [1])] });
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = plane.state.cluster('c')?.config.limits ?? {};
  assert.deepEqual([maxConnections, maxPendingRequests, maxRequests, maxRetries], [1024, 1024, 1024, 3]);
});
