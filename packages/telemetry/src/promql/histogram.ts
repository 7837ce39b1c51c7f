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
export function bucketQuantile(q: number, allBounds: readonly number[], allCounts: readonly number[]): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const bounds: number[] = [];
  const counts: number[] = [];
  for (const [i, bound] of allBounds.entries()) {
    const count = allCounts[i] ?? 0;
    const last = bounds.length - 1;
    if (bounds[last] === bound) counts[last] = (counts[last] ?? 0) + count;
    else {
      bounds.push(bound);
      counts.push(count);
    }
  }
  const last = bounds.length - 1;
  if (bounds[last] !== Infinity || last < 1) return NaN;
  // Rates of single buckets are extrapolated apart, so that counts may step down a little; Prometheus lifts them likewise.
  for (let i = 1; i <= last; i++) counts[i] = Math.max(counts[i] ?? 0, counts[i - 1] ?? 0);
  const total = counts[last] ?? 0;
  if (total === 0 || Number.isNaN(total)) return NaN;
  let rank = q * total;
  let b = 0;
  while (b < last && (counts[b] ?? 0) < rank) b++;
  if (b === last) return bounds[last - 1] ?? NaN;
  const end = bounds[b] ?? NaN;
  if (b === 0 && end <= 0) return end;
  if (b === 0) return end * (rank / (counts[0] ?? NaN));
  const start = bounds[b - 1] ?? NaN;
  const below = counts[b - 1] ?? 0;
  rank -= below;
  return start + (end - start) * (rank / ((counts[b] ?? 0) - below));
}
