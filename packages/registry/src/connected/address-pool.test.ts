import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLoopbackPool, createSubnetPool } from './address-pool.ts';

const NETWORK = { bridge: 'mlt-1-br', gateway: '10.9.0.1', prefixLength: 29 };
const nothing = (): ReadonlySet<string> => new Set();

test('an address that was freed is given again only when all the others were', async () => {
  const subnet = createSubnetPool(NETWORK, nothing);
  const loopback = createLoopbackPool(() => Promise.resolve(() => undefined), 251);
  for (const pool of [subnet, loopback]) {
    const first = await pool.take();
    pool.free(first);
    assert.notEqual(await pool.take(), first);
  }
  assert.deepEqual([await subnet.take(), await subnet.take(), await subnet.take()], ['10.9.0.4', '10.9.0.5', '10.9.0.6']);
  assert.equal(await subnet.take(), '10.9.0.2');
  assert.equal(await loopback.take(), '127.2.0.1', 'around the end');
});

test('after a restart the turn goes on; an address that this machine has itself is given to nobody', async () => {
  let own = new Set(['10.9.0.4']);
  const pool = createSubnetPool(NETWORK, () => own);
  for (const last of ['10.9.0.2', '127.4.0.1', '10.9.0.1', '10.9.0.7', '10.9.1.3']) pool.continueAfter(last);
  assert.equal(await pool.take(), '10.9.0.3');
  assert.equal(await pool.take(), '10.9.0.5');
  pool.continueAfter('10.9.0.6');
  assert.equal(await pool.take(), '10.9.0.2');
  own = new Set();
  assert.equal(await pool.take(), '10.9.0.4', 'it was taken away from the machine');
});
