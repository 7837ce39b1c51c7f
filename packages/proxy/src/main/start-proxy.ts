import { createChannel } from '@meltemi/grpc';
import { loadCodec } from '@meltemi/protos';
import { createBatchEncoder, createMetricRegistry, METRIC } from '@meltemi/telemetry/recording';
import type { AdminContext } from '../admin/context.ts';
import { ADMIN_ENDPOINTS, METRICS_ENDPOINTS } from '../admin/index.ts';
import { Taps } from '../admin/taps.ts';
import { startAdminServer } from '../admin/server.ts';
import { telemetryIdentity } from '../telemetry/identity.ts';
import { startReporter } from '../telemetry/reporter.ts';
import { localPlace } from '../config/local-cluster.ts';
import { LoopLag } from '../core/loop-lag.ts';
import { Overload, type OverloadLimits } from '../core/overload.ts';
import { limitsOf } from './limits.ts';
import { createLifecycle } from './lifecycle.ts';
import { connectConfiguration, type Configuration } from './configuration.ts';
import { RETIRE_MS } from '../core/retire.ts';
import { deniedDestinations, type Denies } from '../net/denied-destinations.ts';
import type { PortSharing } from '../net/node-listener.ts';
import { createFileLogSink } from './file-log.ts';
import type { Engine, EngineEvents } from './engine.ts';
import { createLocalEngine, type LocalEngineOptions } from './local-engine.ts';
import type { ProxyOptions, RunningProxy } from './options.ts';
import { createLoggers, systemClock, systemRandom, systemTimers, type LeveledLog } from './ports.ts';
import { certificatesOf } from './secrets-view.ts';
import { warmUp } from './warm-up.ts';

const VERSION = '0.1.0';
const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };
const READY_POLL_MS = 10;
/** So long warming up waits for a configuration: one that an agent has in memory is served by at once, and who is restarted is waited for. */
const CONFIGURATION_FIRST_MS = 250;
/** Ours: destinations that clients may not name (`local private 203.0.113.0/24`). */
const DENIED = 'destinations.denied';

/**
 * Starts the data plane: admin and metrics ports first, then the configuration stream, then traffic. Throws MeshError `proxy/admin-bind`
 * when its ports are taken. An agent that is not there yet, or goes away, is waited for.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const startedMs = systemClock.monotonic();
  const parts = await assemble(options);
  const { log, identity, registry, engine, channel, codec, encoder, configuration, accessLog } = parts;
  const ended = Promise.withResolvers<void>();
  const lifecycle = createLifecycle({ engine, log, timers: systemTimers, retireMs: options.retireMs ?? RETIRE_MS });

  // Told to fail health checks: who balances by `/ready` sends no more.
  let failing = false;

  const context: AdminContext = {
    node: options.node,
    version: options.version ?? VERSION,
    registry,
    log,
    loggers: parts.loggers,
    taps: parts.taps,
    runtime: options.runtime ?? {},
    threads: Math.max(1, options.workers ?? 0),
    ...inspection(configuration, engine),
    epoch: options.epoch ?? 0,
    state: () => (failing && lifecycle.phase === 'live' ? 'DRAINING' : STATES[lifecycle.phase]),
    order: (order) => {
      if (order.t === 'failing') failing = order.failing;
      return engine.order(order);
    },
    drain: (order) => lifecycle.drainListeners(order),
    quit: () => void stop(0),
    nowMs: () => systemClock.now(),
    uptimeMs: () => systemClock.monotonic() - startedMs,
  };
  const { address, adminAddress = address, machineAddress: machine, adminPort, metricsPort, sharing = 'own' } = options;
  const admin = await startAdminServer({ address: adminAddress, port: adminPort, sharing, machine }, ADMIN_ENDPOINTS, context);
  const metrics = await startAdminServer({ address, port: metricsPort, sharing }, METRICS_ENDPOINTS, context);
  const reporter = startReporter({ ...SYSTEM, channel, codec, encoder, log, beforeBatch: () => engine.collect() });

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    return (closing ??= (async () => {
      await reporter.close();
      configuration[Symbol.dispose]();
      await Promise.all([engine.close(), channel.close(), admin.close(), metrics.close(), accessLog.close()]);
      ended.resolve();
    })());
  }
  // An engine that has closed meanwhile does not answer.
  const stop = (drainMs: number): Promise<void> => Promise.race([lifecycle.stop(drainMs), ended.promise]).then(close);

  const ready = (async () => {
    await prepared(configuration, () => warmUp({ ...SYSTEM, log, identity }));
    lifecycle.live();
    log.info('ready', { ms: Math.round(systemClock.monotonic()) });
  })();
  return {
    adminPort: admin.port,
    metricsPort: metrics.port,
    ready,
    ended: ended.promise,
    stop: (drainMs = options.drainMs ?? DRAIN_MS) => stop(drainMs),
    async retire() {
      // The successor is asked from now on.
      await Promise.all([admin.close(), metrics.close()]);
      await Promise.race([lifecycle.retire(), ended.promise]).then(close);
    },
  };
}

/** Envoy's words. */
const STATES = { starting: 'INITIALIZING', live: 'LIVE', draining: 'DRAINING' } as const;

