import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { UpstreamConnection, type ConnectionOwner } from '../http/upstream-connection.ts';
import type { DialTarget } from '../net/net-port.ts';

/** A request that waits for a connection. Exactly one of the two is called, never before `acquire` has returned. */
export interface PoolWaiter {
  onPoolReady(connection: UpstreamConnection): void;
  /** `reason` as in Envoy's transport failure reasons; `timeout` = connecting took too long. */
  onPoolFailure(reason: string): void;
}

interface Waiting {
  readonly waiter: PoolWaiter;
  readonly cluster: CompiledCluster;
  readonly breaker: Breaker;
}

/**
 * HTTP/1.1 connections to one host. Last in, first out, so that a few stay warm and the others time out. A request is not tied to the
 * connection that was opened for it: it takes the first one that is free.
 */
export class HttpPool implements ConnectionOwner {
  readonly host: Host;
  readonly #worker: Worker;
  readonly #target: (cluster: CompiledCluster) => DialTarget;
  readonly #idle: UpstreamConnection[] = [];
  readonly #waiting: Waiting[] = [];
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
    if (usage.pending >= limits.maxPendingRequests) return 'overflow';
    usage.pending++;
    this.#waiting.push({ waiter, cluster, breaker });
    // One connection is always allowed: a host must not starve because others hold all that the cluster may have.
    const room = usage.connections < limits.maxConnections && this.#size < limits.maxConnectionsPerHost;
    if (this.#connecting < this.#waiting.length && (room || this.#size === 0)) this.#connect(cluster, breaker);
    return 'queued';
  }

  /** The waiter has gone. */
  cancel(waiter: PoolWaiter): void {
    const at = this.#waiting.findIndex((waiting) => waiting.waiter === waiter);
    if (at >= 0) this.#take(at);
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
    this.released(connection);
  }

  released(connection: UpstreamConnection): void {
    const fresh = connection.requests === 0;
    if (!fresh && !this.#reusable(connection)) {
      connection.destroy();
      return;
    }
    const waiter = this.#take(0);
    if (waiter !== undefined) waiter.onPoolReady(connection);
    else if (this.#reusable(connection)) {
      connection.idle(connection.cluster.config.http.idleTimeoutMs);
      this.#idle.push(connection);
    } else connection.destroy();
  }

  closed(connection: UpstreamConnection, failure: string | undefined): void {
    this.#size--;
    connection.breaker.usage.connections--;
    this.host.connections--;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (!connection.established) {
      this.#connecting--;
      this.#fail(failure ?? 'the connection was given up');
      return;
    }
    // Somebody may wait for the place that has become free; also at a host that has left, as long as there is no other for it.
    const next = this.#waiting[0];
    if (next !== undefined && this.#waiting.length > this.#connecting) this.#connect(next.cluster, next.breaker);
  }

  /** Tells the first waiter that its host cannot be reached; all of them, as Envoy does, when no connection is left that could serve them. */
  #fail(reason: string): void {
    const count = this.#size === 0 ? this.#waiting.length : 1;
    const failed = Array.from({ length: count }, () => this.#take(0));
    for (const waiter of failed) waiter?.onPoolFailure(reason);
  }

  #take(at: number): PoolWaiter | undefined {
    if (at >= this.#waiting.length) return undefined;
    const [waiting] = this.#waiting.splice(at, 1);
    if (waiting !== undefined) waiting.breaker.usage.pending--;
    return waiting?.waiter;
  }

  #reusable(connection: UpstreamConnection): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = connection.cluster.config.http;
    if (this.#closed || this.host.removed || connection.epoch !== this.#epoch) return false;
    if (maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection) return false;
    return maxConnectionDurationMs === 0 || this.#worker.wheel.now() - connection.openedMs < maxConnectionDurationMs;
  }

  #connect(cluster: CompiledCluster, breaker: Breaker): void {
    this.#connecting++;
    this.#size++;
    breaker.usage.connections++;
    this.host.connections++;
    new UpstreamConnection(this.#worker, this, this.#target(cluster), { cluster, breaker, host: this.host, epoch: this.#epoch });
  }
}
