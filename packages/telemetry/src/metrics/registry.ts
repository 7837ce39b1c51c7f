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
  return new Registry(options);
}

class Registry implements MetricRegistry {
  readonly #maxSeries: number;
  readonly #idleMs: number;
  readonly #entries = new Set<Entry>();
  /** Those whose labels are not known yet. */
  readonly #waiting = new Set<Entry>();
  readonly #rows = new Map<string, Row>();
  readonly #overflow = new Map<string, Series>();
  readonly #helps = new Map<string, string>();
  #nextId = 1;
  #overflowed = 0;

  constructor({ maxSeries = 20_000, idleMs = 30 * 60_000 }: MetricRegistryOptions) {
    this.#maxSeries = maxSeries;
    this.#idleMs = idleMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get overflowed(): number {
    return this.#overflowed;
  }

  counter(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries {
    return this.#add<ScalarSeries>({ name, createdMs: nowMs, retired: false, kind: 'COUNTER', value: 0 }, labels, nowMs);
  }

  gauge(name: string, labels: Labels | LabelSource, nowMs: number): ScalarSeries {
    return this.#add<ScalarSeries>({ name, createdMs: nowMs, retired: false, kind: 'GAUGE', value: 0 }, labels, nowMs);
  }

  histogram(name: string, labels: Labels | LabelSource, bounds: readonly number[], nowMs: number): HistogramSeries {
    const counts = new Float64Array(bounds.length + 1);
    return this.#add<HistogramSeries>({ name, createdMs: nowMs, retired: false, kind: 'HISTOGRAM', bounds, counts, sum: 0, count: 0 }, labels, nowMs);
  }

  describe(name: string, help: string): void {
    this.#helps.set(name, help);
  }

  help(name: string): string | undefined {
    return this.#helps.get(name);
  }

  collect(nowMs: number, visit: (row: ExportRow) => void): void {
    for (const entry of this.#waiting) this.#place(entry, nowMs);
    for (const row of this.#rows.values()) {
      refresh(row);
      visit(row.exported);
    }
  }

  sweep(nowMs: number): readonly number[] {
    const gone: number[] = [];
    for (const entry of this.#entries) {
      const value = reading(entry.series);
      if (value !== entry.seen) {
        entry.seen = value;
        entry.changedMs = nowMs;
      } else if (this.#isIdle(entry, nowMs)) {
        const row = this.#retire(entry);
        if (row !== undefined) gone.push(row);
      }
    }
    return gone;
  }

  #isIdle({ series, changedMs }: Entry, nowMs: number): boolean {
    return series.kind !== 'GAUGE' && nowMs - changedMs > this.#idleMs && this.#overflow.get(overflowKey(series)) !== series;
  }

  /** Answers the id of its row when that went with it. */
  #retire(entry: Entry): number | undefined {
    const { series, row } = entry;
    series.retired = true;
    this.#entries.delete(entry);
    this.#waiting.delete(entry);
    if (row === undefined) return undefined;
    leave(row, series);
    if (row.members.size > 0) return undefined;
    this.#rows.delete(row.key);
    return row.exported.id;
  }

  #add<S extends Series>(series: S, labels: Labels | LabelSource, nowMs: number): S {
    const isFull = this.#entries.size >= this.#maxSeries;
    if (isFull) {
      this.#overflowed++;
      const shared = this.#overflow.get(overflowKey(series));
      if (shared !== undefined) return shared as S;
      this.#overflow.set(overflowKey(series), series);
    }
    const own: LabelSource = typeof labels === 'function' ? labels : () => labels;
    const entry: Entry = { series, labels: isFull ? () => OVERFLOW : own, row: undefined, seen: 0, changedMs: nowMs };
    this.#entries.add(entry);
    this.#waiting.add(entry);
    return series;
  }

  #place(entry: Entry, nowMs: number): void {
    const labels = entry.labels(nowMs);
    if (labels === undefined) return;
    this.#waiting.delete(entry);
    const { series } = entry;
    const key = `${series.kind} ${series.name}\u0002${labelKey(labels)}`;
    let row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, (row = createRow(this.#nextId++, key, series, labels)));
    row.members.add(series);
    entry.row = row;
  }
}

function overflowKey(series: Series): string {
  return `${series.kind} ${series.name}`;
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
