import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { silentLog } from '@meltemi/base';
import { createMetricRegistry } from '@meltemi/telemetry/recording';
import type { RuntimeDelta } from '@meltemi/runtime';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf } from '../testing/harness.ts';
import { assignment, edsCluster, httpListener, routesTo } from '../testing/resources.ts';
import { DEFAULT_OVERLOAD } from '../core/overload.ts';
import { telemetryIdentity } from '../telemetry/identity.ts';
import { startProxy } from './start-proxy.ts';
import { createWorkerEngine } from './worker-engine.ts';

const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

/** Every thread that is spoken to from now on. */
function watchThreads(): Set<Worker> & Disposable {
  const { postMessage } = Worker.prototype;
  const seen = new Set<Worker>();
  Worker.prototype.postMessage = function (this: Worker, ...message: Parameters<typeof postMessage>): void {
    seen.add(this);
    postMessage.apply(this, message);
  };
  return Object.assign(seen, {
    [Symbol.dispose]() {
      Worker.prototype.postMessage = postMessage;
    },
  });
}

test('a proxy one of whose threads has died ends, and does not wait for its answers', { timeout: 20_000 }, async () => {
  using threads = watchThreads();
  const upstream = await harness.upstream(() => 'v1');
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { c1: edsCluster('c1') },
    [TYPE_URL.endpoint]: { c1: assignment('c1', [upstream]) },
    [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
  });
  const proxy = await startProxy({
    agentSocket: agent.socketPath,
    address: '127.0.0.1',
    adminPort: 0,
    metricsPort: 0,
    node: nodeOf('productpage-v1', 'productpage', 'v1'),
    workers: 2,
  });
  await proxy.ready;
  const told = once(process, 'SIGTERM');
  const [victim] = threads;
  await victim?.terminate();
  await told;
  process.exitCode = 0;
  await proxy.stop(200);
});

test('an update that a thread cannot put in force is told, and does not hold up the next one', { timeout: 20_000 }, async () => {
  const node = nodeOf('a', 'a', 'v1');
  const ignore = (): void => {};
  const engine = createWorkerEngine({
    count: 1,
    identity: telemetryIdentity(node, '127.0.0.1'),
    gateway: false,
    local: undefined,
    registry: createMetricRegistry(),
    events: { onWantWorkload: ignore, onForgetWorkload: ignore, onSpan: ignore, onTrace: ignore },
    accessLog: { write: ignore },
    log: silentLog,
    logLevel: 'error',
    sharing: 'own',
    limits: DEFAULT_OVERLOAD,
    now: () => 0,
  });
  try {
    await assert.rejects(engine.apply({ clusters: [{} as never] } satisfies RuntimeDelta));
    assert.equal((await engine.apply({})).size, 0);
  } finally {
    await engine.close();
  }
});