/** The parts that know of each other, before any of them listens. */
async function assemble(options: ProxyOptions) {
  const loggers = createLoggers();
  const log = loggers.get('main') as LeveledLog;
  const identity = telemetryIdentity(options.node, options.address);
  const registry = createMetricRegistry();
  const encoder = createBatchEncoder({ registry, node: identity.node });
  registry.gauge(METRIC.build, { component: 'proxy', tag: options.version ?? VERSION }, systemClock.now()).value = 1;
  const accessLog = createFileLogSink(log);
  const taps = new Taps();
  const events: EngineEvents = {
    onWantWorkload: (address) => configuration.client.wantWorkload(address),
    onForgetWorkload: (address) => configuration.client.forgetWorkload(address),
    onSpan: (span) => encoder.addSpan(span),
    onTrace: (tap, trace) => taps.take(tap, trace),
  };
  const gateway = options.node.id?.startsWith('router~') === true;
  const { workers = 0, accessLogFlushMs, retireMs, sharing = 'own' } = options;
  const times = { accessLogFlushMs, retireMs };
  const engine = await createEngine(workers, {
    log: loggers.get('connection') ?? log,
    identity,
    registry,
    accessLog,
    events,
    gateway,
    local: localPlace(options.node),
    times,
    sharing,
    limits: limitsOf(options.runtime),
    denied: options.runtime?.[DENIED],
    // Asked here as well: a proxy that cannot understand it does not start.
    denies: deniedDestinations(options.runtime?.[DENIED]),
  });
  const channel = createChannel({ target: { socketPath: options.agentSocket }, keepaliveMs: 0 });
  const codec = loadCodec('sidecar');
  const configuration: Configuration = connectConfiguration({
    ...SYSTEM,
    channel,
    codec,
    node: options.node,
    engine,
    log: loggers.get('config') ?? log,
    openLog: (path) => accessLog.open(path),
  });
  return { log, loggers, taps, identity, registry, encoder, accessLog, engine, channel, codec, configuration };
}

const DRAIN_MS = 5_000;

/** What the admin endpoints may look into. */
function inspection(
  { client, dns, listenerErrors }: Configuration,
  engine: Engine,
): Pick<AdminContext, 'dump' | 'configState' | 'dnsCounts' | 'snapshot' | 'collect' | 'certificates' | 'listenerErrors'> {
  return {
    dump: client.dump,
    configState: () => client.state(),
    dnsCounts: () => dns.counts(),
    snapshot: () => engine.snapshot(),
    collect: () => engine.collect(),
    certificates: () => certificatesOf(client.dump),
    listenerErrors: () => listenerErrors,
  };
}

type EngineParts = Pick<LocalEngineOptions, 'identity' | 'gateway' | 'registry' | 'events' | 'accessLog' | 'times'> & {
  readonly sharing: PortSharing;
  readonly limits: OverloadLimits;
  readonly denied: string | undefined;
  readonly denies: Denies | undefined;
  readonly local: ReturnType<typeof localPlace>;
  readonly log: LeveledLog;
};

/** Only who asks for threads pays for loading what runs them. */
async function createEngine(workers: number, parts: EngineParts): Promise<Engine> {
  if (workers === 0)
    return createLocalEngine({ ...SYSTEM, ...parts, overload: new Overload(parts.limits, { lag: new LoopLag(systemClock, systemTimers) }) });
  const { createWorkerEngine } = await import('./worker-engine.ts');
  return createWorkerEngine({ ...parts, count: workers, logLevel: parts.log.level, now: () => systemClock.now() });
}

/** Configured, and warmed up once there is a configuration or none seems to come. */
async function prepared(configuration: Configuration, warm: () => Promise<void>): Promise<void> {
  const configured = firstConfiguration(configuration);
  await Promise.race([configured, pause(CONFIGURATION_FIRST_MS)]);
  await Promise.all([warm(), configured]);
}

/** All of the first configuration is in force (or has waited its time). */
async function firstConfiguration(configuration: Configuration): Promise<void> {
  while (!configuration.client.state().complete) await pause(READY_POLL_MS);
  await configuration.settled();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
