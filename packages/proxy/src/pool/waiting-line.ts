import type { Breaker, CompiledCluster } from '@meltemi/runtime';
import type { PoolWaiter } from './pool-waiter.ts';

/** A request that waits, and for what. */
export interface Waiting {
  readonly waiter: PoolWaiter;
  readonly cluster: CompiledCluster;
  readonly breaker: Breaker;
}

/** The requests that wait for a connection to one host, first come first served. Each is counted in its circuit breaker. */
export class WaitingLine {
  readonly #line: Waiting[] = [];

  get length(): number {
    return this.#line.length;
  }

  get first(): Waiting | undefined {
    return this.#line[0];
  }

  /** Answers false when the circuit breaker lets nobody wait. */
  add(waiting: Waiting): boolean {
    const { usage, limits } = waiting.breaker;
    if (usage.pending >= limits.maxPendingRequests) {
      waiting.cluster.counts.rqPendingOverflow++;
      return false;
    }
    waiting.cluster.counts.rqPending++;
    usage.pending++;
    this.#line.push(waiting);
    return true;
  }

  take(): Waiting | undefined {
    const waiting = this.#line.shift();
    if (waiting !== undefined) waiting.breaker.usage.pending--;
    return waiting;
  }

  /** The waiter has gone. */
  cancel(waiter: PoolWaiter): void {
    const at = this.#line.findIndex((waiting) => waiting.waiter === waiter);
    if (at < 0) return;
    const [waiting] = this.#line.splice(at, 1);
    if (waiting === undefined) return;
    waiting.breaker.usage.pending--;
    waiting.cluster.counts.rqCancelled++;
  }

  /** Tells so many of the first that no connection could be made. */
  fail(count: number, reason: string): void {
    // They may come back at once: those stand in the line anew.
    const failed = Array.from({ length: Math.min(count, this.#line.length) }, () => this.take());
    for (const waiting of failed) if (waiting !== undefined) waiting.cluster.counts.rqPendingFailure++;
    for (const waiting of failed) waiting?.waiter.onPoolFailure(reason);
  }
}
