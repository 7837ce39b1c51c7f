import type { Clock, Timer, Timers } from '@meltemi/base';

/** A clock and timers that move only when told. */
export interface ManualTime extends Clock, Timers {
  /** Moves time on and runs what is due, in order. */
  advance(ms: number): void;
  readonly waiting: number;
}

export function manualTime(start = Date.UTC(2026, 0, 1)): ManualTime {
  let now = start;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now - start,
    get waiting() {
      return timers.length;
    },
    after(delayMs, run): Timer {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return { cancel: () => void (timers = timers.filter((other) => other !== timer)) };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        now = Math.max(now, due.at);
        timers = timers.filter((timer) => timer !== due);
        due.run();
      }
      now = end;
    },
  };
}

/** Real timers that keep no process alive. */
export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
