import { Worker } from 'node:worker_threads';
import type { Log } from '@meltemi/base';
import { type HostCounts, sharedBytes, type RuntimeDelta, type RuntimePlace } from '@meltemi/runtime';
import type { HostEvent } from '../health/host-events.ts';
import type { MetricRegistry, TelemetryBatch } from '@meltemi/telemetry/recording';
import type { DrainReport } from '../core/drain.ts';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import type { OverloadFigures, OverloadLimits } from '../core/overload.ts';
import type { PortSharing } from '../net/node-listener.ts';
import type { LogSink } from '../types.ts';
import type { ClusterSnapshot, Engine, EngineEvents, EngineSnapshot } from './engine.ts';
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
  readonly denied?: string | undefined;
  readonly times?: ProxyTimes | undefined;
  readonly now: () => number;
}

/** Clusters and hosts that threads count together; there is room for what is busy at a time, several times over. */
const SHARED_THINGS = 32_768;

const NOTHING_ENDED: DrainReport = { requests: 0, tunnels: 0, tcp: 0 };
/** It is told of already. */
const ignore = (): void => {};

interface Thread {
  /** Rejects when the thread cannot do it, or is no more. */
  ask<Q extends Question>(question: Q): Promise<Answers[Q['t']]>;
  merge(batch: TelemetryBatch): void;
  end(): Promise<unknown>;
}

/** An engine of several threads, each with listeners, pools and metrics of its own; the kernel spreads connections over them. */
export function createWorkerEngine(options: WorkerEngineOptions): Engine {
  // What all threads count in together.
  const open = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const numbers = new SharedArrayBuffer(sharedBytes(SHARED_THINGS));
  const threads: readonly Thread[] = Array.from({ length: options.count }, (_, index) =>
    startThread(options, { open, numbers, first: index === 0 }, (event) => {
      threads.forEach((thread, other) => other !== index && void thread.ask({ t: 'host', event }).catch(ignore));
    }),
  );
  const [first, ...others] = threads;
  /** What those say that answer: a thread that fails must not keep the others from ending. */
  const all = async <Q extends Question>(question: Q): Promise<Answers[Q['t']][]> => {
    const said = await Promise.allSettled(threads.map((thread) => thread.ask(question)));
    return said.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  };
  let last: Promise<unknown> = Promise.resolve();
  const applyOne = async (delta: RuntimeDelta): Promise<ReadonlyMap<string, string>> => {
    if (first === undefined) return new Map();
    // The others open listeners when the hosts behind them are known to be good, or not: the first one checks.
    const { failures, found } = await first.ask({ t: 'apply', delta, found: [] });
    const rest = await Promise.all(others.map((thread) => thread.ask({ t: 'apply', delta, found })));
    return new Map([...failures, ...rest.flatMap((answer) => [...answer.failures])]);
  };
  return {
    apply(delta) {
      // One after the other: what the others hear later than the first thread must not overtake.
      const applied = last.then(() => applyOne(delta));
      last = applied.catch(() => undefined);
      return applied;
    },
    learned: (address, workload) => void all({ t: 'learned', address, workload }),
    async collect() {
      await Promise.allSettled(threads.map(async (thread) => thread.merge(await thread.ask({ t: 'collect' }))));
    },
    snapshot: async () => (await all({ t: 'snapshot' })).reduce(joinSnapshots),
    async drain(order) {
      const reports = await all({ t: 'drain', order });
      return reports.reduce((a, b) => ({ requests: a.requests + b.requests, tunnels: a.tunnels + b.tunnels, tcp: a.tcp + b.tcp }), NOTHING_ENDED);
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

function startThread(
  options: WorkerEngineOptions,
  own: Pick<WorkerStart, 'open' | 'numbers' | 'first'>,
  onHostEvent: (event: HostEvent) => void,
): Thread {
  const { identity, gateway, local, events, accessLog, times } = options;
  const start: WorkerStart = {
    identity,
    gateway,
    local,
    sharing: options.count > 1 ? 'shared' : options.sharing,
    logLevel: options.logLevel,
    limits: options.limits,
    denied: options.denied,
    ...own,
    times,
  };
  const worker = new Worker(new URL('./worker-entry.ts', import.meta.url), { workerData: start });
  const questions = createQuestions(worker);
  worker.on('message', (message: FromWorker) => {
    if (message.t === 'done' || message.t === 'failed') questions.answered(message);
    else if (message.t === 'want') events.onWantWorkload(message.address);
    else if (message.t === 'forget') events.onForgetWorkload(message.address);
    else if (message.t === 'host') onHostEvent(message.event);
    else if (message.t === 'span') events.onSpan(message.span);
    else if (message.t === 'trace') events.onTrace(message.tap, message.trace);
    else if (message.t === 'log') process.stderr.write(message.line);
    else accessLog.write(message.path, message.bytes);
  });
  // A traffic thread that dies takes connections with it: end as a whole, the agent starts us again.
  let ending = false;
  const died = (reason: string): void => {
    questions.lost(reason);
    if (ending) return;
    ending = true;
    options.log.error('a traffic thread failed', { error: reason });
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  };
  worker.on('error', (error) => died(String(error)));
  worker.on('exit', (code) => died(`exit code ${code}`));
  return {
    ask: questions.ask,
    merge: createMerge(options.registry, options.now),
    end() {
      ending = true;
      return worker.terminate();
    },
  };
}

/** What a thread is asked and has not answered yet. */
function createQuestions(worker: Worker) {
  const waiting = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }>();
  let next = 1;
  let gone: Error | undefined;
  return {
    ask: <Q extends Question>(question: Q): Promise<Answers[Q['t']]> =>
      new Promise((resolve, reject) => {
        if (gone !== undefined) return reject(gone);
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, question });
      }),
    answered(message: Extract<FromWorker, { t: 'done' | 'failed' }>): void {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.t === 'done') asked?.resolve(message.value as never);
      else asked?.reject(new Error(message.reason));
    },
    /** Nothing is answered any more. */
    lost(reason: string): void {
      gone ??= new Error(`the traffic thread is no more: ${reason}`);
      for (const { reject } of waiting.values()) reject(gone);
      waiting.clear();
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
    overload: joinFigures(a.overload, b.overload),
    stats: joinScopes(a.stats, b.stats),
  };
}

