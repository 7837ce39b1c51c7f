/** Waiting times between attempts: doubling with jitter, reset by success. `random` in [0, 1). */
export interface Backoff {
  nextMs(random: number): number;
  reset(): void;
}

export function createBackoff(baseMs: number, maxMs: number): Backoff {
  let window = baseMs;
  return {
    nextMs(random) {
      const wait = window * (0.5 + random / 2);
      window = Math.min(maxMs, window * 2);
      return wait;
    },
    reset() {
      window = baseMs;
    },
  };
}
