import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LayeredMap } from './layered-map.ts';

test('two layers are what one map of both would be', () => {
  const maps = [
    [],
    [['a', 1]],
    [['a', 2]],
    [['b', 3]],
    [
      ['a', 4],
      ['b', 5],
      ['c', 6],
    ],
  ] as const;
  for (const below of maps) {
    for (const above of maps) {
      const layers = new LayeredMap<number>(new Map(below), new Map(above));
      const whole = new Map<string, number>([...below, ...above]);
      assert.equal(layers.size, whole.size);
      assert.deepEqual(new Map(layers), whole);
      assert.deepEqual([...layers.keys()].sort(), [...whole.keys()].sort());
      assert.deepEqual([...layers.values()].sort(), [...whole.values()].sort());
      for (const key of ['a', 'b', 'c', 'd']) assert.deepEqual([layers.get(key), layers.has(key)], [whole.get(key), whole.has(key)]);
      let seen = 0;
      layers.forEach((value, key, map) => (seen += map === layers && whole.get(key) === value ? 1 : 0));
      assert.equal(seen, whole.size);
    }
  }
});
