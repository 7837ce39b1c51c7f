import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { StreamProtocol } from '../http/stream.ts';
import { AutoPool } from './auto-pool.ts';
import type { DialTarget } from '../net/net-port.ts';
import type { ConnectionInfo } from '../types.ts';
import { dialTarget, httpTarget } from './dial-target.ts';
import { HttpPool } from './http-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import type { Acquired, PoolWaiter } from './pool-waiter.ts';

/** The HTTP connections to one host, by what is spoken on them. */
export class HostPools {
  readonly #worker: Worker;
  readonly #host: Host;
  #http1: HttpPool | undefined = undefined;
  #http2: Http2Pool | undefined = undefined;
  #auto: AutoPool | undefined = undefined;
  /** Where connections tell of the client, those of one request serve no other. */
  readonly #client: ConnectionInfo | undefined;
  readonly #own = new WeakMap<PoolWaiter, HostPools>();

  constructor(worker: Worker, host: Host, client?: ConnectionInfo) {
    this.#worker = worker;
    this.#host = host;
    this.#client = client;
  }

  /** A stream for a request that came by `downstream`. `breaker`: of the request's priority. */
  acquire(cluster: CompiledCluster, waiter: PoolWaiter, breaker: Breaker = cluster.breakers.default, downstream: StreamProtocol = 'http1'): Acquired {
    if (this.#host.transport.proxyProtocol !== undefined && this.#client === undefined && waiter.client !== undefined) {
      const own = new HostPools(this.#worker, this.#host, waiter.client);
      this.#own.set(waiter, own);
      const acquired = own.acquire(cluster, waiter, breaker, downstream);
      own.close();
      return acquired;
    }
    const { codec } = cluster.config.http;
    if (codec === 'auto') return this.#autoPool().acquire(cluster, waiter, breaker);
    const http2 = codec === 'http2' || (codec === 'downstream' && downstream === 'http2');
    return http2 ? this.#http2Pool().acquire(cluster, waiter, breaker) : this.#http1Pool().acquire(cluster, waiter, breaker);
  }

  /** The waiter has gone. */
  cancel(waiter: PoolWaiter): void {
    this.#http1?.cancel(waiter);
    this.#http2?.cancel(waiter);
    this.#auto?.cancel(waiter);
    this.#own.get(waiter)?.cancel(waiter);
  }

  /** Idle connections go now, busy ones after their requests; new ones are made with the secrets in force. */
  renew(): void {
    this.#http1?.renew();
    this.#http2?.renew();
    this.#auto?.forget();
  }

  /** The host has left: nothing is kept. */
  close(): void {
    this.#http1?.close();
    this.#http2?.close();
  }

  #target(cluster: CompiledCluster, speaks: 'http1' | 'http2' | 'auto'): DialTarget {
    return httpTarget(dialTarget(this.#worker, cluster, this.#host, this.#client), speaks);
  }

  #http1Pool(): HttpPool {
    return (this.#http1 ??= new HttpPool(this.#worker, this.#host, (cluster) => this.#target(cluster, 'http1')));
  }

  #http2Pool(): Http2Pool {
    return (this.#http2 ??= new Http2Pool(this.#worker, this.#host, (cluster) => this.#target(cluster, 'http2')));
  }

  #autoPool(): AutoPool {
    const target = (cluster: CompiledCluster): DialTarget => this.#target(cluster, 'auto');
    return (this.#auto ??= new AutoPool(this.#worker, this.#host, target, { http1: this.#http1Pool(), http2: this.#http2Pool() }));
  }
}

/** The pools of a host; they live as long as it is in its cluster. */
export function httpPool(worker: Worker, host: Host): HostPools {
  if (host.slot instanceof HostPools) return host.slot;
  const pools = new HostPools(worker, host);
  host.slot = pools;
  return pools;
}

/** Connections to original destinations that were dropped to make room have nobody who asks for them. */
export function closeForgotten(cluster: CompiledCluster): void {
  for (const { slot } of cluster.forgotten.splice(0)) if (slot instanceof HostPools) slot.close();
}

/** The host is no longer healthy: idle connections go, busy ones after their request. */
export function drainPool({ slot }: Host): void {
  if (slot instanceof HostPools) slot.renew();
}
