/** Tokens that come back at a steady rate, as in Envoy. */
export interface TokenBucketConfig {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** A bucket that is full at first. Times are monotonic milliseconds. */
export class TokenBucket {
  readonly maxTokens: number;
  readonly tokensPerMs: number;
  #tokens: number;
  #atMs: number;

  constructor({ maxTokens, tokensPerFill, fillIntervalMs }: TokenBucketConfig, nowMs: number) {
    this.maxTokens = maxTokens;
    this.tokensPerMs = tokensPerFill / fillIntervalMs;
    this.#tokens = maxTokens;
    this.#atMs = nowMs;
  }

  /** Takes a token; false = there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Whole tokens left. */
  remaining(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens);
  }

  /** Until there is a token, in whole seconds; 0 = there is one. */
  resetSeconds(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.tokensPerMs / 1000);
  }

  #fill(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#tokens = Math.min(this.maxTokens, this.#tokens + (nowMs - this.#atMs) * this.tokensPerMs);
    this.#atMs = nowMs;
  }
}
