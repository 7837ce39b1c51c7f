import type { SharedPlace } from '../shared/numbers.ts';
import type { TokenBucket, TokenBucketConfig } from './token-bucket.ts';

const PER_MS = 1_000_000;

/**
 * A bucket that all threads draw from. What stands in shared memory is one time, in nanoseconds: when the bucket will be full again. Each token moves it on;
 * how far it lies ahead of now is how much is taken.
 */
export class SharedBucket implements Pick<TokenBucket, 'maxTokens' | 'tokensPerMs' | 'take' | 'remaining' | 'resetSeconds'> {
  readonly maxTokens: number;
  readonly tokensPerMs: number;
  readonly #place: SharedPlace;
  /** One clock for all threads. */
  readonly #offsetMs: number;
  readonly #tokenNs: number;

  /** `offsetMs`: what the clock of this thread lacks to the one that all threads share. */
  constructor({ maxTokens, tokensPerFill, fillIntervalMs }: TokenBucketConfig, place: SharedPlace, offsetMs: number) {
    this.maxTokens = maxTokens;
    this.tokensPerMs = tokensPerFill / fillIntervalMs;
    this.#tokenNs = PER_MS / this.tokensPerMs;
    this.#place = place;
    this.#offsetMs = offsetMs;
  }

  take(nowMs: number): boolean {
    const now = this.#now(nowMs);
    for (;;) {
      const before = this.#place.time;
      const next = (before > now ? before : now) + BigInt(Math.round(this.#tokenNs));
      if (Number(next - now) > this.maxTokens * this.#tokenNs + 1) return false;
      if (this.#place.exchangeTime(before, next)) return true;
    }
  }

  remaining(nowMs: number): number {
    return Math.max(0, Math.floor(this.maxTokens - this.#ahead(nowMs) / this.#tokenNs + 1e-6));
  }

  resetSeconds(nowMs: number): number {
    const over = this.#ahead(nowMs) - (this.maxTokens - 1) * this.#tokenNs;
    return over <= 0 ? 0 : Math.ceil(over / PER_MS / 1000);
  }

  /** Nanoseconds until it is full. */
  #ahead(nowMs: number): number {
    return Math.max(0, Number(this.#place.time - this.#now(nowMs)));
  }

  #now(nowMs: number): bigint {
    return BigInt(Math.round((nowMs + this.#offsetMs) * PER_MS));
  }
}
