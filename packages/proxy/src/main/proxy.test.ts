import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent, type FakeAgent } from '../testing/fake-agent.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';
import type { RunningProxy } from './options.ts';
import { startProxy } from './start-proxy.ts';

const closers: (() => Promise<unknown> | void)[] = [];
after(async () => {
  for (const close of closers.toReversed()) await close();
});

async function upstream(text: string): Promise<number> {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())));
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 8 });
closers.push(() => keepAlive.destroy());

function call(port: number, path = '/', method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method, agent: keepAlive }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, ms = 5_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const NODE = {
  id: 'sidecar~127.0.0.1~productpage-v1.bookinfo~bookinfo.svc.cluster.local',
  cluster: 'productpage.bookinfo',
  metadata: { NAMESPACE: 'bookinfo', WORKLOAD_NAME: 'productpage-v1', LABELS: { app: 'productpage', version: 'v1' }, CLUSTER_ID: 'meltemi', MESH_ID: 'cluster.local' },
};

async function run(agent: FakeAgent): Promise<RunningProxy> {
  const proxy = await startProxy({ agentSocket: agent.socketPath, address: '127.0.0.1', adminPort: 0, metricsPort: 0, node: NODE });
  closers.push(() => proxy.stop(0));
  await proxy.ready;
  return proxy;
}

async function portOf(proxy: RunningProxy, listener: string): Promise<number> {
  return until(`listener ${listener}`, async () => {
    const { body } = await call(proxy.adminPort, '/listeners');
    return Number(new RegExp(`^${listener}::.*:(\\d+)$`, 'm').exec(body)?.[1] ?? 0) || undefined;
  });
}

test('the whole way: configuration, traffic, changes under load, refusals, absence of the agent', async (t) => {
  const [v1, v2] = [await upstream('v1'), await upstream('v2')];
  const agent = await startFakeAgent();
  closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { c1: edsCluster('c1'), c2: edsCluster('c2') },
    [TYPE_URL.endpoint]: { c1: assignment('c1', [v1], 'reviews-v1;bookinfo;reviews;v1;meltemi'), c2: assignment('c2', [v2], 'reviews-v2;bookinfo;reviews;v2;meltemi') },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
  });
  const proxy = await run(agent);
  const port = await portOf(proxy, 'out');

  await t.test('serves', async () => {
    assert.deepEqual(await call(port), { status: 200, body: 'v1' });
    assert.deepEqual(await call(proxy.adminPort, '/ready'), { status: 200, body: 'LIVE\n' });
    assert.deepEqual(agent.verdicts.filter((verdict) => verdict.t === 'nack'), []);
  });

  await t.test('changes routes and listeners under load without a failed request', async () => {
    let running = true;
    const seen: Record<string, number> = {};
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        const { status, body } = await call(port);
        const key = `${status} ${body}`;
        seen[key] = (seen[key] ?? 0) + 1;
      }
    });
    for (let round = 0; round < 6; round++) {
      const goal = round % 2 === 0 ? 'c2' : 'c1';
      agent.push({ [TYPE_URL.route]: { '9080': routesTo('9080', goal) }, [TYPE_URL.listener]: { out: httpListener('out', 0, '9080', { server_name: `round-${round}` }) } });
      await until('the route to take effect', async () => (await call(port)).body === (goal === 'c2' ? 'v2' : 'v1') || undefined);
    }
    running = false;
    await Promise.all(load);
    assert.deepEqual(Object.keys(seen).toSorted(), ['200 v1', '200 v2']);
  });

  await t.test('refuses a bad resource by name and takes the good ones beside it', async () => {
    const bad = edsCluster('bad', { lb_policy: 'RING_HASH' });
    agent.push({ [TYPE_URL.cluster]: { bad, c3: edsCluster('c3') }, [TYPE_URL.endpoint]: { c3: assignment('c3', [v2]) }, [TYPE_URL.route]: { '9080': routesTo('9080', 'c3') } });
    const nack = await until('a NACK', () => agent.verdicts.find((verdict) => verdict.t === 'nack'));
    assert.match(nack.t === 'nack' ? nack.message : '', /bad: lb_policy: "RING_HASH" is not supported/);
    await until('the new cluster', async () => (await call(port)).body === 'v2' || undefined);
    assert.match((await call(proxy.adminPort, '/config_dump')).body, /"error_state":.*\n.*RING_HASH|RING_HASH/s);
    agent.push({ [TYPE_URL.cluster]: { bad: undefined } });
  });

  await t.test('goes on without its agent, and catches up when it is back', async () => {
    await agent.stop();
    for (let at = 0; at < 20; at++) assert.equal((await call(port)).status, 200);
    const before = agent.streams;
    await agent.start();
    agent.push({ [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') } });
    await until('the route of the returned agent', async () => (await call(port)).body === 'v1' || undefined);
    assert.ok(agent.streams > before);
  });

  await t.test('tells metrics with the labels of both ends', async () => {
    const { body } = await call(proxy.metricsPort, '/stats/prometheus');
    assert.match(
      body,
      /istio_requests_total\{reporter="source",source_workload="productpage-v1",source_workload_namespace="bookinfo",source_principal="unknown",source_app="productpage",source_version="v1",.*destination_workload="reviews-v1".*destination_service="reviews\.bookinfo\.svc\.cluster\.local".*response_code="200"/,
    );
    const batch = await until('a batch with series', () => agent.batches.find((item) => (item.series?.length ?? 0) > 0));
    assert.equal(batch.node?.workload ?? agent.batches[0]?.node?.workload, 'productpage-v1');
  });

  await t.test('stops: running requests end, then the ports are free', async () => {
    await proxy.stop(1_000);
    await proxy.ended;
    await assert.rejects(call(port));
  });
});
