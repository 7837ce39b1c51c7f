import assert from 'node:assert/strict';
import http from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent, type FakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { assignment, edsCluster, httpListener, routesTo, tcpListener } from '../testing/resources.ts';
import type { RunningProxy } from './options.ts';
import { startProxy } from './start-proxy.ts';

const CONNECTIONS = 24;
const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<unknown>((resolve) => server.close(resolve));
  return port;
}

/** One call on a connection of its own: the kernel gives it to one of the threads. */
function call(port: number, path = '/'): Promise<number> {
  return new Promise((resolve) => {
    http
      .get({ host: '127.0.0.1', port, path, agent: false }, (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)))
      .on('error', () => resolve(0));
  });
}

const calls = (port: number, count: number, path?: string): Promise<number[]> => Promise.all(Array.from({ length: count }, () => call(port, path)));

/** A fresh bucket of five for a whole day. */
const LIMIT = {
  name: 'envoy.filters.http.local_ratelimit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    stat_prefix: 'few',
    token_bucket: { max_tokens: 5, tokens_per_fill: 1, fill_interval: '86400s' },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  },
};
/** Five connections at a time. */
const FEW = {
  name: 'envoy.filters.network.connection_limit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
    stat_prefix: 'few',
    max_connections: 5,
  },
};
const ROUTER = { name: 'envoy.filters.http.router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } };

interface Listener {
  readonly filter_chains: readonly { readonly filters: readonly object[] }[];
}

function limited(listener: object): object {
  return { ...listener, filter_chains: (listener as Listener).filter_chains.map(({ filters }) => ({ filters: [FEW, ...filters] })) };
}

describe('two threads of traffic are one proxy', () => {
  let agent: FakeAgent;
  let proxy: RunningProxy;
  const ports = { slow: 0, few: 0, limited: 0, mixed: 0, checked: 0 };
  const waiting: (() => void)[] = [];
  let bad = 0;
  let checks = 0;
  let healthy = true;

  before(async () => {
    const slow = http.createServer((_, response) => waiting.push(() => response.end('ok')));
    const failing = http.createServer((_, response) => {
      bad++;
      response.writeHead(500).end();
    });
    const checked = http.createServer((request, response) => {
      if (request.url === '/health') checks++;
      response.writeHead(request.url === '/health' && !healthy ? 503 : 200).end();
    });
    const good = http.createServer((_, response) => response.end('ok'));
    const at: number[] = [];
    for (const server of [slow, failing, checked, good]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      harness.closers.push(() => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))));
      at.push((server.address() as AddressInfo).port);
    }
    const [slowPort = 0, badPort = 0, checkedPort = 0, goodPort = 0] = at;
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    agent = await startFakeAgent();
    harness.closers.push(() => agent[Symbol.asyncDispose]());
    agent.push({
      [TYPE_URL.cluster]: {
        slow: edsCluster('slow', { circuit_breakers: { thresholds: [{ max_requests: 6, max_connections: 100, max_pending_requests: 100 }] } }),
        mixed: edsCluster('mixed', {
          outlier_detection: {
            consecutive_5xx: 6,
            interval: '600s',
            base_ejection_time: '600s',
            max_ejection_percent: 100,
            enforcing_success_rate: 0,
          },
        }),
        checked: edsCluster('checked', {
          health_checks: [
            {
              timeout: '1s',
              interval: '0.1s',
              no_traffic_interval: '0.1s',
              unhealthy_threshold: 1,
              healthy_threshold: 1,
              http_health_check: { path: '/health' },
            },
          ],
          common_lb_config: { healthy_panic_threshold: { value: 0 } },
        }),
      },
      [TYPE_URL.endpoint]: {
        slow: assignment('slow', [slowPort]),
        mixed: assignment('mixed', [badPort, goodPort]),
        checked: assignment('checked', [checkedPort]),
      },
      [TYPE_URL.listener]: {
        slow: httpListener('slow', ports.slow, 'slow'),
        limited: httpListener('limited', ports.limited, 'mixed', { http_filters: [LIMIT, ROUTER] }),
        few: limited(tcpListener('few', ports.few, 'mixed')),
        mixed: httpListener('mixed', ports.mixed, 'mixed'),
        checked: httpListener('checked', ports.checked, 'checked'),
      },
      [TYPE_URL.route]: { slow: routesTo('slow', 'slow'), mixed: routesTo('mixed', 'mixed'), checked: routesTo('checked', 'checked') },
    });
    proxy = await startProxy({
      agentSocket: agent.socketPath,
      address: '127.0.0.1',
      adminPort: 0,
      metricsPort: 0,
      node: nodeOf('productpage-v1', 'productpage', 'v1'),
      workers: 2,
    });
    harness.closers.push(() => proxy.stop(0));
    await proxy.ready;
  });

  test('a circuit breaker counts what both have under way', async () => {
    const answers = calls(ports.slow, CONNECTIONS);
    await until('six requests', () => waiting.length === 6 || undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(waiting.length, 6);
    assert.match((await harness.call(proxy.adminPort, '/stats?filter=cluster.slow.upstream_rq_active$')).body, /: 6\n/);
    for (const answer of waiting) answer();
    const statuses = await answers;
    assert.equal(statuses.filter((status) => status === 200).length, 6);
    assert.equal(statuses.filter((status) => status === 503).length, CONNECTIONS - 6);
    assert.match((await harness.call(proxy.adminPort, '/stats?filter=cluster.slow.upstream_rq_active$')).body, /: 0\n/);
  });

  test('a limit of connections is one for both, and gives places back', async () => {
    const sockets = new Set<Socket>();
    const open = (): void => {
      const socket = connect(ports.few, '127.0.0.1');
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    };
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < CONNECTIONS; at++) open();
      await until('five are left', () => sockets.size === 5 || undefined);
      const { body } = await harness.call(proxy.adminPort, '/stats?filter=connection_limit');
      assert.match(body, /few\.active_connections: 5\n/);
      assert.match(body, new RegExp(`few\\.limited_connections: ${(round + 1) * (CONNECTIONS - 5)}\\n`));
      for (const socket of sockets) socket.destroy();
      await until('none is left', async () =>
        (await harness.call(proxy.adminPort, '/stats?filter=few.active')).body.includes(': 0\n') ? true : undefined,
      );
    }
  });

  test('a local rate limit is one bucket', async () => {
    const statuses = await calls(ports.limited, CONNECTIONS);
    assert.equal(statuses.filter((status) => status === 429).length, CONNECTIONS - 5);
  });

  test('errors in a row add up, and who is ejected is ejected on both', async () => {
    const already = bad;
    // One after the other, so that no call is under way to the bad host while it is ejected.
    for (let at = 0; at < 4 * CONNECTIONS; at++) await call(ports.mixed);
    await until('the other thread has heard', async () => {
      const before = bad;
      const statuses = await calls(ports.mixed, CONNECTIONS);
      return (bad === before && statuses.every((status) => status === 200)) || undefined;
    });
    assert.ok(bad - already <= 8, `${bad - already} errors`);
  });

  test('one thread checks hosts, all know', async () => {
    const [begun, first] = [checks, performance.now()];
    assert.ok((await calls(ports.checked, CONNECTIONS)).every((status) => status === 200));
    await until('more checks', () => checks >= begun + 10 || undefined);
    const perSecond = ((checks - begun) * 1000) / (performance.now() - first);
    assert.ok(perSecond < 14, `${perSecond} checks in a second`);
    healthy = false;
    await until('refused by both', async () => (await calls(ports.checked, CONNECTIONS)).every((status) => status === 503) || undefined);
    healthy = true;
    await until('served by both', async () => (await calls(ports.checked, CONNECTIONS)).every((status) => status === 200) || undefined);
  });
});
