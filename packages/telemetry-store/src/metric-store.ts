import { labelKey, type LabelMatcher, type Labels, type SeriesData, type SeriesSource } from '@meltemi/telemetry';
import { ChangeLog, type MemoryAccount } from './change-log.ts';
import { createLabelIndex } from './label-index.ts';
import { TickLog } from './tick-log.ts';

/** How long and how much metrics are kept. */
export interface MetricRetention {
  /** At the resolution they came in. Default 1 hour. */
  readonly rawMs: number;
  /** One value every `coarseStepMs`. Default 12 hours. */
  readonly coarseMs: number;
  /** Default 15 s. */
  readonly coarseStepMs: number;
  /** All samples together. Beyond it the time kept shrinks until they fit. Default 256 MiB. */
  readonly maxBytes: number;
  /** Distinct series. Beyond it new ones are refused. Default 200 000. */
  readonly maxSeries: number;
}

export const DEFAULT_RETENTION: MetricRetention = {
  rawMs: 3_600_000,
  coarseMs: 12 * 3_600_000,
  coarseStepMs: 15_000,
  maxBytes: 256 * 1024 * 1024,
  maxSeries: 200_000,
};

/** After its sender's last word a series is found by instant selectors for this long. */
const STALE_AFTER_MS = 15_000;

/** One sender: its ticks and its series. */
export interface Target {
  readonly key: string;
  readonly labels: Labels;
  readonly raw: TickLog;
  readonly coarse: TickLog;
  readonly series: Map<string, StoredSeries>;
  /** Changed since the last coarse tick. */
  readonly dirty: Set<StoredSeries>;
}

export interface StoredSeries {
  readonly labels: Labels;
  readonly target: Target;
  readonly raw: ChangeLog;
  readonly coarse: ChangeLog;
  /** The last tick it was reported at, and its time; undefined while it lives. */
  end: { readonly tick: number; readonly timeMs: number } | undefined;
  /** The stream that described it last. */
  teller: object | undefined;
}

/** What there is, for the store's own metrics. */
export interface MetricStats {
  readonly series: number;
  readonly targets: number;
  readonly bytes: number;
  /** What of `rawMs` the memory limit leaves. */
  readonly rawMs: number;
  /** How often time had to be given up for want of memory. */
  readonly evictions: number;
}

/** Bounded time series in memory. Only the ingest writes; readers see a {@link SeriesSource}. */
export interface MetricStore extends SeriesSource {
  target(labels: Labels): Target;
  /** The series of a target, made if need be; undefined when the limit of series is reached. */
  series(target: Target, labels: Labels): StoredSeries | undefined;
  /** A new tick; earlier or equal moments are moved one millisecond after the last. */
  tick(target: Target, timeMs: number): number;
  set(series: StoredSeries, tick: number, value: number): void;
  /** The series is not reported after this tick, until it is set again. */
  end(series: StoredSeries, tick: number): void;
  /** Forgets what is too old or too much, and targets and series with nothing left. */
  trim(nowMs: number): void;
  labelNames(): string[];
  labelValues(name: string): string[];
  /** Labels of all series that match and have a sample in the time. */
  find(matchers: readonly LabelMatcher[], startMs: number, endMs: number): Labels[];
  targets(): Iterable<Target>;
  readonly stats: MetricStats;
}

export function createMetricStore(options: Partial<MetricRetention> = {}): MetricStore {
  return new MemoryMetricStore({ ...DEFAULT_RETENTION, ...options });
}

class MemoryMetricStore implements MetricStore {
  readonly #retention: MetricRetention;
  readonly #account: MemoryAccount = { bytes: 0 };
  readonly #targets = new Map<string, Target>();
  readonly #index = createLabelIndex<StoredSeries>();
  readonly #words = new Map<string, string>();
  #count = 0;
  /** What part of the retention times the memory limit leaves. */
  #share = 1;
  #evictions = 0;

  constructor(retention: MetricRetention) {
    this.#retention = retention;
  }

  target(labels: Labels): Target {
    const key = labelKey(labels);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const account = this.#account;
    const target = {
      key,
      labels: this.#interned(labels),
      raw: new TickLog(account),
      coarse: new TickLog(account),
      series: new Map(),
      dirty: new Set<StoredSeries>(),
    };
    this.#targets.set(key, target);
    return target;
  }

