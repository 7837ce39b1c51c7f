import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmurHash2, xxHash64 } from './hash64.ts';

/** Values of the reference implementations (libxxhash 0.8.1; libstdc++'s hash of bytes). */
const XXH64: readonly (readonly [text: string, hash: bigint, withSeed7: bigint])[] = [
  ['', 17241709254077376921n, 10804243736805655561n],
  ['foo', 3728699739546630719n, 8283876513818656790n],
  ['0123456', 10947775587556478458n, 15063290464222945633n],
  ['127.0.0.1:8080_0', 17758718331481029156n, 4674413847233300943n],
  ['x'.repeat(31), 6979749295578388976n, 3999705164144088606n],
  ['x'.repeat(32), 16347827090234290411n, 4603572048508418820n],
  ['The quick brown fox jumps over the lazy dog, twice over.', 18131306071215394756n, 442959325017982808n],
];

test('XXH64', () => {
  for (const [text, hash, seeded] of XXH64) assert.deepEqual([xxHash64(text), xxHash64(text, 7n)], [hash, seeded], text);
});

const MURMUR: readonly (readonly [text: string, hash: bigint])[] = [
  ['', 6142509188972423790n],
  ['foo', 9631199822919835226n],
  ['bar', 11474628671133349555n],
  ['bazbazbaz', 1098108773576736967n],
  ['a'.repeat(16), 826992565550542766n],
];

test('MurmurHash2', () => {
  for (const [text, hash] of MURMUR) assert.equal(murmurHash2(text), hash, text);
});
