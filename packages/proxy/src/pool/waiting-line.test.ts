import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Breaker, CompiledCluster } from '@meltemi/runtime';
import type { PoolWaiter } from './pool-waiter.ts';
import { WaitingLine } from './waiting-line.ts';

interface Setting {
  readonly line: WaitingLine;
  readonly counts: { rqPending: number; rqPendingOverflow: number; rqCancelled: number; rqPendingFailure: number };
  readonly usage: { pending: number };
  /** How often it was looked at who waits. */
  readonly looks: () => number;
  add(waiter: PoolWaiter): boolean;
}

function setting(maxPendingRequests: number): Setting {
  let looks = 0;
  const counts = { rqPending: 0, rqPendingOverflow: 0, rqCancelled: 0, rqPendingFailure: 0 };
  const usage = { pending: 0 };
  // Of both the line reads what stands here.
  const cluster = { counts } as unknown as CompiledCluster;
  const breaker = { usage, limits: { maxPendingRequests } } as unknown as Breaker;
  const line = new WaitingLine();
  return {
    line,
    counts,
    usage,
    looks: () => looks,
    add: (waiter) =>
      line.add({
        get waiter() {
          looks++;
          return waiter;
        },
        cluster,
        breaker,
      }),
  };
}

const waiter = (failed: string[] = [], name = ''): PoolWaiter => ({
  upstreamAuthority: '',
  onPoolReady() {},
  onPoolFailure: () => void failed.push(name),
});

test('who leaves costs the same wherever it stands: thousands that leave together cost no more than they cost to come', () => {
  const { line, counts, usage, looks, add } = setting(10_000);
  const all = Array.from({ length: 10_000 }, () => waiter());
  for (const one of all) assert.ok(add(one));
  assert.equal(add(waiter()), false);
  for (const one of all.toReversed()) line.cancel(one);
  assert.equal(line.length, 0);
  assert.deepEqual({ ...counts, ...usage }, { rqPending: 10_000, rqPendingOverflow: 1, rqCancelled: 10_000, rqPendingFailure: 0, pending: 0 });
  assert.ok(looks() <= 3 * all.length, `${looks()} looks`);
});

test('the order stays that of coming, whoever leaves; who has left or been served leaves no second time', () => {
  const { line, counts, usage, add } = setting(10);
  const failed: string[] = [];
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => waiter(failed, name)) as [
    PoolWaiter,
    PoolWaiter,
    PoolWaiter,
    PoolWaiter,
    PoolWaiter,
  ];
  for (const one of [a, b, c, d, e]) add(one);
  line.cancel(c);
  line.cancel(c);
  line.cancel(a);
  assert.equal(line.first?.waiter, b);
  assert.equal(line.take()?.waiter, b);
  line.cancel(b);
  assert.deepEqual([line.length, usage.pending, counts.rqCancelled], [2, 2, 2]);
  line.cancel(e);
  add(a);
  line.fail(5, 'gone');
  assert.deepEqual(failed, ['d', 'a']);
  assert.deepEqual([line.length, line.first, line.take(), usage.pending, counts.rqPendingFailure], [0, undefined, undefined, 0, 2]);
});

test('who comes back when told that there is no connection stands in the line anew', () => {
  const { line, add } = setting(10);
  let told = 0;
  const back: PoolWaiter = { ...waiter(), onPoolFailure: () => void (told++, add(back)) };
  add(back);
  line.fail(3, 'gone');
  assert.deepEqual([told, line.length], [1, 1]);
  line.cancel(back);
  assert.equal(line.length, 0);
});
