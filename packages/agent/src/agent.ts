import { MeshError, type Timer } from '@meltemi/base';
import type { DnsServer, Forwarder } from '@meltemi/dns';
import { createGrpcServer, type GrpcServer } from '@meltemi/grpc';
import { TYPE_URL } from '@meltemi/protos-types';
import { createMetricRegistry, type TelemetryNode } from '@meltemi/telemetry/recording';
import { agentMetrics } from './agent-metrics.ts';
import { type ControlPlaneLink, startLink } from './control-plane-link.ts';
import { createDataPlane } from './data-plane/create.ts';
import type { DataPlaneDriver } from './data-plane/data-plane.ts';
import { type Endpoints, startEndpoints } from './endpoints/endpoints.ts';
import { checkOwnPorts } from './interception/ports/own-ports.ts';
import { applicationEnvironment, knownServices } from './interception/ports/environment.ts';
import { applicationAddress, watchesApplication } from './node.ts';
import { hostForwarder, nameTable, refreshNames, startNames, startProxyLookups } from './names.ts';
import type { Platform } from './platform.ts';
import { type Application, startApplication } from './process/application.ts';
import { createLineRing, type LineRing } from './process/lines.ts';
import { type ProxyState, type ProxySupervisor, superviseProxy } from './process/proxy-supervisor.ts';
import { watchProbe } from './process/probe.ts';
import { watchReadiness, type ReadinessOptions, type ReadinessWatch } from './process/readiness.ts';
import { createProxyHandlers } from './relay/proxy-handlers.ts';
import { createRunDirectory, type RunDirectory } from './run-directory.ts';
import { type Reporter, startReporter } from './telemetry/reporter.ts';
import type { AgentConfig, WorkloadEvent } from './types.ts';

/** What the agent's surroundings give it. */
export interface AgentHooks {
  readonly platform: Platform;
  readonly onEvent: (event: WorkloadEvent) => void;
  /** A new join token, when the certificate expired while the control plane was away. */
  readonly newToken?: (() => Promise<string>) | undefined;
  /** Stops the agent, also while it starts. */
  readonly signal?: AbortSignal | undefined;
  /** Answers DNS questions that are not the mesh's; the host's resolvers otherwise. */
  readonly forwarder?: Forwarder | undefined;
}

/** A running agent with its proxy and, when there is one, its application. */
export interface Agent {
  /** Application's exit code, or 0 after `stop`. */
  readonly exited: Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** What still runs after `limitMs` is killed. */
  stop(limitMs?: number): Promise<void>;
}

/** Services must be known before the application is told of them; a control plane without any must not hold it up for long. */
const NAMES_TIMEOUT_MS = 3000;
const PRUNE_AFTER_MS = 30_000;
const APP_GRACE_MS = 3000;

const REPORT_TIMEOUT_MS = 2000;

/** A proxy that does not serve after this long will not: its last lines say why. */
const PROXY_TIMEOUT_MS = 60_000;

/** Everything that runs, in the order of its start; closed in the opposite one. */
interface Parts {
  link?: ControlPlaneLink;
  directory?: RunDirectory;
  socket?: GrpcServer;
  reporter?: Reporter;
  driver?: DataPlaneDriver;
  dns?: DnsServer;
  /** What the proxy of a namespace asks. */
  lookups?: DnsServer;
  endpoints?: Endpoints;
  proxy?: ProxySupervisor;
  proxyLines?: LineRing;
  prune?: Timer;
  application?: Application;
  readiness?: ReadinessWatch;
}

/**
 * Starts certificate, discovery, socket, DNS, health, proxy and then the application; resolves when the proxy serves and the application
 * was started. On failure nothing is left running. Throws `identity/refused`, `interception/port-taken`, `process/…`, `http/listen`, `envoy/…`.
 */
