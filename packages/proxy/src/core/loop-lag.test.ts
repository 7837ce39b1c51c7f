import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoopLag } from './loop-lag.ts';
import { DEFAULT_OVERLOAD, Overload } from './overload.ts';

/** A thread whose timers come late by as much as is said. */
function lateThread() {
  let nowMs = 1_000;
  let run: (() => void) | undefined;
  const timers = {
    after(_delayMs: number, then: () => void) {
      run = then;
      return { cancel() {} };
    },
  };
  const lag = new LoopLag({ monotonic: () => nowMs }, timers);
  return {
    lag,
    get nowMs() {
      return nowMs;
    },
    get idle() {
      return run === undefined;
    },
    /** The next looks, each after so long; `works`: something comes between them. */
    look(afterMs: number, times: number, works: boolean) {
      for (let at = 0; at < times; at++) {
        if (works) lag.touch();
        nowMs += afterMs;
        const then = run;
        run = undefined;
        then?.();
      }
    },
  };
}

test('a thread is late when it is so look after look; nobody looks while nothing comes', () => {
  const thread = lateThread();
  assert.deepEqual([thread.lag.ms, thread.idle], [0, true]);
  thread.look(325, 3, true);
  assert.equal(thread.lag.ms, 0, 'three looks are not enough');
  thread.look(425, 1, true);
  assert.equal(thread.lag.ms, 300, 'the least of them counts');
  thread.look(25, 1, true);
  assert.equal(thread.lag.ms, 0, 'one in time ends it');
  thread.look(325, 4, true);
  assert.deepEqual([thread.lag.ms, thread.idle], [300, false]);
  thread.look(325, 1, false);
  assert.deepEqual([thread.lag.ms, thread.idle], [0, true], 'it rests when nothing has come');
});

const NOTHING_SHED = [undefined, undefined, undefined, undefined];

test('the later the thread, the more is shed; at twice the limit all, and no connection is taken', () => {
  const thread = lateThread();
  let drawn = 0.5;
  const overload = new Overload({ ...DEFAULT_OVERLOAD, maxLoopLagMs: 200 }, { memory: () => 0.1, lag: thread.lag, random: () => drawn });
  const at = (lateMs: number): readonly unknown[] => {
    thread.look(lateMs + 25, 4, true);
    const shed = [0, 0.49, 0.51, 0.99].map((share) => ((drawn = share), overload.sheds(thread.nowMs)));
    const refused = overload.opened('any', 0, true, thread.nowMs);
    if (refused === undefined) overload.closed();
    const { lagMs, lag, shedShare, refusesConnections } = overload.figures(thread.nowMs);
    return [shed, refused, lagMs, lag, shedShare, refusesConnections];
  };
  assert.deepEqual(at(200), [NOTHING_SHED, undefined, 200, 0.5, 0, false]);
  assert.deepEqual(at(300), [['lag', 'lag', undefined, undefined], undefined, 300, 0.75, 0.5, false]);
  assert.deepEqual(at(400), [['lag', 'lag', 'lag', 'lag'], 'lag', 400, 1, 1, true]);
  assert.deepEqual(at(0), [NOTHING_SHED, undefined, 0, 0, 0, false]);
  const unlimited = new Overload(DEFAULT_OVERLOAD, { memory: () => 0.1, lag: thread.lag });
  thread.look(10_000, 4, true);
  assert.equal(unlimited.sheds(thread.nowMs), undefined);
});
