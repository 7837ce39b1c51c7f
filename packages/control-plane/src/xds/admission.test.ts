import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timers } from '@meltemi/base';
import fc from 'fast-check';
import { createAdmission, type Waiter } from './admission.ts';

/** Time that moves when told. */
function manualTimers(): Timers & { advance(ms: number): void } {
  const due = new Set<{ readonly atMs: number; run(): void }>();
  let nowMs = 0;
  return {
    after(delayMs, run) {
      const entry = { atMs: nowMs + delayMs, run };
      due.add(entry);
      return { cancel: () => void due.delete(entry) };
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = [...due].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined) break;
        due.delete(next);
        nowMs = next.atMs;
        next.run();
      }
      nowMs = endMs;
    },
  };
}

const waiterOf = (identity: string): Waiter & { turns: number } => ({
  identity,
  turns: 0,
  pump() {
    this.turns++;
  },
});

test('an identity that opens many streams and says nothing keeps another from nothing', () => {
  const timers = manualTimers();
  const late: [string, number][] = [];
  const admission = createAdmission({ places: 8, timers, patienceMs: 1_000, onLate: (...told) => late.push(told) });
  const idle = Array.from({ length: 500 }, () => waiterOf('hostile'));
  for (const one of idle) admission.enter(one);
  assert.equal(idle.filter((one) => admission.isAdmitted(one)).length, 6);
  const honest = [waiterOf('honest'), waiterOf('other'), waiterOf('third')];
  for (const one of honest) admission.enter(one);
  assert.deepEqual(
    honest.map((one) => admission.isAdmitted(one)),
    [true, true, false],
  );
  const [first] = honest;
  assert.ok(first !== undefined);
  admission.leave(first);
  assert.equal(honest[2]?.turns, 1);
  assert.equal(late.length, 0);
});

test('those of the same identity wait a moment, not a second for every idle one; one that behaves gets its time back', () => {
  const timers = manualTimers();
  const late: number[] = [];
  const admission = createAdmission({ places: 8, timers, patienceMs: 1_000, onLate: (_, times) => late.push(times) });
  for (let count = 0; count < 96; count++) admission.enter(waiterOf('same'));
  const own = waiterOf('same');
  admission.enter(own);
  // 16 turns of 6: the first takes a second, the rest a sixteenth of it.
  timers.advance(2_000);
  assert.equal(own.turns, 1);
  assert.ok(late.length >= 90, `${late.length}`);
});

test('whatever comes and goes: never more than the places, nobody is forgotten, and nothing is kept of those who left', () => {
  const action = fc.record({
    who: fc.integer({ min: 0, max: 30 }),
    identity: fc.constantFrom('a', 'b', 'c'),
    what: fc.constantFrom('in', 'out', 'time'),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (actions, places) => {
      const timers = manualTimers();
      const admission = createAdmission({ places, timers, patienceMs: 100 });
      const present = new Map<number, Waiter & { turns: number }>();
      for (const { who, identity, what } of actions) {
        const waiter = present.get(who);
        if (what === 'time') timers.advance(7);
        else if (waiter !== undefined) {
          present.delete(who);
          admission.leave(waiter);
        } else if (what === 'in') {
          const fresh = waiterOf(identity);
          present.set(who, fresh);
          admission.enter(fresh);
        }
        for (const one of present.values()) assert.ok(one.turns <= 1);
      }
      // All are served in the end, as every place comes back.
      timers.advance(100_000);
      for (const one of present.values()) assert.ok(admission.isAdmitted(one));
    }),
  );
});
