import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from './counters.ts';

test('a name keeps its number over a reset; names beyond the bound are counted together; gauges go on', () => {
  const counters = new Counters(2);
  const kept = counters.tally('a');
  kept.value += 3;
  counters.add('b', 2);
  for (const name of ['c', 'd', 'c']) counters.add(name);
  counters.gauge('g').value = 4;
  assert.deepEqual(counters.counters, { a: 3, b: 2, 'server.stats_overflow': 3 });
  counters.reset();
  kept.value++;
  assert.equal(counters.tally('a'), kept);
  assert.deepEqual(counters.counters, { a: 1, b: 0, 'server.stats_overflow': 0 });
  assert.deepEqual([counters.gauges, counters.get('b'), counters.get('unknown')], [{ g: 4 }, 0, 0]);
});
