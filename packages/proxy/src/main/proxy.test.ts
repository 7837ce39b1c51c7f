import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { rawCall } from '../testing/plane.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';

const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

test('the whole way: configuration, traffic, changes under load, refusals, absence of the agent', async (t) => {
  const [v1, v2] = [await harness.upstream(() => 'v1'), await harness.upstream(() => 'v2')];
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { c1: edsCluster('c1'), c2: edsCluster('c2') },
    [TYPE_URL.endpoint]: {
      c1: assignment('c1', [v1], 'reviews-v1;bookinfo;reviews;v1;meltemi'),
      c2: assignment('c2', [v2], 'reviews-v2;bookinfo;reviews;v2;meltemi'),
    },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
  });
  const proxy = await harness.run(agent, nodeOf('productpage-v1', 'productpage', 'v1'));
  const port = await harness.portOf(proxy, 'out');

  await t.test('serves', async () => {
    assert.deepEqual(await harness.call(port), { status: 200, body: 'v1' });
    assert.deepEqual(await harness.call(proxy.adminPort, '/ready'), { status: 200, body: 'LIVE\n' });
    assert.deepEqual(
      agent.verdicts.filter((verdict) => verdict.t === 'nack'),
      [],
    );
  });

  await t.test('the admin port survives what strangers send', async () => {
    assert.match(await rawCall(proxy.adminPort, 'GET // HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.match(await rawCall(proxy.metricsPort, 'GET http://[ HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /);
    for (const path of ['/stats?filter=', '/config_dump?name_regex=']) {
      // Exponential for an engine that tracks back.
      const began = performance.now();
      assert.equal((await harness.call(proxy.adminPort, `${path}${encodeURIComponent('^([a-z._]+)+$(x+x+)+y')}`)).status, 200);
      assert.ok(performance.now() - began < 2_000);
      assert.equal((await harness.call(proxy.adminPort, `${path}(`)).status, 400);
    }
    assert.equal((await harness.call(proxy.adminPort, '/stats?filter=rver.li')).body, 'server.live: 1\n');
  });

  await t.test('changes routes and listeners under load without a failed request', async () => {
    let running = true;
    const seen: Record<string, number> = {};
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        const { status, body } = await harness.call(port);
        const key = `${status} ${body}`;
        seen[key] = (seen[key] ?? 0) + 1;
      }
    });
    for (let round = 0; round < 6; round++) {
      const goal = round % 2 === 0 ? 'c2' : 'c1';
      agent.push({
        [TYPE_URL.route]: { '9080': routesTo('9080', goal) },
        [TYPE_URL.listener]: { out: httpListener('out', 0, '9080', { server_name: `round-${round}` }) },
      });
      await until('the route to take effect', async () => (await harness.call(port)).body === (goal === 'c2' ? 'v2' : 'v1') || undefined);
    }
    running = false;
    await Promise.all(load);
    assert.deepEqual(Object.keys(seen).toSorted(), ['200 v1', '200 v2']);
  });

  await t.test('refuses a bad resource by name and takes the good ones beside it', async () => {
    const bad = edsCluster('bad', { connect_timeout: '-1s' });
    agent.push({
      [TYPE_URL.cluster]: { bad, c3: edsCluster('c3') },
      [TYPE_URL.endpoint]: { c3: assignment('c3', [v2]) },
      [TYPE_URL.route]: { '9080': routesTo('9080', 'c3') },
    });
    const nack = await until('a NACK', () => agent.verdicts.find((verdict) => verdict.t === 'nack'));
    assert.match(nack.t === 'nack' ? nack.message : '', /bad: connect_timeout: expected a duration/);
    await until('the new cluster', async () => (await harness.call(port)).body === 'v2' || undefined);
    const dump = JSON.parse((await harness.call(proxy.adminPort, '/config_dump?resource=dynamic_active_clusters')).body) as {
      configs: { error_state?: { details: string } }[];
    };
    assert.match(dump.configs.find((item) => item.error_state !== undefined)?.error_state?.details ?? '', /connect_timeout/);
    agent.push({ [TYPE_URL.cluster]: { bad: undefined } });
  });

  await t.test('goes on without its agent, and catches up when it is back', async () => {
    await agent.stop();
    for (let at = 0; at < 20; at++) assert.equal((await harness.call(port)).status, 200);
    const before = agent.streams;
    await agent.start();
    agent.push({ [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') } });
    await until('the route of the returned agent', async () => (await harness.call(port)).body === 'v1' || undefined);
    assert.ok(agent.streams > before);
  });

  await t.test('tells metrics with the labels of both ends', async () => {
    const { body } = await harness.call(proxy.metricsPort, '/stats/prometheus');
    const line = body.split('\n').find((text) => text.startsWith('istio_requests_total{') && text.includes('destination_workload="reviews-v1"'));
    const labels = Object.fromEntries([...(line ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    assert.deepEqual(labels, {
      reporter: 'source',
      source_workload: 'productpage-v1',
      source_workload_namespace: 'bookinfo',
      source_principal: 'unknown',
      source_app: 'productpage',
      source_version: 'v1',
      source_canonical_service: 'productpage',
      source_canonical_revision: 'v1',
      source_cluster: 'meltemi',
      destination_workload: 'reviews-v1',
      destination_workload_namespace: 'bookinfo',
      destination_principal: 'unknown',
      destination_app: 'reviews',
      destination_version: 'v1',
      destination_canonical_service: 'reviews',
      destination_canonical_revision: 'v1',
      destination_cluster: 'meltemi',
      destination_service: 'reviews.bookinfo.svc.cluster.local',
      destination_service_name: 'reviews',
      destination_service_namespace: 'bookinfo',
      request_protocol: 'http',
      response_code: '200',
      response_flags: '-',
      connection_security_policy: 'unknown',
    });
    const batch = await until('a batch with series', () => agent.batches.find((item) => (item.series?.length ?? 0) > 0));
    assert.equal(batch.node?.workload ?? agent.batches[0]?.node?.workload, 'productpage-v1');
  });

  await t.test('stops: running requests end, then the ports are free', async () => {
    await proxy.stop(1_000);
    await proxy.ended;
    await assert.rejects(harness.call(port));
  });
});
