import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIds } from './ids.ts';

test('UUIDs are of version 4 (RFC 9562), ids are hexadecimal, and none comes twice', () => {
  const ids = createIds();
  const uuids = Array.from({ length: 5000 }, () => ids.uuid());
  for (const uuid of uuids) assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const others = Array.from({ length: 5000 }, (_, i) => ids.hex(i % 2 === 0 ? 8 : 16));
  for (const [i, id] of others.entries()) assert.match(id, i % 2 === 0 ? /^[0-9a-f]{16}$/ : /^[0-9a-f]{32}$/);
  assert.equal(new Set([...uuids, ...others]).size, 10_000);
  // Each of the free digits takes every value.
  for (let place = 0; place < 36; place++) {
    const values = new Set(uuids.map((uuid) => uuid[place])).size;
    assert.equal(values, [8, 13, 14, 18, 23].includes(place) ? 1 : place === 19 ? 4 : 16, `digit ${place}`);
  }
});