export async function startAgent(config: AgentConfig, hooks: AgentHooks): Promise<Agent> {
  const parts: Parts = {};
  const exited = Promise.withResolvers<number>();
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined); // only of interest while we start
  let starting: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | undefined;
  const stop = (code: number): Promise<void> => {
    stopped.reject(new MeshError('agent/stopped', 'The workload was stopped while it started.'));
    // A start that is under way ends at its next wait; only then is everything there that has to be closed.
    return (stopping ??= starting
      .catch(() => undefined)
      .then(() => closeAll(parts, config))
      .finally(() => exited.resolve(code)));
  };
  hooks.signal?.addEventListener('abort', () => void stop(0), { once: true });
  try {
    if (hooks.signal?.aborted === true) stopped.reject(new MeshError('agent/stopped', 'The workload was stopped before it started.'));
    starting = withVersion(config).then((known) => startParts(parts, known, { ...hooks, stopped: stopped.promise }));
    await starting;
    if (config.application !== undefined) {
      const application = await startApp(parts, config, hooks);
      void application.exited.then(({ exitCode }) => stop(exitCode));
    }
    watchApplication(parts, config, hooks);
  } catch (error) {
    await stop(1);
    throw MeshError.from(error, 'agent/start-failed');
  }
  return {
    exited: exited.promise,
    signal(name) {
      if (parts.application !== undefined) parts.application.signal(name);
      else if (name === 'SIGTERM' || name === 'SIGINT') void stop(0);
    },
    stop: (limitMs) => endWithin(stop(0), limitMs, parts, hooks.platform),
  };
}

/** The control plane asks no more of an Envoy than its version can do. */
async function withVersion(config: AgentConfig): Promise<AgentConfig> {
  const { dataPlane } = config;
  if (dataPlane.t === 'embedded') return config;
  // Loaded only where it is used: most agents run our own proxy.
  const { findEnvoy } = await import('./envoy/find.ts');
  const { path, version } = await findEnvoy(dataPlane.binary);
  return { ...config, dataPlane: { ...dataPlane, binary: path, version } };
}

async function startParts(parts: Parts, config: AgentConfig, hooks: AgentHooks & { readonly stopped: Promise<never> }): Promise<void> {
  const { platform, onEvent, stopped } = hooks;
  if (config.interception === 'ports') await checkOwnPorts(config, platform);
  const registry = createMetricRegistry();
  parts.directory = await createRunDirectory(config.runDirectory);
  const names = Promise.withResolvers<void>();
  const handlers = createProxyHandlers(
    () => required(parts.link).relay,
    () => required(parts.link).channel,
  );
  parts.link = await startLink({
    config,
    platform,
    newToken: hooks.newToken,
    onEvent,
    stopped,
    onWork: () => handlers.flush(),
    onUpdate(typeUrl) {
      parts.driver?.onUpdate?.(typeUrl);
      if (typeUrl !== TYPE_URL.nameTable) return;
      if (parts.dns !== undefined && parts.link !== undefined) refreshNames(parts.dns, config, parts.link.relay);
      names.resolve();
    },
  });
  const { relay, channel } = parts.link;
  parts.reporter = startReporter({ channel, node: telemetryNode(config), registry, platform });
  const { reporter } = parts;
  parts.driver = await createDataPlane({
    config,
    socketPath: parts.directory.socketPath,
    relay,
    registry,
    addSpan: (span) => reporter.addSpan(span),
    platform,
  });
  parts.socket = createGrpcServer({ methods: { ...handlers.methods, ...parts.driver.methods }, log: platform.log });
  await parts.socket.listen({ socketPath: parts.directory.socketPath });
  if (config.type === 'sidecar') {
    relay.subscribeOwn(TYPE_URL.nameTable, ['*']);
    const forwarder = hooks.forwarder ?? hostForwarder(config);
    parts.dns = await startNames(config, relay, forwarder, platform);
    if (config.interception === 'netns') parts.lookups = await startProxyLookups(config, forwarder, platform);
  } else names.resolve();
  parts.proxy = startProxy(parts, hooks);
  parts.endpoints = await startEndpointsOf(parts, config, hooks);
  await inTime(Promise.race([parts.proxy.ready, stopped]), PROXY_TIMEOUT_MS, platform, () => notServing(parts));
  await inTime(Promise.race([names.promise, stopped]), NAMES_TIMEOUT_MS, platform, () => undefined);
}

