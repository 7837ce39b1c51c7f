import type { Clock, Timers } from '@meltemi/base';

/** A clock and timers that tests move by hand. */
export interface FakeTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Runs every timer that is due within so long, in order. */
  advance(ms: number): void;
  pending(): number;
}

export function createFakeTime(startMs = 0): FakeTime {
  let now = startMs;
  let sequence = 0;
  const queue = new Map<number, { at: number; run: () => void }>();
  return {
    clock: { now: () => now + 1_700_000_000_000, monotonic: () => now },
    timers: {
      after(delayMs, run) {
        const id = sequence++;
        queue.set(id, { at: now + delayMs, run });
        return { cancel: () => void queue.delete(id) };
      },
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        let first = -1;
        for (const [id, entry] of queue) if (entry.at <= until && (first < 0 || entry.at < (queue.get(first)?.at ?? Infinity))) first = id;
        const entry = queue.get(first);
        if (entry === undefined) break;
        queue.delete(first);
        now = Math.max(now, entry.at);
        entry.run();
      }
      now = until;
    },
    pending: () => queue.size,
  };
}
