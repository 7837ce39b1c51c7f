import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadStore } from './head-store.ts';

test('kept heads stay what they were, and each keeps little more than itself in memory', () => {
  const store = new HeadStore();
  const read = Buffer.alloc(64 * 1024);
  const kept = Array.from({ length: 1_000 }, (_, n) => {
    const length = read.write(`head ${n} ${'x'.repeat(n % 7 === 0 ? 6_000 : 300)}`, 0, 'latin1');
    return { n, ...store.keep({ bytes: read, start: 0, end: length }) };
  });
  read.fill(0);
  for (const { n, bytes, start, end } of kept) {
    assert.ok(bytes.toString('latin1', start, end).startsWith(`head ${n} x`));
    assert.ok(bytes.buffer.byteLength <= Math.max(4_096, end - start), `${bytes.buffer.byteLength} bytes for ${end - start}`);
  }
});
