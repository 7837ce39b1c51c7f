import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JwksSource } from '@meltemi/runtime';
import type { Worker } from '../../core/worker.ts';
import { createFakeTime, type FakeTime } from '../../testing/fake-time.ts';
import { keysOf, onKeys } from './jwks-store.ts';

type Remote = JwksSource & { readonly t: 'remote' };

interface Setting {
  readonly time: FakeTime;
  readonly source: Remote;
  /** When keys were fetched, in milliseconds since the start. */
  readonly fetches: readonly number[];
  /** How often those who waited have been told of an end. */
  readonly told: () => number;
  /** A token asks for the keys, and waits if need be. */
  ask(): string;
}

/** A source that can never be fetched, for its cluster is not there, on a clock that the test moves. `random` makes the waits shorter. */
function setting(more: Partial<Remote>, random = 1): Setting {
  const time = createFakeTime();
  const fetches: number[] = [];
  let told = 0;
  const source: Remote = {
    t: 'remote',
    cluster: 'keys',
    authority: 'keys',
    path: '/jwks',
    timeoutMs: 1_000,
    cacheMs: 60_000,
    retries: 0,
    backOffMs: 0,
    maxBackOffMs: 0,
    ...more,
  };
  // What a fetch needs that comes to nothing.
  const worker = {
    ports: { timers: time.timers },
    random: () => random,
    wheel: { now: () => time.clock.monotonic(), remove() {} },
    state: { cluster: () => void fetches.push(time.clock.monotonic()) },
  } as unknown as Worker;
  return {
    time,
    source,
    fetches,
    told: () => told,
    ask() {
      const keys = keysOf(worker, source);
      if (keys === 'pending') onKeys(worker, source, () => void told++);
      return typeof keys === 'string' ? keys : 'keys';
    },
  };
}

const RETRIES = { retries: 4, backOffMs: 100, maxBackOffMs: 500 };

test('the wait before another fetch doubles up to its limit; however many ask meanwhile, there is one fetch, and all are told at its end', () => {
  const { time, fetches, told, ask } = setting(RETRIES);
  for (let at = 0; at < 1_200; at += 10) {
    assert.equal(ask(), 'pending');
    time.advance(10);
  }
  assert.deepEqual(fetches.slice(0, 5), [0, 100, 300, 700, 1_200]);
  assert.equal(told(), 120);
});

test('proxies that failed together do not come back together: each wait is a share of the whole', () => {
  const { time, fetches, ask } = setting(RETRIES, 0.25);
  ask();
  time.advance(10_000);
  assert.deepEqual(fetches, [0, 25, 75, 175, 300]);
});

test('in the background a server of keys that fails is left alone for as long as is said, and tokens are refused meanwhile', () => {
  const { time, fetches, told, ask } = setting({ refetchMs: 1_000 });
  assert.equal(ask(), 'pending');
  time.advance(0);
  assert.equal(told(), 1);
  for (let at = 0; at < 3_000; at += 10) {
    time.advance(10);
    ask();
  }
  assert.deepEqual(fetches, [0, 1_000, 2_000, 3_000]);
});

test('asked for by tokens alone, a server that fails is asked again by the next token, one at a time', () => {
  const { time, fetches, told, ask } = setting({});
  for (let token = 0; token < 50; token++) assert.equal(ask(), 'pending');
  time.advance(0);
  assert.deepEqual([fetches, told()], [[0], 50]);
  time.advance(10);
  for (let token = 0; token < 50; token++) ask();
  time.advance(0);
  assert.deepEqual([fetches, told()], [[0, 10], 100]);
});
