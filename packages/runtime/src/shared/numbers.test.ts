import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedNumbers, sharedBytes, type SharedPlace } from './numbers.ts';

/** Two threads over the same memory; what they hold is let go by hand. */
function twoThreads(things: number) {
  const memory = new SharedArrayBuffer(sharedBytes(things));
  return [0, 1].map(() => {
    const ends = new Map<object, () => void>();
    const numbers = new SharedNumbers(memory, 0, (thing, then) => void ends.set(thing, then));
    return {
      hold(name: string): SharedPlace {
        const place = numbers.place(name);
        assert.ok(place !== undefined, `no room for ${name}`);
        return place;
      },
      place: (name: string) => numbers.place(name),
      letGo: (place: SharedPlace): void => ends.get(place)?.(),
    };
  });
}

test('names come and go for ever, where few are held at a time', () => {
  const [one, other] = twoThreads(64);
  assert.ok(one !== undefined && other !== undefined);
  const stays = one.hold('stays');
  stays.set(0, 7);
  for (let at = 0; at < 10_000; at++) {
    const place: SharedPlace = one.hold(`host ${at}`);
    assert.deepEqual([place.get(0), place.time], [0, 0n], 'nothing is left of what was there');
    place.add(0, 1);
    place.exchangeTime(0n, 5n);
    const same = other.hold(`host ${at}`);
    assert.equal(same.get(0), 1, 'the other thread finds it');
    one.letGo(place);
    assert.equal(same.get(0), 1, 'as long as one holds it');
    other.letGo(same);
  }
  assert.equal(other.hold('stays').get(0), 7);
});

test('without room there is none, until somebody lets go', () => {
  const [one, other] = twoThreads(8);
  assert.ok(one !== undefined && other !== undefined);
  const held = Array.from({ length: 8 }, (_, at) => one.hold(`${at}`));
  assert.equal(other.place('more'), undefined);
  const [, , , fourth] = held;
  assert.ok(fourth !== undefined);
  one.letGo(fourth);
  other.hold('more').set(0, 1);
  assert.equal(one.hold('more').get(0), 1);
  for (const [at, place] of held.entries()) if (at !== 3) assert.equal(place.get(0), 0);
});

test('a thread that ended with the lock in its hands does not hold the others up', () => {
  const memory = new SharedArrayBuffer(sharedBytes(8));
  new Int32Array(memory)[0] = 1;
  assert.ok(new SharedNumbers(memory).place('x') !== undefined);
});
