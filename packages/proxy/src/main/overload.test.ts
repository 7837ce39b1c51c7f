import assert from 'node:assert/strict';
import http from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { startProxyProcess } from '../testing/proxy-process.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';

/** What the application can do: so many requests at a time, each for so long; what is more waits in it, as in a real one. */
const SLOTS = 6;
const WORK_MS = 100;
const CAPACITY = (SLOTS * 1000) / WORK_MS;

/** Who asks shares two processors with the flood, and maybe with others: its own waiting is measured too. */
function patient(limitMs: number): number {
  return limitMs * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

async function slowApplication(): Promise<{ port: number; close(): void }> {
  const waiting: (() => void)[] = [];
  let free = SLOTS;
  const server = http.createServer((_request, response) => {
    const work = (): void => {
      free--;
      setTimeout(() => {
        free++;
        response.end('done');
        waiting.shift()?.();
      }, WORK_MS);
    };
    if (free > 0) work();
    else waiting.push(work);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => (server.close(), server.closeAllConnections()) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<unknown>((resolve) => server.close(resolve));
  return port;
}

/** Requests begun at this rate whatever becomes of them. Answers how many of them were served within a second. */
async function openLoop(
  port: number,
  perSecond: number,
  ms: number,
): Promise<{ served: number; sent: number; statuses: ReadonlyMap<number, number> }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 400, scheduling: 'lifo' });
  const statuses = new Map<number, number>();
  const running = new Set<Promise<void>>();
  let served = 0;
  let sent = 0;
  const begun = performance.now();
  while (performance.now() - begun < ms) {
    while (sent < ((performance.now() - begun) / 1000) * perSecond) {
      sent++;
      const at = performance.now();
      const one: Promise<void> = new Promise<number>((resolve) => {
        const call = http.get({ host: '127.0.0.1', port, agent, timeout: 5_000 }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        call.on('timeout', () => call.destroy()).on('error', () => resolve(0));
      }).then((status) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 200 && performance.now() - at < 1_000) served++;
        running.delete(one);
      });
      running.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(running);
  agent.destroy();
  return { served, sent, statuses };
}

test(
  'ten times what the application can do: it does as much as ever, memory is bounded, the admin answers',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const application = await slowApplication();
    await using agent = await startFakeAgent();
    agent.push({
      [TYPE_URL.cluster]: {
        c1: edsCluster('c1', {
          circuit_breakers: { thresholds: [{ max_requests: 2 * SLOTS, max_connections: 2 * SLOTS, max_pending_requests: SLOTS }] },
        }),
      },
      [TYPE_URL.endpoint]: { c1: assignment('c1', [application.port]) },
      [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') },
      [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
    });
    await using proxy = await startProxyProcess(agent, await freePort());
    const port = await proxy.portOf('out');
    const seconds = 3;
    const peak = await openLoop(port, 0.9 * CAPACITY, seconds * 1000);
    const before = proxy.rss();
    let slowestMs = 0;
    let running = true;
    const asking = (async () => {
      while (running) {
        const at = performance.now();
        await proxy.admin('/ready');
        slowestMs = Math.max(slowestMs, performance.now() - at);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const flood = await openLoop(port, 10 * CAPACITY, seconds * 1000);
    running = false;
    await asking;
    const grownMb = (proxy.rss() - before) / 2 ** 20;
    t.diagnostic(
      JSON.stringify({
        peak: peak.served / seconds,
        goodput: flood.served / seconds,
        sent: flood.sent / seconds,
        slowestMs,
        grownMb,
        statuses: [...flood.statuses],
      }),
    );
    application.close();
    assert.ok(flood.served >= 0.8 * peak.served, 'goodput');
    assert.ok(grownMb < 60, `memory: ${grownMb} MB`);
    assert.ok(slowestMs <= patient(100), `admin: ${slowestMs} ms`);
    assert.ok((flood.statuses.get(503) ?? 0) > flood.sent / 2, 'the rest is shed');
  },
);
