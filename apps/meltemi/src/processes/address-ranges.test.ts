import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRanges } from './address-ranges.ts';

test('ranges of addresses: several words, several in a word; what is none is told with its flag', () => {
  assert.deepEqual(readRanges([], '--x'), []);
  assert.deepEqual(readRanges(['10.0.0.0/8,fd00::/8', '192.0.2.1'], '--x'), ['10.0.0.0/8', 'fd00::/8', '192.0.2.1']);
  assert.throws(() => readRanges(['10.0.0.0/33'], '--x'), { code: 'cli/usage', message: /^--x: "10\.0\.0\.0\/33" is no range of IP addresses/ });
});
