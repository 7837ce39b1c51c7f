import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDeframer, createPacedWriter, framePrefix, writeFramed } from './framing.ts';
import { decodeMessage, encodeMessage, formatTimeout, parseTimeout } from './metadata.ts';

function frames(messages: readonly Uint8Array[]): Buffer {
  const out: Uint8Array[] = [];
  for (const message of messages) writeFramed({ cork() {}, uncork() {}, write: (chunk) => out.push(chunk) > 0 }, [message]);
  return Buffer.concat(out);
}

test('any split of the bytes gives the same messages', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 20 }), (messages, cuts) => {
      const bytes = frames(messages);
      const places = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b);
      const deframer = createDeframer(1000);
      const found: Uint8Array[] = [];
      let from = 0;
      for (const to of [...places, bytes.length]) {
        found.push(...deframer.push(bytes.subarray(from, to)));
        from = to;
      }
      assert.deepEqual(
        found.map((message) => [...message]),
        messages.map((message) => [...message]),
      );
      assert.ok(deframer.atBoundary);
    }),
  );
});

test('large messages go out in slices, each when the one before has gone', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(300_000), { maxLength: 4 }), { minLength: 1, maxLength: 5 }), fc.nat(3), (messages, eager) => {
      const out: Uint8Array[] = [];
      let isFull = false;
      let pending = 0;
      let drains: (() => void)[] = [];
      const writer = createPacedWriter({
        cork() {},
        uncork() {},
        destroyed: false,
        get writableNeedDrain() {
          return isFull;
        },
        write(chunk) {
          out.push(chunk);
          pending += chunk.length;
          isFull = true;
          return false;
        },
        once: (_, run) => drains.push(run),
      });
      const drain = (): void => {
        assert.ok(pending <= 64 * 1024 + 5, `${pending} bytes at once`);
        [pending, isFull] = [0, false];
        for (const run of drains.splice(0)) run();
      };
      const sent = messages.map((sizes, index) => sizes.map((size) => new Uint8Array(size).fill(index + 1)));
      for (const [index, message] of sent.entries()) {
        writer.write(message);
        if (index < eager) drain();
      }
      let told = writer.isWaiting ? 0 : 1;
      if (writer.isWaiting) writer.onDrain(() => told++);
      for (let i = 0; i < 100 && writer.isWaiting; i++) drain();
      assert.equal(told, 1);
      assert.ok(Buffer.concat(out).equals(frames(sent.map((parts) => Buffer.concat(parts)))));
    }),
    { numRuns: 50 },
  );
});

test('a message of very many parts is written like any other', () => {
  const out: Uint8Array[] = [];
  const stream = { cork() {}, uncork() {}, destroyed: false, writableNeedDrain: false, write: (chunk: Uint8Array) => out.push(chunk) > 0, once() {} };
  const part = Uint8Array.of(7);
  createPacedWriter(stream).write(Array.from({ length: 200_000 }, () => part));
  assert.equal(out.length, 200_001);
});

test('a message over the limit is refused by its prefix alone, a compressed one by its flag', () => {
  assert.throws(() => createDeframer(10).push(framePrefix(11)), { code: 'grpc/resource-exhausted' });
  assert.throws(() => createDeframer(10).push(Uint8Array.from([1, 0, 0, 0, 1, 0])), { code: 'grpc/unimplemented' });
});

test('time-outs and messages survive the wire', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 90_000_000_000 }), (ms) => parseTimeout(formatTimeout(ms))! >= ms));
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => decodeMessage(encodeMessage(text)) === text));
  assert.equal(parseTimeout('1S'), 1000);
  assert.equal(parseTimeout('123456789S'), undefined);
  assert.equal(decodeMessage('50%'), '50%');
});
