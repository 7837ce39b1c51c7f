/** Requests that go out more than once: whatever comes of the copies, the client has one answer, and nothing stays counted. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawCall, startPlane, type Plane } from '../testing/plane.ts';

const UNUSED = { connections: 0, pending: 0, requests: 0, retries: 0 };
const planes: Plane[] = [];
const servers: http.Server[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that does what chance (of a fixed sequence) says: answers, well or badly, late, never, or breaks off. */
async function startWhimsical(): Promise<number> {
  let state = 7;
  const server = http.createServer((request, response) => {
    state = (state * 48_271) % 2_147_483_647;
    const whim = state % 10;
    request.resume();
    request.on('error', () => {});
    if (whim === 0) response.writeHead(503).end();
    else if (whim === 1) request.socket.destroy();
    else if (whim === 2) setTimeout(() => response.end('late'), 40);
    else if (whim === 3) return;
    else if (whim === 4) response.writeHead(302, { location: 'http://a/again' }).end();
    else response.end('ok');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function proxy(action: object): Promise<Plane> {
  const clusters = [cluster('main', [await startWhimsical()]), cluster('copy', [await startWhimsical()])];
  const plane = await startPlane({ clusters, listeners: [plainListener('http', hcm([routeTo('main', { timeout: '2s', ...action })]))] });
  planes.push(plane);
  return plane;
}

const SETTINGS: Readonly<Record<string, object>> = {
  mirrors: { request_mirror_policies: [{ cluster: 'copy' }, { cluster: 'copy', trace_sampled: false }], timeout: '0.2s' },
  hedges: {
    retry_policy: { retry_on: '5xx,reset', num_retries: 3, per_try_timeout: '0.02s', retry_back_off: { base_interval: '0.001s' } },
    hedge_policy: { hedge_on_per_try_timeout: true },
  },
  'several from the start': {
    retry_policy: { retry_on: '5xx,reset', num_retries: 2, retry_back_off: { base_interval: '0.001s' } },
    hedge_policy: { initial_requests: 3, additional_request_chance: { numerator: 50 } },
    timeout: '0.2s',
  },
  redirects: { internal_redirect_policy: { max_internal_redirects: 3 }, timeout: '0.2s' },
  everything: {
    request_mirror_policies: [{ cluster: 'copy' }],
    internal_redirect_policy: {},
    retry_policy: { retry_on: '5xx,reset', num_retries: 2, per_try_timeout: '0.03s', retry_back_off: { base_interval: '0.001s' } },
    hedge_policy: { hedge_on_per_try_timeout: true, initial_requests: 2 },
  },
};

for (const [name, action] of Object.entries(SETTINGS)) {
  test(`${name}: one answer each, and no counter is left behind`, async () => {
    const plane = await proxy(action);
    const bodies = ['GET / HTTP/1.1\r\nhost: a\r\n', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n'];
    const calls = Array.from({ length: 80 }, (_, at) =>
      rawCall(plane.port('http'), `${bodies[at % 2]}connection: close\r\n\r\n${at % 2 === 0 ? '' : 'hi'}`),
    );
    for (const text of await Promise.all(calls)) {
      assert.match(text, /^HTTP\/1\.1 [235]\d\d /);
      assert.equal(text.split('HTTP/1.1 ').length, 2, 'one answer');
    }
    for (const cluster of ['main', 'copy']) {
      const counted = () => plane.state.cluster(cluster);
      await until(`all of ${cluster} is over`, () => (counted()?.breakers.default.usage.requests === 0 ? true : undefined), 5000);
      const { connections, ...rest } = counted()!.breakers.default.usage;
      const { connections: _, ...none } = UNUSED;
      assert.deepEqual(rest, none);
      assert.ok(connections >= 0);
      for (const host of counted()!.hosts()) assert.equal(host.active, 0);
    }
  });
}