  series(target: Target, labels: Labels): StoredSeries | undefined {
    const key = labelKey(labels);
    const known = target.series.get(key);
    if (known !== undefined) return known;
    if (this.#count >= this.#retention.maxSeries) return undefined;
    const account = this.#account;
    const series: StoredSeries = {
      labels: this.#interned(labels),
      target,
      raw: new ChangeLog(account),
      coarse: new ChangeLog(account),
      end: undefined,
      teller: undefined,
    };
    target.series.set(key, series);
    this.#index.add(series.labels, series);
    this.#count++;
    return series;
  }

  tick(target: Target, timeMs: number): number {
    const last = target.raw.lastTimeMs;
    const time = last !== undefined && timeMs <= last ? last + 1 : timeMs;
    if (last !== undefined && this.#slot(last) !== this.#slot(time)) closeSlot(target, last);
    return target.raw.append(time);
  }

  set(series: StoredSeries, tick: number, value: number): void {
    if (series.raw.lastValue !== value || series.raw.firstTick === undefined) series.raw.append(tick, value);
    series.end = undefined;
    series.target.dirty.add(series);
  }

  end(series: StoredSeries, tick: number): void {
    series.end = { tick, timeMs: series.target.raw.timeOf(tick) };
  }

  trim(nowMs: number): void {
    const { maxBytes } = this.#retention;
    this.#pass(nowMs);
    if (this.#account.bytes < maxBytes * 0.7) this.#share = Math.min(1, this.#share * 1.05);
    while (this.#account.bytes > maxBytes && this.#share > 0.001) {
      this.#share *= 0.75;
      this.#evictions++;
      this.#pass(nowMs);
    }
    if (this.#words.size > 4 * (this.#count + 1000)) this.#words.clear();
  }

  select(matchers: readonly LabelMatcher[], startMs: number, endMs: number): SeriesData[] {
    return this.#matching(matchers).flatMap((series) => read(series, startMs, endMs) ?? []);
  }

  find(matchers: readonly LabelMatcher[], startMs: number, endMs: number): Labels[] {
    return this.#matching(matchers)
      .filter((series) => read(series, startMs, endMs) !== undefined)
      .map((series) => series.labels);
  }

  labelNames(): string[] {
    return this.#index.names();
  }

  labelValues(name: string): string[] {
    return this.#index.values(name);
  }

  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  get stats(): MetricStats {
    return {
      series: this.#count,
      targets: this.#targets.size,
      bytes: this.#account.bytes,
      rawMs: this.#retention.rawMs * this.#share,
      evictions: this.#evictions,
    };
  }

  #matching(matchers: readonly LabelMatcher[]): StoredSeries[] {
    return this.#index.find(matchers, (series) => series.labels);
  }

  #slot(timeMs: number): number {
    return Math.floor(timeMs / this.#retention.coarseStepMs);
  }

  /** Equal texts are kept once: labels repeat a lot, and decoded messages bring new strings each time. */
  #interned(labels: Labels): Labels {
    const copy: Record<string, string> = {};
    for (const [name, value] of Object.entries(labels)) {
      let word = this.#words.get(value);
      if (word === undefined) this.#words.set(value, (word = value));
      copy[name] = word;
    }
    return copy;
  }

  #pass(nowMs: number): void {
    const { rawMs, coarseMs } = this.#retention;
    const rawFrom = nowMs - rawMs * this.#share;
    for (const target of this.#targets.values()) {
      const last = target.raw.lastTimeMs;
      // A sender that fell silent ends its slot here: else its last values would go with its raw samples.
      if (last !== undefined && this.#slot(last) < this.#slot(nowMs) - 1) closeSlot(target, last);
      this.#trimTarget(target, rawFrom, Math.min(rawFrom, nowMs - coarseMs * this.#share));
    }
  }

  #trimTarget(target: Target, rawFrom: number, coarseFrom: number): void {
    const rawTick = target.raw.firstAfter(rawFrom);
    const coarseTick = target.coarse.firstAfter(coarseFrom);
    for (const [key, series] of target.series) {
      series.raw.dropBefore(rawTick);
      series.coarse.dropBefore(coarseTick);
      if (series.end !== undefined && series.end.timeMs <= coarseFrom) this.#removeSeries(series, key);
    }
    target.raw.dropBefore(rawTick);
    target.coarse.dropBefore(coarseTick);
    if (target.raw.next > target.raw.first || target.coarse.next > target.coarse.first) return;
    for (const [key, series] of target.series) this.#removeSeries(series, key);
    target.raw.dispose();
    target.coarse.dispose();
    this.#targets.delete(target.key);
  }

  #removeSeries(series: StoredSeries, key: string): void {
    series.target.series.delete(key);
    series.target.dirty.delete(series);
    this.#index.remove(series.labels, series);
    series.raw.dispose();
    series.coarse.dispose();
    this.#count--;
  }
}

/** The values at the end of a slot become its coarse ones. */
function closeSlot(target: Target, timeMs: number): void {
  if (target.coarse.lastTimeMs === timeMs) return;
  const tick = target.coarse.append(timeMs);
  for (const series of target.dirty) {
    const value = series.raw.lastValue;
    if (value !== undefined) series.coarse.append(tick, value);
  }
  target.dirty.clear();
}

/**
 * Raw samples; for a time that reaches further back than these, coarse ones alone. Both together would bend `rate` where they meet:
 * it takes the mean distance of a window's samples to tell whether the window begins before them.
 */
function read(series: StoredSeries, startMs: number, endMs: number): SeriesData | undefined {
  const { target } = series;
  const lastSeenMs = series.end?.timeMs ?? target.raw.lastTimeMs ?? target.coarse.lastTimeMs ?? -Infinity;
  const staleAtMs = lastSeenMs + STALE_AFTER_MS;
  const untilMs = Math.min(endMs, lastSeenMs);
  const data =
    (hasCoarseBefore(series, startMs, untilMs) ? slice(series.coarse, target.coarse, startMs, untilMs) : undefined) ??
    slice(series.raw, target.raw, startMs, untilMs);
  return data === undefined ? undefined : { labels: series.labels, ...data, staleAtMs };
}

/** Whether raw samples were forgotten of which coarse ones are left in that time. */
function hasCoarseBefore({ raw, coarse, target }: StoredSeries, startMs: number, endMs: number): boolean {
  const rawStart = Math.max(raw.firstTick ?? Infinity, target.raw.first);
  const rawStartMs = rawStart < target.raw.next ? target.raw.timeOf(rawStart) : Infinity;
  if (startMs >= rawStartMs) return false;
  const from = Math.max(target.coarse.firstAfter(startMs), coarse.firstTick ?? Infinity, target.coarse.first);
  return from < target.coarse.firstAfter(Math.min(endMs, rawStartMs - 1));
}

function slice(log: ChangeLog, ticks: TickLog, startMs: number, endMs: number): { times: Float64Array; values: Float64Array } | undefined {
  const from = Math.max(ticks.firstAfter(startMs), log.firstTick ?? Infinity, ticks.first);
  const to = ticks.firstAfter(endMs) - 1;
  if (!(from <= to)) return undefined;
  return { times: ticks.times(from, to), values: log.expand(from, to) };
}
