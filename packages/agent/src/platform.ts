import type { Clock, Log, Random, Timers } from '@meltemi/base';

/** Time and randomness as ports, together. */
export interface Platform {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** The process's own clock, timers and randomness. */
export function systemPlatform(log: Log): Platform {
  return {
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    timers: {
      after(delayMs, run) {
        const timer = setTimeout(run, delayMs);
        return { cancel: () => clearTimeout(timer) };
      },
    },
    random: { next: () => Math.random() },
    log,
  };
}
