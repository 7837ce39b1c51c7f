import type { Breaker, CompiledCluster } from '@meltemi/runtime';
import type { PoolWaiter } from './pool-waiter.ts';

/** A request that waits, and for what. */
export interface Waiting {
  readonly waiter: PoolWaiter;
  readonly cluster: CompiledCluster;
  readonly breaker: Breaker;
}

/** A place in the line. */
interface Place {
  readonly waiting: Waiting;
  before: Place | undefined;
  after: Place | undefined;
}

/**
 * The requests that wait for a connection to one host, first come first served. Each is counted in its circuit breaker. Coming, being
 * served and leaving cost the same however long the line is: clients may leave by the thousand.
 */
export class WaitingLine {
  readonly #places = new Map<PoolWaiter, Place>();
  #first: Place | undefined = undefined;
  #last: Place | undefined = undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Waiting | undefined {
    return this.#first?.waiting;
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
    const place: Place = { waiting, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#places.set(waiting.waiter, place);
    this.#length++;
    return true;
  }

  take(): Waiting | undefined {
    const place = this.#first;
    if (place !== undefined) this.#leave(place.waiting.waiter, place);
    return place?.waiting;
  }

  /** The waiter has gone. */
  cancel(waiter: PoolWaiter): void {
    const place = this.#places.get(waiter);
    if (place === undefined) return;
    this.#leave(waiter, place);
    place.waiting.cluster.counts.rqCancelled++;
  }

  /** Tells so many of the first that no connection could be made. */
  fail(count: number, reason: string): void {
    // They may come back at once: those stand in the line anew.
    const failed = Array.from({ length: Math.min(count, this.length) }, () => this.take());
    for (const waiting of failed) if (waiting !== undefined) waiting.cluster.counts.rqPendingFailure++;
    for (const waiting of failed) waiting?.waiter.onPoolFailure(reason);
  }

  #leave(waiter: PoolWaiter, place: Place): void {
    const { waiting, before, after } = place;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // One that stands there twice can still leave the later place.
    if (this.#places.get(waiter) === place) this.#places.delete(waiter);
    this.#length--;
    waiting.breaker.usage.pending--;
  }
}
