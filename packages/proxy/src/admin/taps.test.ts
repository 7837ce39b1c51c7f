import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { TapTrace } from '../tap/trace.ts';
import { Taps } from './taps.ts';

const TRACE: TapTrace = { http_streamed_trace_segment: { trace_id: '1' } };

test('a tap that is open for long keeps nothing of the waits behind it', async () => {
  const taps = new Taps();
  const id = taps.open();
  assert.ok(id !== undefined);
  const { signal } = new AbortController();
  for (let i = 0; i < 50; i++) {
    const next = taps.next(signal);
    taps.take(id, TRACE);
    assert.equal((await next).length, 1);
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('who waits is told when the tap closes, and when the reader goes', async () => {
  const taps = new Taps();
  taps.open();
  const open = new AbortController();
  const closed = taps.next(open.signal);
  taps.close();
  assert.deepEqual(await closed, []);
  taps.open();
  const left = taps.next(open.signal);
  open.abort();
  assert.deepEqual(await left, []);
});

test('traces that are gathered are told when no more can be kept, though fewer came than were asked for', async () => {
  const taps = new Taps();
  const id = taps.open();
  assert.ok(id !== undefined);
  const gathered = taps.gather(1_000, new AbortController().signal);
  const large: TapTrace = { http_streamed_trace_segment: { trace_id: 'x'.repeat(1024 * 1024) } };
  for (let i = 0; i < 5; i++) taps.take(id, large);
  const settled = await Promise.race([gathered, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
  assert.equal(settled?.length, 3);
});
