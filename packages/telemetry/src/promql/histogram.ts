import { dropLabels, emptyColumn, labelKey, type Column } from './value.ts';

interface Bucket {
  readonly bound: number;
  readonly column: Column;
}

/**
 * `histogram_quantile` over classic histograms: series that differ only in `le` are one histogram. `quantiles` is the first argument
 * at each moment.
 */
export function histogramQuantile(quantiles: Float64Array, columns: readonly Column[]): Column[] {
  const groups = new Map<string, { readonly result: Column; readonly buckets: Bucket[] }>();
  for (const column of columns) {
    const bound = parseBound(column.labels['le']);
    if (bound === undefined) continue;
    const labels = dropLabels(column.labels, ['le']);
    const key = labelKey(labels);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { result: emptyColumn(labels, quantiles.length), buckets: [] }));
    group.buckets.push({ bound, column });
  }
  for (const { result, buckets } of groups.values()) {
    buckets.sort((a, b) => a.bound - b.bound);
    for (let i = 0; i < quantiles.length; i++) {
      const here = buckets.filter((bucket) => bucket.column.present[i] === 1);
      if (here.length === 0) continue;
      result.values[i] = bucketQuantile(
        quantiles[i] ?? NaN,
        here.map((b) => b.bound),
        here.map((b) => b.column.values[i] ?? NaN),
      );
      result.present[i] = 1;
    }
  }
  return [...groups.values()].map((group) => group.result);
}

function parseBound(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\+?Inf$/i.test(text)) return Infinity;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** The quantile of cumulative bucket counts, linear within a bucket. Bounds ascend; equal ones are added up. */
function bucketQuantile(q: number, allBounds: readonly number[], allCounts: readonly number[]): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0 || q > 1) return q < 0 ? -Infinity : Infinity;
  const { bounds, counts } = monotonic(allBounds, allCounts);
  const total = counts.at(-1) ?? 0;
  if (bounds.length < 2 || bounds.at(-1) !== Infinity || total === 0 || Number.isNaN(total)) return NaN;
  return interpolate(bounds, counts, q * total);
}

function monotonic(
  allBounds: readonly number[],
  allCounts: readonly number[],
): { readonly bounds: readonly number[]; readonly counts: readonly number[] } {
  const sums = new Map<number, number>();
  for (const [i, bound] of allBounds.entries()) sums.set(bound, (sums.get(bound) ?? 0) + (allCounts[i] ?? 0));
  let highest = -Infinity;
  // Rates of single buckets are extrapolated apart, so that counts may step down a little; Prometheus lifts them likewise.
  const counts = [...sums.values()].map((count) => (highest = Math.max(highest, count)));
  return { bounds: [...sums.keys()], counts };
}

/** Where in its bucket the observation of that rank lies. The last bucket has no end: its start is the best there is. */
function interpolate(bounds: readonly number[], counts: readonly number[], rank: number): number {
  const last = bounds.length - 1;
  const found = counts.findIndex((count) => count >= rank);
  const b = found === -1 ? last : found;
  if (b === last) return bounds[last - 1] ?? NaN;
  const end = bounds[b] ?? NaN;
  if (b === 0 && end <= 0) return end;
  const start = bounds[b - 1] ?? 0;
  const below = counts[b - 1] ?? 0;
  return start + (end - start) * ((rank - below) / ((counts[b] ?? NaN) - below));
}
