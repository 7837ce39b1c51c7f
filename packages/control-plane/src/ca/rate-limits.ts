import type { Clock } from '@meltemi/base';

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

/** Counts per key in windows of a minute. */
export interface RateLimits {
  allows(key: string): boolean;
  count(key: string): void;
}

/** Bounded in memory: with more keys than it holds, the oldest is forgotten. */
export function createRateLimits(clock: Clock, perMinute: number): RateLimits {
  const windows = new Map<string, { startMs: number; count: number }>();
  const current = (key: string): { startMs: number; count: number } | undefined => {
    const window = windows.get(key);
    return window === undefined || clock.monotonic() - window.startMs >= WINDOW_MS ? undefined : window;
  };
  return {
    allows: (key) => (current(key)?.count ?? 0) < perMinute,
    count(key) {
      const window = current(key);
      if (window !== undefined) {
        window.count++;
        return;
      }
      windows.delete(key);
      windows.set(key, { startMs: clock.monotonic(), count: 1 });
      const oldest = windows.keys().next();
      if (windows.size > MAX_KEYS && !oldest.done) windows.delete(oldest.value);
    },
  };
}