function notServing(parts: Parts): MeshError {
  const state = parts.proxy?.state;
  const why = state?.t === 'waiting' ? state.reason : 'it has not got its configuration; is the control plane reachable?';
  const said = parts.proxyLines?.last(10) ?? [];
  return new MeshError(
    'agent/proxy-not-ready',
    `The proxy does not serve after ${PROXY_TIMEOUT_MS / 1000} s: ${why}${said.length === 0 ? '' : ` Its last lines:\n  ${said.join('\n  ')}`}`,
  );
}

/** Waits for `promise`, but not for ever: then throws what `late` returns, or goes on if that is nothing. */
async function inTime(promise: Promise<void>, limitMs: number, platform: Platform, late: () => MeshError | undefined): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = platform.timers.after(limitMs, () => {
    const error = late();
    if (error === undefined) timeout.resolve();
    else timeout.reject(error);
  });
  await Promise.race([promise, timeout.promise]).finally(() => timer.cancel());
}

function startProxy(parts: Parts, hooks: AgentHooks): ProxySupervisor {
  const { platform, onEvent } = hooks;
  const driver = required(parts.driver);
  const lines = createLineRing(100);
  parts.proxyLines = lines;
  return superviseProxy({
    child: {
      command: driver.command,
      env: driver.env,
      stdin: driver.stdin,
      ...(driver.messages === undefined ? {} : { messages: driver.messages }),
      onLine(_, text) {
        lines.push(text);
        parts.reporter?.addLog('PROXY', text);
        onEvent({ t: 'line', source: 'proxy', text, timeMs: platform.clock.now() });
      },
    },
    probe: () => driver.probe(),
    ...(driver.drain === undefined ? {} : { drain: driver.drain }),
    handover: driver.handover,
    platform,
    onState(state) {
      const event = proxyEvent(state);
      if (event !== undefined) onEvent(event);
      // What a proxy of before had asked for and this one does not is given up once it has settled.
      parts.prune?.cancel();
      if (state.t === 'ready') parts.prune = platform.timers.after(PRUNE_AFTER_MS, () => parts.link?.relay.prune());
    },
  });
}

function proxyEvent(state: ProxyState): WorkloadEvent | undefined {
  switch (state.t) {
    case 'starting':
    case 'ready':
      return { t: 'proxy', state: state.t, pid: state.pid };
    case 'waiting':
      return { t: 'proxy', state: 'exited', reason: state.reason };
    case 'stopped':
      return undefined;
  }
}

function startEndpointsOf(parts: Parts, config: AgentConfig, hooks: AgentHooks): Promise<Endpoints> {
  const { join: joined, ports } = config;
  const driver = required(parts.driver);
  const httpPort = config.appPorts.find((port) => port.protocol.startsWith('http'))?.number;
  const fallback =
    config.application === undefined || httpPort === undefined ? undefined : `http://${applicationAddress(config)}:${httpPort}/metrics`;
  return startEndpoints({
    address: joined.address,
    healthPort: ports.health,
    metricsPort: ports.metrics,
    notReady: async () =>
      parts.proxy?.state.t === 'ready' && (await driver.probe().catch(() => false))
        ? undefined
        : `the proxy is ${parts.proxy?.state.t ?? 'not started'}`,
    proxyMetrics: () => driver.metrics(),
    applicationMetricsUrl: config.applicationMetricsUrl ?? fallback,
    ownMetrics: () => ownMetrics(parts),
    configDump: () => driver.configDump(),
    restartProxy: () => required(parts.proxy).restart(),
    mayInspect: (remote) => inspectors(config).has(remote.replace(/^::ffff:/, '')),
    log: hooks.platform.log,
  });
}

/** The control plane calls from its own end of the bridge, or over loopback. */
function inspectors({ join: joined }: AgentConfig): ReadonlySet<string> {
  const controlPlane = joined.xdsAddress.slice(0, joined.xdsAddress.lastIndexOf(':'));
  return new Set(['127.0.0.1', '::1', joined.address, controlPlane, ...(joined.network === undefined ? [] : [joined.network.gateway])]);
}

function ownMetrics(parts: Parts): ReturnType<typeof agentMetrics> {
  return agentMetrics({
    certificateNotAfterMs: parts.link?.identity.current()?.notAfterMs,
    renewalFailures: parts.link?.identity.failures ?? 0,
    controlPlaneConnected: parts.link?.upstream.state.t === 'connected',
    proxyStarts: parts.proxy?.starts ?? 0,
    dns: parts.dns?.stats,
  });
}

