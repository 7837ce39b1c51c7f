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
  const retention: MetricRetention = { ...DEFAULT_RETENTION, ...options };
  const account: MemoryAccount = { bytes: 0 };
  const targets = new Map<string, Target>();
  const index = createLabelIndex<StoredSeries>();
  const words = new Map<string, string>();
  let count = 0;
  let share = 1;
  let evictions = 0;

  /** Equal texts are kept once: labels repeat a lot, and decoded messages bring new strings each time. */
  function interned(labels: Labels): Labels {
    const copy: Record<string, string> = {};
    for (const [name, value] of Object.entries(labels)) {
      let word = words.get(value);
      if (word === undefined) words.set(value, (word = value));
      copy[name] = word;
    }
    return copy;
  }

  function removeSeries(series: StoredSeries, key: string): void {
    series.target.series.delete(key);
    series.target.dirty.delete(series);
    index.remove(series.labels, series);
    series.raw.dispose();
    series.coarse.dispose();
    count--;
  }

  function trimTarget(target: Target, rawFrom: number, coarseFrom: number): void {
    const rawTick = target.raw.firstAfter(rawFrom);
    const coarseTick = target.coarse.firstAfter(coarseFrom);
    for (const [key, series] of target.series) {
      series.raw.dropBefore(rawTick);
      series.coarse.dropBefore(coarseTick);
      if (series.end !== undefined && series.end.timeMs <= coarseFrom) removeSeries(series, key);
    }
    target.raw.dropBefore(rawTick);
    target.coarse.dropBefore(coarseTick);
    if (target.raw.next === target.raw.first && target.coarse.next === target.coarse.first) {
      for (const [key, series] of target.series) removeSeries(series, key);
      target.raw.dispose();
      target.coarse.dispose();
      targets.delete(target.key);
    }
  }

  const store: MetricStore = {
    target(labels) {
      const key = labelKey(labels);
      let target = targets.get(key);
      if (target === undefined) {
        target = { key, labels: interned(labels), raw: new TickLog(account), coarse: new TickLog(account), series: new Map(), dirty: new Set() };
        targets.set(key, target);
      }
      return target;
    },
    series(target, labels) {
      const key = labelKey(labels);
      const known = target.series.get(key);
      if (known !== undefined) return known;
      if (count >= retention.maxSeries) return undefined;
      const series: StoredSeries = { labels: interned(labels), target, raw: new ChangeLog(account), coarse: new ChangeLog(account), end: undefined };
      target.series.set(key, series);
      index.add(series.labels, series);
      count++;
      return series;
    },
    tick(target, timeMs) {
      const last = target.raw.lastTimeMs;
      const time = last !== undefined && timeMs <= last ? last + 1 : timeMs;
      if (last !== undefined && Math.floor(last / retention.coarseStepMs) !== Math.floor(time / retention.coarseStepMs)) closeSlot(target, last);
      return target.raw.append(time);
    },
    set(series, tick, value) {
      if (series.raw.lastValue !== value || series.raw.firstTick === undefined) series.raw.append(tick, value);
      series.end = undefined;
      series.target.dirty.add(series);
    },
    end(series, tick) {
      series.end = { tick, timeMs: series.target.raw.timeOf(tick) };
    },
    trim(nowMs) {
      const pass = (): void => {
        for (const target of targets.values())
          trimTarget(target, nowMs - retention.rawMs * share, nowMs - Math.max(retention.coarseMs * share, retention.rawMs * share));
      };
      pass();
      if (account.bytes < retention.maxBytes * 0.7) share = Math.min(1, share * 1.05);
      while (account.bytes > retention.maxBytes && share > 0.001) {
        share *= 0.75;
        evictions++;
        pass();
      }
      if (words.size > 4 * (count + 1000)) words.clear();
    },
    select: (matchers, startMs, endMs) =>
      index
        .find(matchers, (series) => series.labels)
        .flatMap((series) => {
          const data = read(series, startMs, endMs);
          return data === undefined ? [] : [data];
        }),
    find: (matchers, startMs, endMs) =>
      index
        .find(matchers, (series) => series.labels)
        .filter((series) => read(series, startMs, endMs) !== undefined)
        .map((series) => series.labels),
    labelNames: () => index.names(),
    labelValues: (name) => index.values(name),
    targets: () => targets.values(),
    get stats() {
      return { series: count, targets: targets.size, bytes: account.bytes, rawMs: retention.rawMs * share, evictions };
    },
  };
  return store;

  function closeSlot(target: Target, timeMs: number): void {
    const tick = target.coarse.append(timeMs);
    for (const series of target.dirty) {
      const value = series.raw.lastValue;
      if (value !== undefined) series.coarse.append(tick, value);
    }
    target.dirty.clear();
  }
}

/** Coarse samples up to where raw ones begin, then raw ones. */
function read(series: StoredSeries, startMs: number, endMs: number): SeriesData | undefined {
  const { target } = series;
  const rawStart = Math.max(series.raw.firstTick ?? Infinity, target.raw.first);
  const rawStartMs = rawStart < target.raw.next ? target.raw.timeOf(rawStart) : Infinity;
  const lastSeenMs = series.end?.timeMs ?? target.raw.lastTimeMs ?? target.coarse.lastTimeMs ?? -Infinity;
  const staleAtMs = lastSeenMs + STALE_AFTER_MS;
  const raw = slice(series.raw, target.raw, startMs, Math.min(endMs, lastSeenMs));
  const coarse = startMs < rawStartMs ? slice(series.coarse, target.coarse, startMs, Math.min(endMs, lastSeenMs, rawStartMs - 1)) : undefined;
  if (coarse === undefined) return raw === undefined ? undefined : { labels: series.labels, ...raw, staleAtMs };
  if (raw === undefined) return { labels: series.labels, ...coarse, staleAtMs };
  return { labels: series.labels, times: joined(coarse.times, raw.times), values: joined(coarse.values, raw.values), staleAtMs };
}

function slice(log: ChangeLog, ticks: TickLog, startMs: number, endMs: number): { times: Float64Array; values: Float64Array } | undefined {
  const from = Math.max(ticks.firstAfter(startMs), log.firstTick ?? Infinity, ticks.first);
  const to = ticks.firstAfter(endMs) - 1;
  if (!(from <= to)) return undefined;
  return { times: ticks.times(from, to), values: log.expand(from, to) };
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
