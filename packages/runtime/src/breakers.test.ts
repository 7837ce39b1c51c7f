import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBreakers } from './compile/breakers.ts';
import { Recent } from './compile/recent.ts';
import type { Breaker } from './compiled.ts';
import { cluster } from './testing/samples.ts';

const EDS = { type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };

function breaker(budget: object): Breaker {
  const limits = { circuit_breakers: { thresholds: [{ retry_budget: budget }] } };
  return createBreakers(cluster({ name: 'c', ...EDS, ...limits }), undefined).breakers.default;
}

/** Requests one after another, each of which would be tried a second time: the numbers of those that were. */
function retried({ usage, began, mayRetry }: Breaker, requests: number, nowMs = 0): readonly number[] {
  const numbers: number[] = [];
  for (let number = 1; number <= requests; number++) {
    usage.requests++;
    began(nowMs);
    if (mayRetry(nowMs)) {
      numbers.push(number);
      began(nowMs);
    }
    usage.requests--;
  }
  return numbers;
}

test('a budget is a part of the requests under way, rounded down, and at least so many', () => {
  assert.deepEqual(retried(breaker({ budget_percent: { value: 100 }, min_retry_concurrency: 0 }), 3), [1, 2, 3]);
  assert.deepEqual(retried(breaker({ budget_percent: { value: 99 }, min_retry_concurrency: 0 }), 3), []);
  assert.deepEqual(retried(breaker({ budget_percent: { value: 1 }, min_retry_concurrency: 1 }), 3), [1, 2, 3]);
});

// The numbers are those of Envoy 1.40, found by the same requests.
test('with an interval it is a part of the attempts that were begun within it', () => {
  const budget = { budget_interval: '3s', min_retry_concurrency: 0 };
  assert.deepEqual(retried(breaker({ ...budget, budget_percent: { value: 10 } }), 12), [10, 11, 12]);
  assert.deepEqual(retried(breaker({ ...budget, budget_percent: { value: 50 } }), 4), [2, 3, 4]);
  const again = breaker({ ...budget, budget_percent: { value: 10 } });
  assert.deepEqual(retried(again, 9, 10_000), []);
  assert.deepEqual(retried(again, 2, 12_000), [1, 2]);
  // Forgotten by now; attempts of retries count too.
  assert.deepEqual(retried(again, 7, 14_500), [6, 7]);
});

test('what counts goes on counting over an update, unless the interval is another one', () => {
  const of = (interval: string): ReturnType<typeof cluster> =>
    cluster({ name: 'c', ...EDS, circuit_breakers: { thresholds: [{ retry_budget: { budget_interval: interval } }] } });
  const before = createBreakers(of('3s'), undefined);
  before.breakers.default.began(0);
  const counts = (interval: string): number => {
    const { usage } = createBreakers(of(interval), { ...before } as Parameters<typeof createBreakers>[1]);
    return usage.recent?.count(100) ?? -1;
  };
  assert.deepEqual([counts('3s'), counts('4s')], [1, 0]);
});

test('times of an interval are forgotten in parts', () => {
  const recent = new Recent(1000);
  for (let now = 0; now < 1000; now += 100) recent.add(now);
  assert.deepEqual(
    [950, 1000, 1100, 1450, 1890, 1950, 9000].map((now) => recent.count(now)),
    [10, 9, 8, 5, 1, 0, 0],
  );
  recent.add(9000);
  assert.equal(recent.count(9010), 1);
});
