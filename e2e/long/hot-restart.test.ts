import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseInterception } from '@meltemi/agent';
import { swapUnderLoad } from '../testkit/hot-restart.ts';

const choice = await chooseInterception('auto');
const skip = choice.mode === 'netns' ? false : choice.reason;

test('25 swaps of a proxy during 20,000 connects: no connection is refused or reset', { skip, timeout: 290_000 }, async (t) => {
  const { errors, ...figures } = await swapUnderLoad({ interception: 'netns', swaps: 25, connects: 20_000 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(errors, []);
});
