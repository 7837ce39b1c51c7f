import type { CompiledChain } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { endsWithResponse, isDraining } from '../core/drain.ts';
import { idleMs, type Lifetime } from '../core/idle-time.ts';
import type { Worker } from '../core/worker.ts';
import type { Exchange } from './exchange.ts';

/** How much a client connection may be used. */
interface Limits extends Lifetime {
  /** 0 = for ever. */
  readonly maxRequestsPerConnection: number;
}

/** Whether a client connection of HTTP/1.x goes on after its present response (RFC 9112 section 9.3), and for how long. */
export class Persistence {
  /** Close after the present response. */
  closeAfter = false;
  /** The client has said FIN. */
  clientEnded = false;
  /** Its configuration is gone: it ends with its next response. */
  retired = false;
  readonly #worker: Worker;
  readonly #chain: CompiledChain;
  readonly #limits: Limits;
  readonly #openedMs: number;
  #requests = 0;

  constructor(worker: Worker, chain: CompiledChain, limits: Limits) {
    this.#worker = worker;
    this.#chain = chain;
    this.#limits = limits;
    this.#openedMs = worker.wheel.now();
  }

  /** A head has come, be it one that is refused. */
  count(): void {
    this.#requests++;
  }

  /** What the head in the scanner says of it, and what holds on this side. */
  decide({ close, keepAlive, minor }: HeadScanner, now: number): void {
    this.closeAfter = close || (minor === 0 && !keepAlive) || isDraining(this.#worker, this.#chain) || this.#mustEnd() || this.#isUsedUp(now);
  }

  /** Does the connection end with this response? Known when its head is written; an answer before the end of its request ends it. */
  closesAfter(x: Exchange): boolean {
    // Behind a refused upgrade there may be bytes of the other protocol.
    const refused = x.upgrade !== '' && x.phase !== 'tunnel';
    if (endsWithResponse(this.#worker, this.#chain) || this.#mustEnd() || !x.requestComplete || refused) this.closeAfter = true;
    return this.closeAfter;
  }

  /** How long it may be idle from now on; 0 = for ever. */
  idleMs(now: number): number {
    return idleMs(this.#limits, this.#openedMs, now);
  }

  #mustEnd(): boolean {
    return this.clientEnded || this.retired;
  }

  #isUsedUp(now: number): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = this.#limits;
    if (maxRequestsPerConnection > 0 && this.#requests >= maxRequestsPerConnection) return true;
    return maxConnectionDurationMs > 0 && now - this.#openedMs >= maxConnectionDurationMs;
  }
}
