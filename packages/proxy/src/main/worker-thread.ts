import { parentPort, workerData } from 'node:worker_threads';
import { createBatchEncoder, createMetricRegistry } from '@meltemi/telemetry/recording';
import { createLocalEngine } from './local-engine.ts';
import { SharedNumbers } from '@meltemi/runtime';
import { LoopLag } from '../core/loop-lag.ts';
import { deniedDestinations } from '../net/denied-destinations.ts';
import { Overload } from '../core/overload.ts';
import { guardProcess } from './guard-process.ts';
import { createLineLog, systemClock, systemRandom, systemTimers } from './ports.ts';
import type { FromWorker, Question, ToWorker, WorkerStart } from './worker-protocol.ts';

/** A traffic thread: an engine that takes its orders as messages. */
const port = parentPort;
const start = workerData as WorkerStart;
const post = (message: FromWorker): void => port?.postMessage(message);
const registry = createMetricRegistry();
// Its batches carry each series once and then only what changed: the other thread adds them up.
const encoder = createBatchEncoder({ registry, node: {} });
const log = createLineLog(start.logLevel, (line) => post({ t: 'log', line }));
/** Each thread's clock begins with the thread. */
const offsetMs = Number(process.hrtime.bigint()) / 1e6 - systemClock.monotonic();
const engine = createLocalEngine({
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  log,
  identity: start.identity,
  gateway: start.gateway,
  local: start.local,
  sharing: start.sharing,
  denies: deniedDestinations(start.denied),
  overload: new Overload(start.limits, { shared: start.open, lag: new LoopLag(systemClock, systemTimers) }),
  together: {
    numbers: new SharedNumbers(start.numbers, offsetMs),
    offsetMs,
    checksElsewhere: !start.first,
    onHostEvent: (event) => post({ t: 'host', event }),
  },
  times: start.times,
  registry,
  accessLog: { write: (path, bytes) => post({ t: 'access-log', path, bytes: bytes.slice() }) },
  events: {
    onWantWorkload: (address) => post({ t: 'want', address }),
    onForgetWorkload: (address) => post({ t: 'forget', address }),
    onSpan: (span) => post({ t: 'span', span }),
    onTrace: (tap, trace) => post({ t: 'trace', tap, trace }),
  },
});

guardProcess(
  createLineLog('error', (line) => post({ t: 'log', line })),
  () => process.exit(1),
);

async function handle(message: Question): Promise<unknown> {
  switch (message.t) {
    case 'apply':
      return { failures: await engine.applyWith(message.delta, message.found), found: engine.checked() };
    case 'host':
      return engine.adopt(message.event);
    case 'learned':
      return engine.learned(message.address, message.workload);
    case 'collect':
      await engine.collect();
      return encoder.next(systemClock.now());
    case 'snapshot':
      return engine.snapshot();
    case 'drain':
      return engine.drain(message.order);
    case 'order':
      if (message.order.t === 'log-level') log.level = message.order.level;
      return engine.order(message.order);
    case 'close':
      return engine.close();
  }
}

port?.on('message', (message: ToWorker) => {
  const { id } = message;
  void handle(message.question).then(
    (value) => post({ t: 'done', id, value }),
    (error: unknown) => post({ t: 'failed', id, reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
