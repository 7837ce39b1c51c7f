/** "24 million fuzzed inputs over the codecs with no crash and no disagreement between split and whole input". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz/run.ts';

/** `MELTEMI_FUZZ_INPUTS` and `MELTEMI_FUZZ_SEED` choose others; a fault names its seed and shows its input. */
const INPUTS = Number(process.env['MELTEMI_FUZZ_INPUTS'] ?? 24_000_000);
const SEED = Number(process.env['MELTEMI_FUZZ_SEED'] ?? 1);

test(`${INPUTS} inputs, whole and in pieces`, { timeout: 4 * 3600_000 }, async (t) => {
  const { inputs, faults } = await fuzz(INPUTS, SEED);
  t.diagnostic(`${inputs} inputs from seed ${SEED} on`);
  assert.equal(faults.length, 0, faults.join('\n\n'));
});
