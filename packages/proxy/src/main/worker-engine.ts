import { Worker } from 'node:worker_threads';
import type { Log } from '@meltemi/base';
import type { RuntimePlace } from '@meltemi/runtime';
import type { MetricRegistry, TelemetryBatch } from '@meltemi/telemetry/recording';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import type { OverloadLimits } from '../core/overload.ts';
import type { PortSharing } from '../net/node-listener.ts';
import type { LogSink } from '../types.ts';
import type { BreakerSnapshot, ClusterSnapshot, Engine, EngineEvents, EngineSnapshot } from './engine.ts';
import { createMerge } from './merge-metrics.ts';
import { joinScopes } from '../stats/scopes.ts';
import type { ProxyTimes } from './options.ts';
import type { LogLevel } from './ports.ts';
import type { Answers, FromWorker, Question, WorkerStart } from './worker-protocol.ts';

export interface WorkerEngineOptions {
  readonly count: number;
  readonly identity: TelemetryIdentity;
  readonly gateway: boolean;
  readonly local: RuntimePlace['local'];
  readonly registry: MetricRegistry;
  readonly events: EngineEvents;
  readonly accessLog: LogSink;
  readonly log: Log;
  readonly logLevel: LogLevel;
  /** Whether other processes may listen on the same ports. */
  readonly sharing: PortSharing;
  readonly limits: OverloadLimits;
  readonly times?: ProxyTimes | undefined;
  readonly now: () => number;
}

interface Thread {
  ask<Q extends Question>(question: Q): Promise<Answers[Q['t']]>;
  merge(batch: TelemetryBatch): void;
  end(): Promise<unknown>;
}

/** An engine of several threads, each with listeners, pools and metrics of its own; the kernel spreads connections over them. */
export function createWorkerEngine(options: WorkerEngineOptions): Engine {
  // What all threads count in together.
  const open = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const threads = Array.from({ length: options.count }, () => startThread(options, open));
  const all = <Q extends Question>(question: Q): Promise<Answers[Q['t']][]> => Promise.all(threads.map((thread) => thread.ask(question)));
  return {
    async apply(delta) {
      const answers = await all({ t: 'apply', delta });
      return new Map(answers.flatMap((failures) => [...failures]));
    },
    learned: (address, workload) => void all({ t: 'learned', address, workload }),
    async collect() {
      await Promise.all(threads.map(async (thread) => thread.merge(await thread.ask({ t: 'collect' }))));
    },
    snapshot: async () => (await all({ t: 'snapshot' })).reduce(joinSnapshots),
    async drain(order) {
      const reports = await all({ t: 'drain', order });
      return reports.reduce((a, b) => ({ requests: a.requests + b.requests, tunnels: a.tunnels + b.tunnels, tcp: a.tcp + b.tcp }));
    },
    async order(order) {
      await all({ t: 'order', order });
    },
    async close() {
      await all({ t: 'close' });
      await Promise.all(threads.map((thread) => thread.end()));
    },
  };
}

function startThread(options: WorkerEngineOptions, open: Int32Array): Thread {
  const { identity, gateway, local, events, accessLog, times } = options;
  const start: WorkerStart = {
    identity,
    gateway,
    local,
    sharing: options.count > 1 ? 'shared' : options.sharing,
    logLevel: options.logLevel,
    limits: options.limits,
    open,
    times,
  };
  const worker = new Worker(new URL('./worker-entry.ts', import.meta.url), { workerData: start });
  const waiting = new Map<number, (value: never) => void>();
  let next = 1;
  worker.on('message', (message: FromWorker) => {
    if (message.t === 'done') {
      waiting.get(message.id)?.(message.value as never);
      waiting.delete(message.id);
    } else if (message.t === 'want') events.onWantWorkload(message.address);
    else if (message.t === 'forget') events.onForgetWorkload(message.address);
    else if (message.t === 'span') events.onSpan(message.span);
    else if (message.t === 'log') process.stderr.write(message.line);
    else accessLog.write(message.path, message.bytes);
  });
  // A traffic thread that dies takes connections with it: end as a whole, the agent starts us again.
  let ending = false;
  const died = (reason: string): void => {
    if (ending) return;
    ending = true;
    options.log.error('a traffic thread failed', { error: reason });
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  };
  worker.on('error', (error) => died(String(error)));
  worker.on('exit', (code) => died(`exit code ${code}`));
  return {
    ask: (question) =>
      new Promise((resolve) => {
        const id = next++;
        waiting.set(id, resolve);
        worker.postMessage({ id, question });
      }),
    merge: createMerge(options.registry, options.now),
    end() {
      ending = true;
      return worker.terminate();
    },
  };
}

function joinSnapshots(a: EngineSnapshot, b: EngineSnapshot): EngineSnapshot {
  const others = new Map(b.clusters.map((cluster) => [cluster.name, cluster]));
  return {
    listeners: a.listeners.map((listener) => ({
      ...listener,
      connections: listener.connections + (b.listeners.find((item) => item.name === listener.name)?.connections ?? 0),
    })),
    clusters: a.clusters.map((cluster) => joinClusters(cluster, others.get(cluster.name))),
    connections: a.connections + b.connections,
    requests: a.requests + b.requests,
    openTcp: a.openTcp + b.openTcp,
    stats: joinScopes(a.stats, b.stats),
  };
}

function joinClusters(a: ClusterSnapshot, b: ClusterSnapshot | undefined): ClusterSnapshot {
  if (b === undefined) return a;
  const others = new Map(b.hosts.map((host) => [host.address, host]));
  return {
    ...a,
    breakers: { default: joinBreakers(a.breakers.default, b.breakers.default), high: joinBreakers(a.breakers.high, b.breakers.high) },
    hosts: a.hosts.map((host) => {
      const other = others.get(host.address);
      return { ...host, active: host.active + (other?.active ?? 0), connections: host.connections + (other?.connections ?? 0) };
    }),
  };
}

function joinBreakers({ usage, limits }: BreakerSnapshot, { usage: other }: BreakerSnapshot): BreakerSnapshot {
  return {
    limits,
    usage: {
      connections: usage.connections + other.connections,
      pending: usage.pending + other.pending,
      requests: usage.requests + other.requests,
      retries: usage.retries + other.retries,
    },
  };
}
