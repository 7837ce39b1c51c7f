import type { Clock, Log, Random, Timers } from '@meltemi/base';

/** The process's own clock. */
export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** The process's own timers; they do not keep it alive. */
export const systemTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The same; runs that fail are logged: a mistake of our own that some input brings to light is not the end of the process. */
export function guardedTimers(log: Log): Timers {
  return {
    after: (delayMs, run) =>
      systemTimers.after(delayMs, () => {
        try {
          run();
        } catch (error) {
          log.error('a timed task failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
        }
      }),
  };
}

export const systemRandom: Random = { next: () => Math.random() };
