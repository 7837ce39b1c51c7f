import type { Clock } from '@meltemi/base';

/** A token bucket that holds one second's worth. */
export interface RateLimit {
  /** Whether one more may pass now. */
  take(): boolean;
}

export function createRateLimit(clock: Clock, perSecond: number): RateLimit {
  let tokens = perSecond;
  let at = clock.monotonic();
  return {
    take() {
      const now = clock.monotonic();
      tokens = Math.min(perSecond, tokens + ((now - at) * perSecond) / 1000);
      at = now;
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
