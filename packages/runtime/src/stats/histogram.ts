/** Upper bounds of the buckets in which Envoy shows a histogram. */
export const STAT_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

/** Values below 100 have a bin each; above, there are 90 bins for each power of ten: two digits of every value are kept. */
const EXACT = 100;
const PER_DECADE = 90;
const DECADES = 6;
const BINS = EXACT + DECADES * PER_DECADE;

/** Counts of whole numbers (milliseconds) by value, as Envoy keeps them: two significant digits. Adding one allocates nothing once its size has been seen. */
export interface Histogram {
  /** By bin; as long as the largest value that has come needs. */
  bins: number[];
  count: number;
}

/** Without values it holds nothing: most clusters of a large mesh are never used. */
export function createHistogram(): Histogram {
  return { bins: [], count: 0 };
}

/** Adds one value; below 0 counts as 0, beyond the last bin as the last. */
export function record(histogram: Histogram, value: number): void {
  const bin = binOf(value);
  const { bins } = histogram;
  while (bins.length <= bin) bins.push(0);
  (bins[bin] as number)++;
  histogram.count++;
}

function binOf(value: number): number {
  if (!(value >= EXACT)) return value > 0 ? value | 0 : 0;
  let decade = 0;
  let rest = value / 10;
  while (rest >= 100 && decade < DECADES - 1) {
    rest /= 10;
    decade++;
  }
  return rest >= 100 ? BINS - 1 : EXACT + decade * PER_DECADE + (rest | 0) - 10;
}

/** Lower bound and width of a bin as Envoy tells them: what is below 10 is kept in steps of a tenth. */
export function binRange(bin: number): { readonly lower: number; readonly width: number } {
  if (bin === 0) return { lower: 0, width: 0 };
  if (bin < 10) return { lower: bin, width: 0.1 };
  if (bin < EXACT) return { lower: bin, width: 1 };
  const decade = Math.floor((bin - EXACT) / PER_DECADE);
  const width = 10 ** (decade + 1);
  return { lower: (((bin - EXACT) % PER_DECADE) + 10) * width, width };
}

/** How many values are at most so large, for each bound. */
export function cumulative({ bins }: Histogram, bounds: readonly number[] = STAT_BOUNDS): number[] {
  return bounds.map((bound) => {
    let total = 0;
    for (let bin = 0; bin < bins.length && binRange(bin).lower <= bound; bin++) total += bins[bin] as number;
    return total;
  });
}

/** The sum, as far as the bins tell it: each value counts as the middle of its bin. */
export function approximateSum({ bins }: Histogram): number {
  let sum = 0;
  bins.forEach((count, bin) => {
    const { lower, width } = binRange(bin);
    sum += count * (bin < EXACT ? lower : lower + width / 2);
  });
  return sum;
}

/** The value that this share (0 to 1) of all values does not exceed; undefined = there are none. */
export function quantile({ bins, count }: Histogram, share: number): number | undefined {
  if (count === 0) return undefined;
  const wanted = share * count;
  let seen = 0;
  let last = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    const here = bins[bin] as number;
    if (here === 0) continue;
    const { lower, width } = binRange(bin);
    if (share === 0) return lower;
    if (seen + here >= wanted) return here === 1 ? lower + width / 2 : lower + (width * (wanted - seen)) / here;
    seen += here;
    last = lower + width;
  }
  return last;
}
