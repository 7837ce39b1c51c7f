import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseInterception } from '@meltemi/agent';
import { swapUnderLoad } from '../testkit/hot-restart.ts';

const choice = await chooseInterception('auto');

test(
  'a proxy is exchanged under load: no connection is refused or reset',
  { skip: choice.mode === 'netns' ? false : choice.reason, timeout: 120_000 },
  async (t) => {
    const { errors, ...figures } = await swapUnderLoad({ interception: 'netns', swaps: 3, connects: 2_000 });
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(errors, []);
  },
);
