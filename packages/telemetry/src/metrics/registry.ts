import type { SeriesKind } from './wire.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where a series takes its labels from when it is first exported; undefined means "not known yet, ask again at the next export". */
export type LabelSource = (nowMs: number) => Labels | undefined;

interface Common {
  readonly id: number;
  readonly name: string;
  readonly createdMs: number;
  /** The labels, or undefined while they are held back. Fixed by the first answer. */
  labels(nowMs: number): Labels | undefined;
  /** True when the registry let it go for want of use; a holder must ask for a new one. */
  retired: boolean;
}

/** A counter or gauge, bound to its labels once. The hot path does `series.value += n`, nothing else. */
export interface ScalarSeries extends Common {
  readonly kind: 'COUNTER' | 'GAUGE';
  value: number;
}

/** A histogram; record with {@link observe}. `counts` has one more entry than `bounds` and is not cumulative. */
export interface HistogramSeries extends Common {
  readonly kind: 'HISTOGRAM';
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

export type Series = ScalarSeries | HistogramSeries;

/** Counts one observation. */
export function observe(series: HistogramSeries, value: number): void {
  const { bounds } = series;
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (bounds[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  series.counts[low] = (series.counts[low] ?? 0) + 1;
  series.sum += value;
  series.count++;
}

export interface MetricRegistryOptions {
  /** Beyond this many series new ones share one overflow series per name, so that a hostile client cannot fill memory. Default 20 000. */
  readonly maxSeries?: number;
  /** A series unchanged for this long is let go. Default 30 minutes. */
  readonly idleMs?: number;
}

/**
 * All series of one process. A caller binds a series once and keeps it; values are plain fields. Reading (export) happens once a
 * second through `forEach`.
 */
export interface MetricRegistry {
  counter(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries;
  gauge(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries;
  histogram(name: string, labels: Labels | LabelSource, bounds: readonly number[], nowMs: number): HistogramSeries;
  /** Help text for the text format; names without one are exported without it. */
  describe(name: string, help: string): void;
  help(name: string): string | undefined;
  forEach(visit: (series: Series) => void): void;
  /** Lets idle series go and returns their ids. Called by the exporter. */
  sweep(nowMs: number): readonly number[];
  readonly size: number;
  /** How often a series was refused because `maxSeries` was reached. */
  readonly overflowed: number;
}

const OVERFLOW: Labels = { overflow: 'true' };

interface Entry {
  readonly series: Series;
  seen: number;
  changedMs: number;
}

export function createMetricRegistry(options: MetricRegistryOptions = {}): MetricRegistry {
  const maxSeries = options.maxSeries ?? 20_000;
  const idleMs = options.idleMs ?? 30 * 60_000;
  const entries = new Map<number, Entry>();
  const overflow = new Map<string, Series>();
  const helps = new Map<string, string>();
  let nextId = 1;
  let overflowed = 0;

  function add<S extends Series>(make: (common: Common) => S, name: string, kind: SeriesKind, labels: Labels | LabelSource, nowMs: number): S {
    const full = entries.size >= maxSeries;
    if (full) {
      overflowed++;
      const shared = overflow.get(`${kind} ${name}`);
      if (shared !== undefined) return shared as S;
    }
    const common: Common = { id: nextId++, name, createdMs: nowMs, labels: fixedOnce(full ? OVERFLOW : labels), retired: false };
    const series = make(common);
    entries.set(series.id, { series, seen: reading(series), changedMs: nowMs });
    if (full) overflow.set(`${kind} ${name}`, series);
    return series;
  }

  return {
    counter: (name, labels, nowMs) => add((c): ScalarSeries => ({ ...c, kind: 'COUNTER', value: 0 }), name, 'COUNTER', labels, nowMs),
    gauge: (name, labels, nowMs) => add((c): ScalarSeries => ({ ...c, kind: 'GAUGE', value: 0 }), name, 'GAUGE', labels, nowMs),
    histogram: (name, labels, bounds, nowMs) =>
      add(
        (c): HistogramSeries => ({ ...c, kind: 'HISTOGRAM', bounds, counts: new Float64Array(bounds.length + 1), sum: 0, count: 0 }),
        name,
        'HISTOGRAM',
        labels,
        nowMs,
      ),
    describe: (name, help) => void helps.set(name, help),
    help: (name) => helps.get(name),
    forEach(visit) {
      for (const entry of entries.values()) visit(entry.series);
    },
    sweep(nowMs) {
      const gone: number[] = [];
      for (const [id, entry] of entries) {
        const value = reading(entry.series);
        if (value !== entry.seen) {
          entry.seen = value;
          entry.changedMs = nowMs;
        } else if (entry.series.kind !== 'GAUGE' && nowMs - entry.changedMs > idleMs && !isOverflow(entry.series)) {
          entry.series.retired = true;
          entries.delete(id);
          gone.push(id);
        }
      }
      return gone;
    },
    get size() {
      return entries.size;
    },
    get overflowed() {
      return overflowed;
    },
  };

  function isOverflow(series: Series): boolean {
    return overflow.get(`${series.kind} ${series.name}`) === series;
  }
}

/** The number that changes whenever the series does. */
function reading(series: Series): number {
  return series.kind === 'HISTOGRAM' ? series.count : series.value;
}

function fixedOnce(source: Labels | LabelSource): LabelSource {
  if (typeof source !== 'function') return () => source;
  let fixed: Labels | undefined;
  return (nowMs) => (fixed ??= source(nowMs));
}
