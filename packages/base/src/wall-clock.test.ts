import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onceOutside } from './wall-clock.ts';

/** A wall clock that is set by hand, and timers that know nothing of it. */
function time(nowMs: number) {
  let now = nowMs;
  let timer: { readonly delayMs: number; readonly run: () => void } | undefined;
  return {
    clock: { now: () => now },
    timers: {
      after(delayMs: number, run: () => void) {
        const mine = { delayMs, run };
        timer = mine;
        return { cancel: () => void (timer === mine && (timer = undefined)) };
      },
    },
    set: (ms: number) => void (now = ms),
    /** Lets the timer that is set run out; what it waited, undefined when none is set. */
    next(): number | undefined {
      const due = timer;
      timer = undefined;
      if (due === undefined) return undefined;
      now += due.delayMs;
      due.run();
      return due.delayMs;
    },
  };
}

test('what waits for the wall clock runs in time, and soon when that was set or stood still, and once', () => {
  const runs: number[] = [];
  const start = (untilMs: number): ReturnType<typeof time> => {
    const moved = time(100_000);
    onceOutside(moved, { fromMs: 50_000, untilMs }, () => runs.push(moved.clock.now()));
    return moved;
  };
  const still = start(125_000);
  assert.deepEqual([still.next(), still.next(), still.next(), still.next(), runs], [10_000, 10_000, 5_000, undefined, [125_000]]);

  const slept = start(1_000_000);
  slept.set(5_000_000);
  assert.deepEqual([slept.next(), slept.next(), runs.at(-1)], [10_000, undefined, 5_010_000], 'the machine slept');

  const setBack = start(1_000_000);
  setBack.set(20_000);
  assert.deepEqual([setBack.next(), setBack.next(), runs.at(-1)], [10_000, undefined, 30_000], 'before the span');

  const over = start(90_000);
  assert.deepEqual([over.next(), runs.length], [1_000, 4], 'over already: no busy loop');

  const cancelled = time(0);
  const timer = onceOutside(cancelled, { fromMs: 0, untilMs: 60_000 }, () => runs.push(0));
  cancelled.next();
  timer.cancel();
  assert.deepEqual([cancelled.next(), runs.length], [undefined, 4]);
});
