/** The samples `lo..hi-1` of a run that lie in `(startMs, endMs]`, and the scalar arguments of the function at that moment. */
export interface Window {
  times: Float64Array;
  values: Float64Array;
  lo: number;
  hi: number;
  startMs: number;
  endMs: number;
  args: readonly number[];
}

/** What a function makes of a window; undefined is "no sample". A window with no samples is never asked about. */
export type WindowFunction = (w: Window) => number | undefined;

const v = (w: Window, index: number): number => w.values[index] ?? NaN;
const t = (w: Window, index: number): number => w.times[index] ?? NaN;

/**
 * Prometheus' extrapolation: the increase between the first and last sample is stretched to the window's edges where samples are
 * close enough to them (1.1 times their mean distance), else by half that distance, and for counters never below zero.
 */
function extrapolated(w: Window, isCounter: boolean, perSecond: boolean): number | undefined {
  const count = w.hi - w.lo;
  if (count < 2) return undefined;
  const first = v(w, w.lo);
  let increase = v(w, w.hi - 1) - first;
  if (isCounter) {
    let previous = first;
    for (let i = w.lo + 1; i < w.hi; i++) {
      const value = v(w, i);
      if (value < previous) increase += previous;
      previous = value;
    }
  }
  const sampled = (t(w, w.hi - 1) - t(w, w.lo)) / 1000;
  const average = sampled / (count - 1);
  const threshold = average * 1.1;
  let toStart = (t(w, w.lo) - w.startMs) / 1000;
  let toEnd = (w.endMs - t(w, w.hi - 1)) / 1000;
  if (toStart >= threshold) toStart = average / 2;
  if (isCounter && increase > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / increase));
  if (toEnd >= threshold) toEnd = average / 2;
  const factor = (sampled + toStart + toEnd) / sampled;
  return increase * (perSecond ? factor / ((w.endMs - w.startMs) / 1000) : factor);
}

function instantChange(w: Window, isRate: boolean): number | undefined {
  if (w.hi - w.lo < 2) return undefined;
  const last = v(w, w.hi - 1);
  const before = v(w, w.hi - 2);
  if (!isRate) return last - before;
  const seconds = (t(w, w.hi - 1) - t(w, w.hi - 2)) / 1000;
  return seconds === 0 ? undefined : (last < before ? last : last - before) / seconds;
}

function fold(w: Window, start: number, step: (acc: number, value: number) => number): number {
  let acc = start;
  for (let i = w.lo; i < w.hi; i++) acc = step(acc, v(w, i));
  return acc;
}

function mean(w: Window): number {
  return fold(w, 0, (a, b) => a + b) / (w.hi - w.lo);
}

function variance(w: Window): number {
  const average = mean(w);
  return fold(w, 0, (a, b) => a + (b - average) ** 2) / (w.hi - w.lo);
}

/** Least squares over the window, the time counted from `originMs` in seconds. */
function regression(w: Window, originMs: number): { slope: number; intercept: number } | undefined {
  const n = w.hi - w.lo;
  if (n < 2) return undefined;
  let [sx, sy, sxy, sxx] = [0, 0, 0, 0];
  for (let i = w.lo; i < w.hi; i++) {
    const x = (t(w, i) - originMs) / 1000;
    sx += x;
    sy += v(w, i);
    sxy += x * v(w, i);
    sxx += x * x;
  }
  const slope = (sxy - (sx * sy) / n) / (sxx - (sx * sx) / n);
  return { slope, intercept: sy / n - slope * (sx / n) };
}

function countWhere(w: Window, test: (before: number, value: number) => boolean): number {
  let count = 0;
  for (let i = w.lo + 1; i < w.hi; i++) if (test(v(w, i - 1), v(w, i))) count++;
  return count;
}

/** Prometheus' quantile of a list: linear between ranks, ±Inf outside 0..1. Sorts the list. */
export function quantileOf(q: number, list: number[]): number {
  if (list.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  list.sort((a, b) => (Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : a - b));
  const rank = q * (list.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(list.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (list[lower] ?? NaN) * (1 - weight) + (list[upper] ?? NaN) * weight;
}

function medianDeviation(w: Window): number {
  const list = Array.from(w.values.subarray(w.lo, w.hi));
  const median = quantileOf(0.5, [...list]);
  return quantileOf(
    0.5,
    list.map((value) => Math.abs(value - median)),
  );
}

export const WINDOW_FUNCTIONS: Readonly<Record<string, WindowFunction>> = {
  rate: (w) => extrapolated(w, true, true),
  increase: (w) => extrapolated(w, true, false),
  delta: (w) => extrapolated(w, false, false),
  irate: (w) => instantChange(w, true),
  idelta: (w) => instantChange(w, false),
  deriv: (w) => regression(w, t(w, w.lo))?.slope,
  predict_linear(w) {
    const line = regression(w, w.endMs);
    return line === undefined ? undefined : line.slope * (w.args[0] ?? NaN) + line.intercept;
  },
  changes: (w) => countWhere(w, (a, b) => a !== b && !(Number.isNaN(a) && Number.isNaN(b))),
  resets: (w) => countWhere(w, (a, b) => b < a),
  sum_over_time: (w) => fold(w, 0, (a, b) => a + b),
  avg_over_time: mean,
  min_over_time: (w) => fold(w, NaN, (a, b) => (b < a || Number.isNaN(a) ? b : a)),
  max_over_time: (w) => fold(w, NaN, (a, b) => (b > a || Number.isNaN(a) ? b : a)),
  count_over_time: (w) => w.hi - w.lo,
  last_over_time: (w) => v(w, w.hi - 1),
  first_over_time: (w) => v(w, w.lo),
  present_over_time: () => 1,
  stddev_over_time: (w) => Math.sqrt(variance(w)),
  stdvar_over_time: variance,
  mad_over_time: medianDeviation,
};
