import { record, type Breaker, type CompiledCluster, type Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { Http2ClientConnection, type H2ConnectionOwner } from '../http2/client-connection.ts';
import type { DialedInfo, DialTarget } from '../net/net-port.ts';
import type { Transport, TransportHandler } from '../types.ts';
import { Dialing } from './dialing.ts';
import type { Acquired, PoolWaiter } from './pool-waiter.ts';
import { countClosed, countOpened } from '../stats/count-connection.ts';
import { WaitingLine } from './waiting-line.ts';

/** HTTP/2 connections to one host: as few as the peer's stream limit allows, the oldest with room first. */
export class Http2Pool implements H2ConnectionOwner {
  readonly #worker: Worker;
  readonly #host: Host;
  readonly #target: (cluster: CompiledCluster) => DialTarget;
  readonly #connections: Http2ClientConnection[] = [];
  readonly #line = new WaitingLine();
  #dialing = 0;
  /** Before a host has told, no more than any server takes. */
  expectedStreams = 100;
  #epoch = 0;
  #closed = false;

  constructor(worker: Worker, host: Host, target: (cluster: CompiledCluster) => DialTarget) {
    this.#worker = worker;
    this.#host = host;
    this.#target = target;
  }

  acquire(cluster: CompiledCluster, waiter: PoolWaiter, breaker: Breaker): Acquired {
    for (const connection of this.#connections) if (connection.free > 0 && this.#usable(connection)) return connection.stream();
    if (!this.#line.add({ waiter, cluster, breaker })) return 'overflow';
    this.#dialIfNeeded();
    return 'queued';
  }

  cancel(waiter: PoolWaiter): void {
    this.#line.cancel(waiter);
  }

  /** Connections end with the requests they carry; new ones are made with the secrets in force. */
  renew(): void {
    this.#epoch++;
    for (const connection of this.#connections.slice()) connection.leave();
  }

  close(): void {
    this.#closed = true;
    this.renew();
  }

  /** Takes over a connection whose handshake has settled on HTTP/2. */
  adopt(cluster: CompiledCluster, breaker: Breaker, on: { readonly transport: Transport; readonly info: DialedInfo }): TransportHandler {
    const connection = new Http2ClientConnection(this.#worker, this, on, { cluster, breaker, host: this.#host, epoch: this.#epoch });
    breaker.usage.connections++;
    this.#host.connections++;
    this.#connections.push(connection);
    connection.idleAfter(cluster.config.http);
    this.room(connection);
    return connection;
  }

  room(connection: Http2ClientConnection): void {
    this.expectedStreams = Math.max(1, connection.peerLimit ?? this.expectedStreams);
    while (this.#line.length > 0 && connection.free > 0 && this.#usable(connection)) this.#line.take()?.waiter.onPoolReady(connection.stream());
    if (this.#line.length > 0) this.#dialIfNeeded();
  }

  closed(connection: Http2ClientConnection): void {
    const lengthMs = this.#worker.wheel.recent - connection.openedMs;
    countClosed(connection.cluster, this.#host, {
      failure: undefined,
      established: true,
      remote: connection.endedByPeer,
      busy: connection.openStreams > 0,
      lengthMs,
    });
    connection.breaker.usage.connections--;
    this.#host.connections--;
    this.left(connection);
  }

  left(connection: Http2ClientConnection): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
    this.#dialIfNeeded();
  }

  /** One connection is made at a time: it will most often do for all who wait. */
  #dialIfNeeded(): void {
    const { first } = this.#line;
    if (first === undefined || this.#dialing > 0) return;
    const { cluster, breaker } = first;
    const { usage, limits } = breaker;
    const room = usage.connections < limits.maxConnections && this.#connections.length < limits.maxConnectionsPerHost;
    // One connection is always allowed: a host must not starve because others hold all that the cluster may have.
    if (!room && this.#connections.length > 0) return;
    this.#dialing++;
    const startedMs = this.#worker.wheel.recent;
    countOpened(cluster, this.#host, 'cxHttp2');
    usage.connections++;
    this.#host.connections++;
    const over = (): void => {
      this.#dialing--;
      usage.connections--;
      this.#host.connections--;
    };
    new Dialing(
      this.#worker,
      {
        dialed: (transport, info) => {
          over();
          record(cluster.counts.connectTime, this.#worker.wheel.recent - startedMs);
          return this.adopt(cluster, breaker, { transport, info });
        },
        dialFailed: (reason) => {
          over();
          countClosed(cluster, this.#host, { failure: reason, established: false, remote: reason !== 'timeout', busy: false, lengthMs: 0 });
          this.#line.fail(this.#connections.length === 0 ? this.#line.length : 1, reason);
          this.#dialIfNeeded();
        },
      },
      this.#target(cluster),
      cluster.config.connectTimeoutMs,
    );
  }

  #usable(connection: Http2ClientConnection): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = connection.cluster.config.http;
    const worn =
      this.#closed ||
      this.#host.removed ||
      connection.epoch !== this.#epoch ||
      (maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection) ||
      (maxConnectionDurationMs > 0 && this.#worker.wheel.recent - connection.openedMs >= maxConnectionDurationMs);
    // A host that has left still serves who found no other.
    if (worn && !(connection.requests === 0 && this.#line.length > 0)) connection.leave();
    return !worn || connection.requests === 0;
  }
}
