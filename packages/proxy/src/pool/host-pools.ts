import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { StreamProtocol } from '../http/stream.ts';
import { AutoPool } from './auto-pool.ts';
import type { DialTarget } from '../net/net-port.ts';
import { dialTarget, httpTarget, nameOf, type Beneficiary } from './dial-target.ts';
import { HttpPool } from './http-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import type { Acquired, PoolWaiter } from './pool-waiter.ts';

/** A host that is called by more names than so many at a time keeps no connections for the oldest. */
const MAX_NAMES = 64;

/** The HTTP connections to one host, by what is spoken on them. */
export class HostPools {
  readonly #worker: Worker;
  readonly #host: Host;
  #http1: HttpPool | undefined = undefined;
  #http2: Http2Pool | undefined = undefined;
  #auto: AutoPool | undefined = undefined;
  readonly #for: Beneficiary;
  /** Where connections tell of the client, those of one request serve no other; where they call the host by the request's name, of no other name. */
  readonly #own = new WeakMap<PoolWaiter, HostPools>();
  readonly #named = new Map<string, HostPools>();

  constructor(worker: Worker, host: Host, beneficiary: Beneficiary = {}) {
    this.#worker = worker;
    this.#host = host;
    this.#for = beneficiary;
  }

  /** A stream for a request that came by `downstream`. `breaker`: of the request's priority. */
  acquire(cluster: CompiledCluster, waiter: PoolWaiter, breaker: Breaker = cluster.breakers.default, downstream: StreamProtocol = 'http1'): Acquired {
    const own = this.#poolsOf(waiter);
    if (own !== undefined) {
      this.#own.set(waiter, own);
      const acquired = own.acquire(cluster, waiter, breaker, downstream);
      if (own.#for.client !== undefined) own.close();
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
    for (const pools of this.#named.values()) pools.renew();
  }

  /** The host has left: nothing is kept. */
  close(): void {
    this.#http1?.close();
    this.#http2?.close();
    for (const pools of this.#named.values()) pools.close();
  }

  /** The pools for a request that not every connection can serve. */
  #poolsOf(waiter: PoolWaiter): HostPools | undefined {
    const { transport } = this.#host;
    const { name, client } = this.#for;
    const byName = transport.t === 'tls' && (transport.tls.sniByRequest || transport.tls.sanByRequest);
    if (byName && name === undefined) return this.#poolsFor(nameOf(waiter.upstreamAuthority));
    if (transport.proxyProtocol === undefined || client !== undefined || waiter.client === undefined) return undefined;
    return new HostPools(this.#worker, this.#host, { ...this.#for, client: waiter.client });
  }

  #poolsFor(name: string): HostPools {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const [oldest] = this.#named.keys();
    if (oldest !== undefined && this.#named.size >= MAX_NAMES) {
      this.#named.get(oldest)?.close();
      this.#named.delete(oldest);
    }
    const pools = new HostPools(this.#worker, this.#host, { name });
    this.#named.set(name, pools);
    return pools;
  }

  #target(cluster: CompiledCluster, speaks: 'http1' | 'http2' | 'auto'): DialTarget {
    return httpTarget(dialTarget(this.#worker, cluster, this.#host, this.#for), speaks);
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
