import type { RuntimeChange, RuntimeState } from '@meltemi/runtime';
import { HeadScanner } from '@meltemi/wire';
import { AccessLogger } from './access-log/access-logger.ts';
import { RemoteLogs } from './access-log/remote-logs.ts';
import { drainReport, eachConnection, finishDrain, isDraining, type DrainOrder } from './core/drain.ts';
import { Faults } from './core/faults.ts';
import { DEFAULT_OVERLOAD, Overload } from './core/overload.ts';
import { HeadStore } from './core/head-store.ts';
import { createIds } from './core/ids.ts';
import { Outputs } from './core/output.ts';
import { TimerWheel } from './core/timer-wheel.ts';
import { retireConnections } from './core/retire.ts';
import { SCAN_LIMITS, type Accepted, type Connection, type Worker } from './core/worker.ts';
import { drainPool } from './health/drain.ts';
import type { HostEvent } from './health/host-events.ts';
import { createHealthChecks } from './health/health-checks.ts';
import { openHttp } from './http2/open-http.ts';
import { RequestContext } from './http/filters/context.ts';
import { FILTER_HALVES } from './http/filters/index.ts';
import { httpPlan } from './http/http-plan.ts';
import { LiveFormat } from './http/live-format.ts';
import { HeadView } from './http/request-view.ts';
import { ListenerSet } from './listener-set.ts';
import { Acceptor } from './net/acceptor.ts';
import { refusalOf } from './net/admission.ts';
import type { Dialer } from './net/net-port.ts';
import type { PortSharing } from './net/node-listener.ts';
import type { Denies } from './net/denied-destinations.ts';
import { NodeDialer } from './net/node-dialer.ts';
import { loadOriginalDestination, type OriginalDestination } from './net/original-dst.ts';
import { SharedBuffers } from './net/shared-buffers.ts';
import type { ProxyTimes } from './main/options.ts';
import { TlsContexts } from './net/tls-contexts.ts';
import { HostPools } from './pool/host-pools.ts';
import { obey } from './core/orders.ts';
import { Counters } from './stats/counters.ts';
import { readScopes } from './stats/scopes.ts';
import { CountedConnections, ProxyStats } from './stats/proxy-stats.ts';
import { openTcp } from './tcp/tcp-proxy.ts';
import { SpanExporters } from './tracing/exporters.ts';
import type { DataPlane, DataPlanePorts } from './types.ts';

/** What tests and other transports exchange. */
export interface DataPlaneOptions {
  readonly dialer?: Dialer;
  readonly originalDestination?: OriginalDestination;
  /** Who else may listen on the same ports; nobody otherwise. */
  readonly sharing?: PortSharing;
  readonly times?: ProxyTimes | undefined;
  readonly overload?: Overload;
  /** Where clients may not lead this proxy; absent = they may name any destination. */
  readonly denies?: Denies | undefined;
  readonly shared?: Worker['shared'];
  /** Another thread makes the active health checks. */
  readonly checksElsewhere?: boolean;
  /** Something was found out about a host that other threads should know. */
  readonly onHostEvent?: (event: HostEvent) => void;
}

const NO_FAILURES: ReadonlyMap<string, string> = new Map();

/** Builds the data plane over a configuration state. Nothing is bound before the first `apply`. */
export function createDataPlane(state: RuntimeState, ports: DataPlanePorts, options: DataPlaneOptions = {}): DataPlane {
  const worker = createWorker(state, ports, options);
  const acceptor = new Acceptor(worker, openConnection);
  if (worker.dialer instanceof NodeDialer) worker.dialer.acceptInternal = (socket, listener) => acceptor.acceptInternal(socket, listener);
  const ready = findOriginalDestination(options).then((found) => (acceptor.originalDestination = found));
  const listeners = new ListenerSet(worker, acceptor, options.sharing ?? 'own');
  // Compiled anew, a cluster loses the hosts that have left its resource and now fail.
  const checks = createHealthChecks(worker, {
    dropLeft: (cluster) => void applyHosts(state.apply({ clusters: [cluster.config] })),
    elsewhere: options.checksElsewhere ?? false,
    onEvent: options.onHostEvent ?? (() => {}),
  });
  const applyHosts = (change: RuntimeChange): Promise<void> => {
    tidyPools(change);
    return checks.update();
  };

  let turn: Promise<ReadonlyMap<string, string>> = Promise.resolve(NO_FAILURES);

  const closeAll = async (): Promise<void> => {
    worker.draining = 'all';
    await listeners.close('all');
    checks.close();
    eachConnection(worker, (connection) => connection.destroy());
    acceptor.abort();
    worker.accessLog.remote?.flush();
    worker.spans.flush();
    for (const cluster of state.clusters()) for (const host of cluster.hosts()) closePool(host.slot);
    worker.accessLog.flush();
    worker.wheel.close();
  };

  return {
    async apply(change: RuntimeChange, found = []) {
      const warm = applyHosts(change);
      for (const event of found) checks.adopt(event);
      if (change.secrets.length > 0) renewPools(state, new Set(change.secrets));
      if (change.removedListeners.length > 0) worker.stats.keep(state.listeners());
      retireConnections(worker, change, options.times?.retireMs);
      if (change.listeners.length + change.removedListeners.length === 0) return warm.then(() => NO_FAILURES);
      // A listener is not open before the hosts behind it are known to be good, or not; and not before those that were told of earlier.
      // One that failed holds none of the next ones up.
      turn = Promise.all([turn.catch(() => NO_FAILURES), ready, warm]).then(() => listeners.apply(change));
      return turn;
    },
    adopt: (event) => checks.adopt(event),
    checked: () => checks.known(),
    listeners: () => listeners.status(),
    stats: () => readScopes(worker.stats, state.clusters(), worker.counters),
    order: (order) => obey(worker, order),
    get activity() {
      return { connections: worker.connections.size, requests: worker.requests, overload: worker.overload.figures(worker.wheel.now()) };
    },
    async drain(order) {
      if (order.t === 'tell') tellConnections(worker, order.scope);
      else if (order.t === 'unlisten') await listeners.close(order.scope);
      else {
        await finishDrain(worker, order, () => listeners.close('all'));
        await closeAll();
      }
      return drainReport(worker);
    },
    close: closeAll,
    [Symbol.asyncDispose]: closeAll,
  };
}

