import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDeadline, TimerWheel } from './timer-wheel.ts';
import { createFakeTime } from '../testing/fake-time.ts';

test('runs nothing early, nothing more than a slot late, nothing cleared', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ start: fc.nat(5000), delay: fc.oneof(fc.nat(300), fc.nat(400_000)), again: fc.option(fc.nat(20_000)), clear: fc.boolean() }),
        { maxLength: 40 },
      ),
      (cases) => {
        const time = createFakeTime();
        const wheel = new TimerWheel(time.clock, time.timers);
        const late: string[] = [];
        for (const c of cases) {
          let expected = Infinity;
          let ran = 0;
          const deadline = createDeadline(() => {
            ran++;
            const now = time.clock.monotonic();
            if (now < expected || now > expected + 17) late.push(`ran at ${now}, expected ${expected}`);
          });
          time.timers.after(c.start, () => {
            const now = time.clock.monotonic();
            expected = now + c.delay;
            wheel.set(deadline, now, c.delay);
          });
          if (c.again !== null) {
            const delay = c.again;
            time.timers.after(c.start + Math.floor(c.delay / 2), () => {
              if (ran > 0) return;
              const now = time.clock.monotonic();
              expected = now + delay;
              wheel.set(deadline, now, delay);
            });
          } else if (c.clear) {
            time.timers.after(c.start + Math.floor(c.delay / 2), () => {
              expected = Infinity;
              wheel.clear(deadline);
            });
          }
          time.timers.after(500_000, () => {
            if (expected !== Infinity && ran === 0) late.push(`never ran, expected ${expected}`);
          });
        }
        time.advance(500_001);
        assert.deepEqual(late, []);
        assert.equal(time.pending(), 0);
      },
    ),
    { numRuns: 200 },
  );
});

test('a deadline that removes its neighbours does not trip the walk', () => {
  const time = createFakeTime();
  const wheel = new TimerWheel(time.clock, time.timers);
  const ran: number[] = [];
  const all = [0, 1, 2, 3].map((i) =>
    createDeadline(() => {
      ran.push(i);
      for (const other of all) wheel.remove(other);
    }),
  );
  for (const deadline of all) wheel.set(deadline, 0, 10);
  time.advance(100);
  assert.equal(ran.length, 1);
});
