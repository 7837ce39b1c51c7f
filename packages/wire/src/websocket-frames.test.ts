import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketFrames, webSocketClose } from './websocket-frames.ts';

const FRAMES = [
  Uint8Array.of(0x81, 3, 1, 2, 3),
  Uint8Array.of(0x89, 0),
  Uint8Array.of(0x82, 0x82, 9, 9, 9, 9, 1, 2),
  Uint8Array.of(0x82, 126, 1, 0, ...new Uint8Array(256)),
  Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5, ...new Uint8Array(5)),
  webSocketClose(1001, 'bye'),
];

test('where frames end, whatever the pieces', () => {
  const all = Uint8Array.from(FRAMES.flatMap((frame) => [...frame]));
  const ends = new Set<number>([0]);
  let sum = 0;
  for (const frame of FRAMES) ends.add((sum += frame.length));
  for (const step of [1, 2, 3, 7, 64, all.length]) {
    const frames = new WebSocketFrames();
    for (let at = 0; at < all.length; at += step) {
      assert.equal(frames.between, ends.has(at), `step ${step}, byte ${at}`);
      frames.feed(all, at, Math.min(at + step, all.length));
    }
    assert.ok(frames.between);
  }
});

test('the closing frame of a server', () => {
  assert.deepEqual([...webSocketClose(1001, 'bye')], [0x88, 5, 0x03, 0xe9, 98, 121, 101]);
});