function findOriginalDestination({ originalDestination }: DataPlaneOptions): Promise<OriginalDestination | undefined> {
  return originalDestination === undefined ? loadOriginalDestination() : Promise.resolve(originalDestination);
}

function createWorker(state: RuntimeState, ports: DataPlanePorts, options: DataPlaneOptions): Worker {
  const buffers = new SharedBuffers();
  const counters = new Counters();
  const faults = new Faults(ports.log, counters, (owner) => worker.connections.delete(owner as Connection));
  const requestScanner = new HeadScanner(SCAN_LIMITS);
  const view = new HeadView(requestScanner);
  const stats = new ProxyStats();
  const worker: Omit<Worker, 'filterContext'> = {
    state,
    ports,
    log: ports.log,
    faults,
    shared: options.shared,
    denies: options.denies,
    overload: options.overload ?? new Overload(DEFAULT_OVERLOAD),
    wheel: new TimerWheel(ports.clock, ports.timers, (error) => faults.report('timer', error)),
    ids: createIds(),
    buffers,
    outputs: new Outputs(faults),
    heads: new HeadStore(),
    dialer: options.dialer ?? new NodeDialer(buffers, ports.log, faults),
    tls: new TlsContexts((name) => state.secret(name), ports.log),
    accessLog: new AccessLogger(ports.accessLog, ports.timers, options.times?.accessLogFlushMs),
    requestScanner,
    responseScanner: new HeadScanner(SCAN_LIMITS),
    view,
    scannedFor: undefined,
    activeFaults: 0,
    tap: undefined,
    failing: false,
    format: new LiveFormat(view),
    connections: new CountedConnections(stats, () => ports.clock.monotonic()),
    stats,
    random: () => ports.random.next(),
    requests: 0,
    draining: 'none',
    acceptedMs: 0,
    counters,
    spans: new SpanExporters(),
    filterHalves: FILTER_HALVES,
  };
  const whole = Object.assign(worker, { filterContext: new RequestContext(worker) });
  whole.accessLog.remote = new RemoteLogs(whole);
  return whole;
}

function openConnection(worker: Worker, accepted: Accepted): Connection {
  const { terminal } = accepted.chain;
  const refusal = refusalOf(worker, accepted);
  if (terminal.t === 'tcp') return openTcp(worker, terminal.tcp, accepted, refusal);
  const connection = openHttp(worker, httpPlan(terminal.http, accepted.chain.listener, worker.stats), accepted);
  if (refusal !== undefined) connection.destroy();
  else if (isDraining(worker, accepted.chain)) connection.drain();
  return connection;
}

/** Connections to hosts that have left, and those of before to hosts that are to be called in another way. */
function tidyPools({ removedHosts, outdatedHosts }: RuntimeChange): void {
  for (const { slot } of removedHosts) closePool(slot);
  for (const host of outdatedHosts) drainPool(host);
}

function closePool(slot: unknown): void {
  if (slot instanceof HostPools) slot.close();
}

/** Connections made with a secret that has changed serve no new request. */
function renewPools(state: RuntimeState, changed: ReadonlySet<string>): void {
  for (const cluster of state.clusters()) {
    for (const { slot, transport } of cluster.hosts()) {
      if (!(slot instanceof HostPools) || transport.t !== 'tls') continue;
      const { certificate, trust } = transport.tls;
      if ((certificate?.t === 'sds' && changed.has(certificate.name)) || (trust?.t === 'sds' && changed.has(trust.name))) slot.renew();
    }
  }
}

/** From now on clients hear that their connections end. */
function tellConnections(worker: Worker, scope: Extract<DrainOrder, { t: 'tell' }>['scope']): void {
  if (worker.draining === 'all') return;
  worker.draining = scope;
  eachConnection(worker, (connection) => {
    if (isDraining(worker, connection.chain)) connection.drain();
  });
}
