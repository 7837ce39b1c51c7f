import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressBook } from './address-book.ts';
import type { ReadResource } from './resources.ts';

function listener(name: string, port: number, bindToPort = true): ReadResource {
  return {
    name,
    version: '1',
    json: {},
    unknown: [],
    result: { t: 'good', value: { name, bindToPort, addresses: [{ address: '127.0.0.1', port }] } },
  };
}

const verdicts = (read: readonly ReadResource[]): readonly string[] => read.map(({ name, result }) => `${name} ${result.t}`);

test('an address belongs to one listener; it may change hands, and what binds none takes none', () => {
  const book = createAddressBook();
  assert.deepEqual(verdicts(book.take([listener('a', 1), listener('b', 2)], [])), ['a good', 'b good']);
  const [refused] = book.take([listener('c', 1)], []);
  assert.deepEqual(refused?.result, { t: 'bad', message: 'c: address: 127.0.0.1:1 is the address of listener "a" already' });
  assert.deepEqual(verdicts(book.take([listener('a', 2), listener('b', 1)], [])), ['a good', 'b good'], 'swapped');
  assert.deepEqual(verdicts(book.take([listener('b', 2)], [])), ['b bad']);
  assert.deepEqual(verdicts(book.take([listener('c', 1)], [])), ['c bad'], 'what was refused keeps the old address');
  assert.deepEqual(verdicts(book.take([listener('c', 1)], ['b'])), ['c good']);
  assert.deepEqual(verdicts(book.take([listener('virtual', 1, false), listener('free', 0), listener('free2', 0)], [])), [
    'virtual good',
    'free good',
    'free2 good',
  ]);
});
