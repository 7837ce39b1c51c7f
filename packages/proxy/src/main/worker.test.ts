import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';
import { startProxy } from './start-proxy.ts';

const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

test('traffic on a thread of its own: the same answers, metrics and admin', { timeout: 30_000 }, async () => {
  const port = await harness.upstream(() => 'v1');
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { c1: edsCluster('c1') },
    [TYPE_URL.endpoint]: { c1: assignment('c1', [port], 'reviews-v1;bookinfo;reviews;v1;meltemi') },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '9080', { tracing: {} }) },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
  });
  const options = {
    agentSocket: agent.socketPath,
    address: '127.0.0.1',
    adminPort: 0,
    metricsPort: 0,
    node: nodeOf('productpage-v1', 'productpage', 'v1'),
  };
  const proxy = await startProxy({ ...options, workers: 1 });
  harness.closers.push(() => proxy.stop(0));
  await proxy.ready;
  const listening = await harness.portOf(proxy, 'out');
  for (let at = 0; at < 5; at++) assert.deepEqual(await harness.call(listening), { status: 200, body: 'v1' });
  const { body } = await harness.call(proxy.metricsPort, '/stats/prometheus');
  assert.match(body, /istio_requests_total\{reporter="source",.*destination_workload="reviews-v1".*\} 5\n/);
  assert.match(body, /istio_request_duration_milliseconds_count\{.*\} 5\n/);
  assert.match((await harness.call(proxy.adminPort, '/clusters')).body, new RegExp(`c1::127.0.0.1:${port}::rq_active::0`));
  const requests = async (): Promise<string> => (await harness.call(proxy.adminPort, '/stats?filter=^cluster.c1.upstream_rq_total')).body;
  assert.equal(await requests(), 'cluster.c1.upstream_rq_total: 5\n');
  assert.match((await harness.call(proxy.adminPort, '/clusters')).body, new RegExp(`c1::127.0.0.1:${port}::rq_success::5`));
  const reset = await fetch(`http://127.0.0.1:${proxy.adminPort}/reset_counters`, { method: 'POST' });
  assert.equal(await reset.text(), 'OK\n');
  assert.equal(await requests(), 'cluster.c1.upstream_rq_total: 0\n');
  await until('a span', () => agent.batches.flatMap((batch) => batch.spans ?? [])[0]);
  await proxy.stop(500);
  await assert.rejects(harness.call(listening));
});
