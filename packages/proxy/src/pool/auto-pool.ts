import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { DialedInfo, DialTarget } from '../net/net-port.ts';
import type { Transport, TransportHandler } from '../types.ts';
import { Dialing } from './dialing.ts';
import { H2_PROTOCOLS } from './dial-target.ts';
import type { Http2Pool } from './http2-pool.ts';
import type { HttpPool } from './http-pool.ts';
import type { Acquired, PoolWaiter } from './pool-waiter.ts';
import { WaitingLine } from './waiting-line.ts';

/** What an undecided host may turn out to speak. */
export interface AutoChoices {
  readonly http1: HttpPool;
  readonly http2: Http2Pool;
}

/** Connections to a host of which TLS (ALPN) says what is spoken. The first handshake tells; later ones offer only that. */
export class AutoPool {
  readonly #worker: Worker;
  readonly #host: Host;
  readonly #target: (cluster: CompiledCluster) => DialTarget;
  readonly #pools: AutoChoices;
  readonly #line = new WaitingLine();
  #known: keyof AutoChoices | undefined = undefined;
  #dialing = false;

  constructor(worker: Worker, host: Host, target: (cluster: CompiledCluster) => DialTarget, pools: AutoChoices) {
    this.#worker = worker;
    this.#host = host;
    this.#target = target;
    this.#pools = pools;
  }

  acquire(cluster: CompiledCluster, waiter: PoolWaiter, breaker: Breaker): Acquired {
    if (this.#known !== undefined) return this.#pools[this.#known].acquire(cluster, waiter, breaker);
    if (!this.#line.add({ waiter, cluster, breaker })) return 'overflow';
    if (!this.#dialing) this.#dial(cluster, breaker);
    return 'queued';
  }

  cancel(waiter: PoolWaiter): void {
    this.#line.cancel(waiter);
  }

  /** The host may speak something else from now on. */
  forget(): void {
    this.#known = undefined;
  }

  #dial(cluster: CompiledCluster, breaker: Breaker): void {
    this.#dialing = true;
    breaker.usage.connections++;
    this.#host.connections++;
    const over = (): void => {
      this.#dialing = false;
      breaker.usage.connections--;
      this.#host.connections--;
    };
    new Dialing(
      this.#worker,
      {
        dialed: (transport, info) => {
          over();
          return this.#decided(cluster, breaker, { transport, info });
        },
        dialFailed: (reason) => {
          over();
          this.#line.fail(this.#line.length, reason);
        },
      },
      this.#target(cluster),
      cluster.config.connectTimeoutMs,
    );
  }

  #decided(cluster: CompiledCluster, breaker: Breaker, on: { readonly transport: Transport; readonly info: DialedInfo }): TransportHandler {
    const known = H2_PROTOCOLS.has(on.info.tls?.alpn ?? '') ? 'http2' : 'http1';
    this.#known = known;
    const handler = this.#pools[known].adopt(cluster, breaker, on);
    for (let waiting = this.#line.take(); waiting !== undefined; waiting = this.#line.take()) {
      const got = this.#pools[known].acquire(waiting.cluster, waiting.waiter, waiting.breaker);
      if (got === 'overflow') waiting.waiter.onPoolFailure('overflow');
      else if (got !== 'queued') waiting.waiter.onPoolReady(got);
    }
    return handler;
  }
}
