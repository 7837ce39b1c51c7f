import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';

const FLIPS = 200;
const LATE_MS = 2_000;
const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

const CHECKED = {
  health_checks: [
    {
      timeout: '1s',
      interval: '5s',
      no_traffic_interval: '5s',
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      http_health_check: { path: '/health' },
    },
  ],
  common_lb_config: { healthy_panic_threshold: { value: 0 } },
};

test('a route goes over to a new cluster again and again under load: checks of its hosts included, nobody sees an error', async (t) => {
  const port = await harness.upstream(() => 'ok');
  const slow = http.createServer((request, response) => {
    if (request.url === '/health') setTimeout(() => response.end(), 150);
    else response.end('checked');
  });
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  harness.closers.push(() => (slow.closeAllConnections(), new Promise((resolve) => slow.close(resolve))));
  const slowPort = (slow.address() as AddressInfo).port;
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { c0: edsCluster('c0') },
    [TYPE_URL.endpoint]: { c0: assignment('c0', [port]) },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'c0') },
  });
  const proxy = await harness.run(agent, nodeOf('productpage-v1', 'productpage', 'v1'));
  const listening = await harness.portOf(proxy, 'out');

  const seen = new Map<string, number>();
  let running = true;
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (running) {
        const { status, body } = await harness.call(listening);
        const key = `${status} ${body}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }),
  );
  const inForce = (name: string): Promise<boolean> =>
    until(`the route to ${name}`, async () => {
      const { body } = await harness.call(proxy.adminPort, '/config_dump?resource=dynamic_route_configs');
      const clusters = await harness.call(proxy.adminPort, '/clusters');
      return (body.includes(`"${name}"`) && clusters.body.includes(`${name}::`)) || undefined;
    });
  for (let at = 1; at <= FLIPS; at++) {
    const [before, name] = [`c${at - 1}`, `c${at}`];
    agent.push({
      [TYPE_URL.cluster]: { [name]: edsCluster(name) },
      [TYPE_URL.endpoint]: { [name]: assignment(name, [port]) },
      [TYPE_URL.route]: { '9080': routesTo('9080', name) },
    });
    if (at % 10 === 0) await inForce(name);
    // At once: what is still in force may lead there.
    agent.push({ [TYPE_URL.cluster]: { [before]: undefined }, [TYPE_URL.endpoint]: { [before]: undefined } });
  }
  await inForce(`c${FLIPS}`);
  // Its endpoint is checked first, which takes a while.
  agent.push({
    [TYPE_URL.cluster]: { checked: edsCluster('checked', CHECKED) },
    [TYPE_URL.endpoint]: { checked: assignment('checked', [slowPort]) },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'checked') },
  });
  await until('the checked cluster', async () => (await harness.call(listening)).body === 'checked' || undefined);
  // A control plane that is late with endpoints: what was there before serves meanwhile.
  const latePort = await harness.upstream(() => 'late');
  agent.silence(TYPE_URL.endpoint);
  agent.push({
    [TYPE_URL.cluster]: { late: edsCluster('late') },
    [TYPE_URL.endpoint]: { late: assignment('late', [latePort]) },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'late') },
  });
  const pushed = performance.now();
  await sleep(LATE_MS);
  assert.equal((await harness.call(listening)).body, 'checked');
  agent.silence(undefined);
  await until('the late cluster', async () => (await harness.call(listening)).body === 'late' || undefined);
  assert.ok(performance.now() - pushed >= LATE_MS);
  running = false;
  await load;
  t.diagnostic(JSON.stringify([...seen]));
  assert.deepEqual(
    [...seen.keys()].filter((key) => !key.startsWith('200 ')),
    [],
  );
});