async function startApp(parts: Parts, config: AgentConfig, hooks: AgentHooks): Promise<Application> {
  const { platform, onEvent } = hooks;
  const { relay } = required(parts.link);
  const services = knownServices(nameTable(relay).table ?? {}, relay.names(TYPE_URL.cluster), config.identity.namespace);
  const host = config.interception === 'netns' ? '0.0.0.0' : config.join.appAddress;
  const options = required(config.application);
  const application = await startApplication(options, {
    environment: applicationEnvironment({ host, ports: config.appPorts }, services),
    platform,
    onLine(source, text) {
      onEvent({ t: 'line', source, text, timeMs: platform.clock.now() });
      parts.reporter?.addLog('APPLICATION', text);
    },
  });
  parts.application = application;
  onEvent({ t: 'application', state: 'started', pid: application.pid });
  void application.exited.then(({ exit }) =>
    onEvent({
      t: 'application',
      state: 'exited',
      ...(exit.code === undefined ? {} : { code: exit.code }),
      ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    }),
  );
  return application;
}

/** Traffic comes once the application listens, and no longer when it has stopped to. */
function watchApplication(parts: Parts, config: AgentConfig, { platform, onEvent }: AgentHooks): void {
  const { upstream } = required(parts.link);
  if (!watchesApplication(config)) return onEvent({ t: 'health', state: 'healthy' });
  const { probe } = config.join;
  const watch = (watched: Pick<ReadinessOptions, 'host' | 'platform' | 'onChange'>): ReadinessWatch =>
    probe === undefined
      ? watchReadiness({ ...watched, ports: config.appPorts, path: config.readyPath })
      : watchProbe({ ...watched, probe, application: config.application });
  parts.readiness = watch({
    host: applicationAddress(config),
    platform,
    onChange(readiness) {
      if (readiness.t === 'waiting') {
        void upstream.report({ t: 'unhealthy', reason: readiness.reason });
        onEvent({ t: 'health', state: 'unhealthy', reason: readiness.reason });
        return;
      }
      const heard = upstream.report({ t: 'healthy' });
      // A control plane that knows of no such reports does not answer them; all its endpoints are healthy.
      void inTime(heard, REPORT_TIMEOUT_MS, platform, () => undefined).then(() => onEvent({ t: 'health', state: 'healthy' }));
    },
  });
}

/** With Envoy the agent speaks for the proxy, whose metrics it makes. */
function telemetryNode(config: AgentConfig): TelemetryNode {
  const { workload, namespace, app, version } = config.identity;
  return {
    workload,
    namespace,
    app,
    version,
    instance: `${workload}.${namespace}`,
    address: config.join.address,
    component: config.dataPlane.t === 'envoy' ? 'proxy' : 'agent',
  };
}

/** No new traffic; the proxy drains while the application still answers; then the application ends; then what both needed. */
async function closeAll(parts: Parts, config: AgentConfig): Promise<void> {
  if (parts.readiness !== undefined) {
    parts.readiness.stop();
    void parts.link?.upstream.report({ t: 'unhealthy', reason: 'the workload ends' });
  }
  await parts.proxy?.stop(config.drainMs);
  await parts.application?.stop(APP_GRACE_MS);
  parts.reporter?.close();
  const { endpoints, dns, lookups, socket, driver } = parts;
  await Promise.all([endpoints, dns, lookups, socket, driver].map(async (part) => part?.close()));
  await parts.link?.close();
  await parts.directory?.remove();
}

/** Whoever waits no longer than `limitMs` takes what processes would have liked to finish. */
async function endWithin(stopped: Promise<void>, limitMs: number | undefined, parts: Parts, { timers }: Platform): Promise<void> {
  const kill = (): void => {
    parts.proxy?.kill();
    parts.application?.kill();
  };
  const hard = limitMs === undefined ? undefined : timers.after(limitMs, kill);
  await stopped;
  hard?.cancel();
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new MeshError('agent/order', 'A part of the agent was used before it was started.');
  return value;
}
