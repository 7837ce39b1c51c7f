/** A share of the fuzzing that `npm run test:full` does (e2e/long/fuzz.test.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from '../long/fuzz/run.ts';

test('200,000 inputs over all codecs, whole and in pieces: no crash, no disagreement', async () => {
  const { faults } = await fuzz(200_000, 1);
  assert.equal(faults.length, 0, faults.join('\n\n'));
});
