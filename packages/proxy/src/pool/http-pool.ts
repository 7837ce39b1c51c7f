import { record, type Breaker, type CompiledCluster, type Host } from '@meltemi/runtime';
import { idleMs } from '../core/idle-time.ts';
import type { Worker } from '../core/worker.ts';
import { UpstreamConnection, type ConnectionOwner } from '../http/upstream-connection.ts';
import type { DialedInfo, DialHandler, DialTarget } from '../net/net-port.ts';
import type { Transport } from '../types.ts';
import type { PoolWaiter } from './pool-waiter.ts';
import { countClosed, countOpened } from '../stats/count-connection.ts';
import { WaitingLine } from './waiting-line.ts';

/**
 * HTTP/1.1 connections to one host. Last in, first out, so that a few stay warm and the others time out. A request is not tied to the
 * connection that was opened for it: it takes the first one that is free.
 */
export class HttpPool implements ConnectionOwner {
  readonly host: Host;
  readonly #worker: Worker;
  readonly #target: (cluster: CompiledCluster) => DialTarget;
  readonly #idle: UpstreamConnection[] = [];
  readonly #line = new WaitingLine();
  #connecting = 0;
  #size = 0;
  /** Connections of an older epoch (secrets have changed since) serve no further request. */
  #epoch = 0;
  #closed = false;

  constructor(worker: Worker, host: Host, target: (cluster: CompiledCluster) => DialTarget) {
    this.#worker = worker;
    this.host = host;
    this.#target = target;
  }

  /** A free connection at once, a place in the queue, or a refusal: the circuit breaker is open. */
  acquire(cluster: CompiledCluster, waiter: PoolWaiter, breaker: Breaker = cluster.breakers.default): UpstreamConnection | 'queued' | 'overflow' {
    const connection = this.#idle.pop();
    if (connection !== undefined) return connection;
    const { usage, limits } = breaker;
    if (!this.#line.add({ waiter, cluster, breaker })) return 'overflow';
    // One connection is always allowed: a host must not starve because others hold all that the cluster may have.
    const room = usage.connections < limits.maxConnections && this.#size < limits.maxConnectionsPerHost;
    if (!room) cluster.counts.cxOverflow++;
    if (this.#connecting < this.#line.length && (room || this.#size === 0)) this.#connect(cluster, breaker);
    return 'queued';
  }

  /** The waiter has gone. */
  cancel(waiter: PoolWaiter): void {
    this.#line.cancel(waiter);
  }

  /** Idle connections go now, busy ones after their request; new ones are made with the secrets in force. */
  renew(): void {
    this.#epoch++;
    while (this.#idle.length > 0) (this.#idle[this.#idle.length - 1] as UpstreamConnection).destroy();
  }

  /** The host has left: nothing is kept. */
  close(): void {
    this.#closed = true;
    this.renew();
  }

  get size(): number {
    return this.#size;
  }

  connected(connection: UpstreamConnection): void {
    this.#connecting--;
    record(connection.cluster.counts.connectTime, this.#worker.wheel.recent - connection.openedMs);
    this.released(connection);
  }

  released(connection: UpstreamConnection): void {
    const fresh = connection.requests === 0;
    if (!fresh && !this.#reusable(connection)) {
      connection.destroy();
      return;
    }
    const waiter = this.#line.take()?.waiter;
    if (waiter !== undefined) waiter.onPoolReady(connection);
    else if (this.#reusable(connection)) {
      connection.idle(idleMs(connection.cluster.config.http, connection.openedMs, this.#worker.wheel.recent));
      this.#idle.push(connection);
    } else connection.destroy();
  }

  closed(connection: UpstreamConnection, failure: string | undefined): void {
    this.#size--;
    connection.breaker.usage.connections--;
    this.host.connections--;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    countClosed(connection.cluster, this.host, {
      failure,
      established: connection.established,
      remote: connection.endedByPeer,
      busy: connection.busy,
      lengthMs: this.#worker.wheel.recent - connection.openedMs,
    });
    if (!connection.established) {
      this.#connecting--;
      this.#fail(failure ?? 'the connection was given up');
      return;
    }
    // Somebody may wait for the place that has become free; also at a host that has left, as long as there is no other for it.
    const next = this.#line.first;
    if (next !== undefined && this.#line.length > this.#connecting) this.#connect(next.cluster, next.breaker);
  }

  /** Tells the first waiter that its host cannot be reached; all of them, as Envoy does, when no connection is left that could serve them. */
  #fail(reason: string): void {
    this.#line.fail(this.#size === 0 ? this.#line.length : 1, reason);
  }

  #reusable(connection: UpstreamConnection): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = connection.cluster.config.http;
    if (this.#closed || this.host.removed || connection.epoch !== this.#epoch) return false;
    if (maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection) return false;
    return maxConnectionDurationMs === 0 || this.#worker.wheel.now() - connection.openedMs < maxConnectionDurationMs;
  }

  /** Takes over a connection whose handshake has settled on HTTP/1.1. Answers who hears of it from now on. */
  adopt(cluster: CompiledCluster, breaker: Breaker, on: { readonly transport: Transport; readonly info: DialedInfo }): DialHandler {
    const connection = this.#open(cluster, breaker, () => on.transport);
    connection.onConnect(on.info);
    return connection;
  }

  #connect(cluster: CompiledCluster, breaker: Breaker): void {
    this.#open(cluster, breaker, (handler) => this.#worker.dialer.dial(this.#target(cluster), handler));
  }

  #open(cluster: CompiledCluster, breaker: Breaker, dial: (handler: DialHandler) => Transport): UpstreamConnection {
    this.#connecting++;
    this.#size++;
    countOpened(cluster, this.host, 'cxHttp1');
    breaker.usage.connections++;
    this.host.connections++;
    return new UpstreamConnection(this.#worker, this, dial, { cluster, breaker, host: this.host, epoch: this.#epoch });
  }
}