/** The process is as loaded as the most loaded of its threads. */
function joinFigures(a: OverloadFigures, b: OverloadFigures): OverloadFigures {
  return {
    memory: Math.max(a.memory, b.memory),
    lagMs: Math.max(a.lagMs, b.lagMs),
    lag: Math.max(a.lag, b.lag),
    shedShare: Math.max(a.shedShare, b.shedShare),
    refusesConnections: a.refusesConnections || b.refusesConnections,
  };
}

function joinCounts(a: HostCounts, b: HostCounts): HostCounts {
  const { cxTotal, cxConnectFail, rqTotal, rqSuccess, rqError, rqTimeout } = b;
  return {
    cxTotal: a.cxTotal + cxTotal,
    cxConnectFail: a.cxConnectFail + cxConnectFail,
    rqTotal: a.rqTotal + rqTotal,
    rqSuccess: a.rqSuccess + rqSuccess,
    rqError: a.rqError + rqError,
    rqTimeout: a.rqTimeout + rqTimeout,
  };
}

function joinClusters(a: ClusterSnapshot, b: ClusterSnapshot | undefined): ClusterSnapshot {
  if (b === undefined) return a;
  const others = new Map(b.hosts.map((host) => [host.address, host]));
  return {
    ...a,
    // What is in use is counted together: each thread shows all of it.
    hosts: a.hosts.map((host) => {
      const other = others.get(host.address);
      if (other === undefined) return host;
      return {
        ...host,
        active: host.active + other.active,
        connections: host.connections + other.connections,
        counts: joinCounts(host.counts, other.counts),
      };
    }),
  };
}
