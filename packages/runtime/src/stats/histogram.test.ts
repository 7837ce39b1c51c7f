import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { approximateSum, createHistogram, cumulative, quantile, record, STAT_BOUNDS } from './histogram.ts';

const of = (values: readonly number[]): ReturnType<typeof createHistogram> => {
  const histogram = createHistogram();
  for (const value of values) record(histogram, value);
  return histogram;
};

test('buckets of whole milliseconds are exact to two digits; the sum is within a twentieth', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(150), fc.nat(20_000), fc.nat(5_000_000)), { maxLength: 60 }), (values) => {
      const histogram = of(values);
      assert.equal(histogram.count, values.length);
      const rounded = values.map((value) => (value < 100 ? value : Number(value.toString().slice(0, 2)) * 10 ** (value.toString().length - 2)));
      assert.deepEqual(
        cumulative(histogram),
        STAT_BOUNDS.map((bound) => rounded.filter((value) => value <= bound).length),
      );
      const sum = values.reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(approximateSum(histogram) - sum) <= sum / 20, `${approximateSum(histogram)} of ${sum}`);
    }),
  );
});

test('quantiles lie between the least and the largest value and never fall', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 40 }), (values) => {
      const shares = [0, 0.25, 0.5, 0.9, 1].map((share) => quantile(of(values), share) as number);
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => a - b),
      );
      assert.ok((shares[0] as number) <= Math.min(...values));
      assert.ok((shares[4] as number) >= Math.max(...values) * 0.9);
    }),
  );
  assert.equal(quantile(createHistogram(), 0.5), undefined);
});

test('what is below nothing or beyond all counts as the first or the last; nothing is held before the first value', () => {
  assert.deepEqual(createHistogram().bins, []);
  const histogram = of([-5, NaN, 0, 1e12]);
  assert.deepEqual([histogram.count, histogram.bins[0], histogram.bins.length], [4, 3, 640]);
});
