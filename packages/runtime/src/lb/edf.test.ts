import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSchedule } from './edf.ts';

function turns(weights: readonly number[], picks: number, start = 0): readonly number[] {
  const schedule = createSchedule(weights.length, (index) => weights[index] as number, start);
  const counts = weights.map(() => 0);
  for (let at = 0; at < picks; at++) counts[schedule.next()]!++;
  return counts;
}

test('any run of turns holds the shares of the weights, to one turn of each entry', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(weights, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.integer({ min: 1, max: 500 }), (list, start, picks) => {
      const total = list.reduce((sum, weight) => sum + weight, 0);
      for (const [index, count] of turns(list, picks, start).entries()) {
        const share = (list[index] as number) / total;
        // Each entry may be a turn ahead or behind; this one's share of all those turns falls to it as well.
        assert.ok(Math.abs(count - picks * share) <= 1 + list.length * share + 1e-9, `${count} of ${picks} for ${list[index]} of ${total}`);
      }
    }),
  );
});

test('whole rounds are exact', () => {
  assert.deepEqual(turns([1, 2, 5], 80), [10, 20, 50]);
  assert.deepEqual(turns([7], 5), [5]);
});

test('a weight that changes counts from the next turn on', () => {
  const weights = [1, 1];
  const schedule = createSchedule(2, (index) => weights[index] as number, 0);
  for (let at = 0; at < 4; at++) schedule.next();
  weights[0] = 9;
  const counts = [0, 0];
  for (let at = 0; at < 100; at++) counts[schedule.next()]!++;
  assert.ok(Math.abs((counts[0] ?? 0) - 90) <= 1, String(counts));
});
