import assert from 'node:assert/strict';
import { test } from 'node:test';
import { swapUnderLoad } from '../testkit/hot-restart.ts';

test(
  'without a namespace of its own: the listening sockets go from one proxy to the next, and no connection is refused or reset',
  { timeout: 120_000 },
  async (t) => {
    const { errors, ...figures } = await swapUnderLoad({ interception: 'ports', swaps: 2, connects: 1_000 });
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(errors, []);
  },
);
