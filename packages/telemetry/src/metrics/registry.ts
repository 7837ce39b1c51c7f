import { labelKey } from '../label-key.ts';
import type { SeriesKind } from './wire.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where a series takes its labels from when it is first exported; undefined means "not known yet, ask again at the next export". */
export type LabelSource = (nowMs: number) => Labels | undefined;

interface Common {
  readonly name: string;
  readonly createdMs: number;
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

/** What is exported: all series of one name and one set of labels, added up. The object is reused from export to export. */
export interface ExportRow {
  readonly id: number;
  readonly name: string;
  readonly kind: SeriesKind;
  readonly labels: Labels;
  readonly createdMs: number;
  /** Of a counter or gauge. */
  value: number;
  /** Of a histogram; `counts` is not cumulative. */
  readonly bounds: readonly number[];
  counts: Float64Array;
  sum: number;
  count: number;
}

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
 * second through `collect`; two series that turn out to have the same labels (two pods of one workload) are exported as one.
 */
export interface MetricRegistry {
  counter(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries;
  gauge(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries;
  histogram(name: string, labels: Labels | LabelSource, bounds: readonly number[], nowMs: number): HistogramSeries;
  /** Help text for the text format; names without one are exported without it. */
  describe(name: string, help: string): void;
  help(name: string): string | undefined;
  /** Every row whose labels are known by now. */
  collect(nowMs: number, visit: (row: ExportRow) => void): void;
  /** Lets idle series go and returns the ids of rows that went. */
  sweep(nowMs: number): readonly number[];
  readonly size: number;
  /** How often a series was refused because `maxSeries` was reached. */
  readonly overflowed: number;
}

const OVERFLOW: Labels = { overflow: 'true' };

interface Entry {
  readonly series: Series;
  readonly labels: LabelSource;
  row: Row | undefined;
  seen: number;
  changedMs: number;
}

interface Row {
  readonly key: string;
  readonly exported: ExportRow;
  readonly members: Set<Series>;
  /** What members counted that are gone. */
  readonly past: { value: number; sum: number; count: number; readonly counts: Float64Array };
}

export function createMetricRegistry(options: MetricRegistryOptions = {}): MetricRegistry {
  const maxSeries = options.maxSeries ?? 20_000;
  const idleMs = options.idleMs ?? 30 * 60_000;
  const entries = new Set<Entry>();
  const waiting = new Set<Entry>();
  const rows = new Map<string, Row>();
  const overflow = new Map<string, Series>();
  const helps = new Map<string, string>();
  let nextId = 1;
  let overflowed = 0;

  function add<S extends Series>(series: S, labels: Labels | LabelSource, nowMs: number): S {
    const full = entries.size >= maxSeries;
    if (full) {
      overflowed++;
      const shared = overflow.get(`${series.kind} ${series.name}`);
      if (shared !== undefined) return shared as S;
      overflow.set(`${series.kind} ${series.name}`, series);
    }
    const source = full ? () => OVERFLOW : typeof labels === 'function' ? labels : () => labels;
    const entry: Entry = { series, labels: source, row: undefined, seen: 0, changedMs: nowMs };
    entries.add(entry);
    waiting.add(entry);
    return series;
  }

  function place(entry: Entry, nowMs: number): void {
    const labels = entry.labels(nowMs);
    if (labels === undefined) return;
    waiting.delete(entry);
    const { series } = entry;
    const key = `${series.kind} ${series.name}\u0002${labelKey(labels)}`;
    let row = rows.get(key);
    if (row === undefined) rows.set(key, (row = createRow(nextId++, key, series, labels)));
    row.members.add(series);
    entry.row = row;
  }

  return {
    counter: (name, labels, nowMs) => add({ name, createdMs: nowMs, retired: false, kind: 'COUNTER', value: 0 }, labels, nowMs),
    gauge: (name, labels, nowMs) => add({ name, createdMs: nowMs, retired: false, kind: 'GAUGE', value: 0 }, labels, nowMs),
    histogram: (name, labels, bounds, nowMs) =>
      add(
        { name, createdMs: nowMs, retired: false, kind: 'HISTOGRAM', bounds, counts: new Float64Array(bounds.length + 1), sum: 0, count: 0 },
        labels,
        nowMs,
      ),
    describe: (name, help) => void helps.set(name, help),
    help: (name) => helps.get(name),
    collect(nowMs, visit) {
      for (const entry of waiting) place(entry, nowMs);
      for (const row of rows.values()) {
        refresh(row);
        visit(row.exported);
      }
    },
    sweep(nowMs) {
      const gone: number[] = [];
      for (const entry of entries) {
        const { series, row } = entry;
        const value = reading(series);
        if (value !== entry.seen) {
          entry.seen = value;
          entry.changedMs = nowMs;
        } else if (series.kind !== 'GAUGE' && nowMs - entry.changedMs > idleMs && overflow.get(`${series.kind} ${series.name}`) !== series) {
          series.retired = true;
          entries.delete(entry);
          waiting.delete(entry);
          if (row === undefined) continue;
          leave(row, series);
          if (row.members.size > 0) continue;
          rows.delete(row.key);
          gone.push(row.exported.id);
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
}

/** The number that changes whenever the series does. */
function reading(series: Series): number {
  return series.kind === 'HISTOGRAM' ? series.count : series.value;
}

function createRow(id: number, key: string, first: Series, labels: Labels): Row {
  const bounds = first.kind === 'HISTOGRAM' ? first.bounds : [];
  const size = first.kind === 'HISTOGRAM' ? bounds.length + 1 : 0;
  return {
    key,
    exported: {
      id,
      name: first.name,
      kind: first.kind,
      labels,
      createdMs: first.createdMs,
      value: 0,
      bounds,
      counts: new Float64Array(size),
      sum: 0,
      count: 0,
    },
    members: new Set(),
    past: { value: 0, sum: 0, count: 0, counts: new Float64Array(size) },
  };
}

function refresh(row: Row): void {
  const { exported, past } = row;
  exported.value = past.value;
  exported.sum = past.sum;
  exported.count = past.count;
  exported.counts.set(past.counts);
  for (const series of row.members) addTo(exported, series);
}

/** A member goes, what it counted stays: rows never go back. */
function leave(row: Row, series: Series): void {
  row.members.delete(series);
  addTo(row.past, series);
}

function addTo(total: { value: number; sum: number; count: number; readonly counts: Float64Array }, series: Series): void {
  if (series.kind !== 'HISTOGRAM') {
    total.value += series.value;
    return;
  }
  total.sum += series.sum;
  total.count += series.count;
  for (let i = 0; i < series.counts.length; i++) total.counts[i] = (total.counts[i] ?? 0) + (series.counts[i] ?? 0);
}
