import { labelOf } from '../../label-key.ts';
import { trustedRegex } from '../ast.ts';
import type { PromqlEngine } from '../evaluation.ts';
import { instantQuery, type QueryResult } from '../query.ts';
import type { SeriesData, SeriesSource } from '../source.ts';
import { formatLabels } from '../value.ts';

/** A series as a test writes it: labels, then `[seconds, value]` pairs. */
export function series(labels: Record<string, string>, points: readonly (readonly [number, number])[], staleAtMs?: number): SeriesData {
  return { labels, times: Float64Array.from(points, ([s]) => s * 1000), values: Float64Array.from(points, ([, v]) => v), staleAtMs };
}

/** Values at `startS`, `startS + stepS`, …; null is a gap. */
export function every(stepS: number, startS: number, values: readonly (number | null)[]): [number, number][] {
  return values.flatMap((value, i): [number, number][] => (value === null ? [] : [[startS + i * stepS, value]]));
}

function memorySource(all: readonly SeriesData[]): SeriesSource {
  return {
    select: (matchers, startMs, endMs) =>
      all
        .filter((one) => matchers.every((m) => m.matches(labelOf(one.labels, m.name) ?? '')))
        .map((one) => {
          const kept = [...one.times.keys()].filter((i) => (one.times[i] ?? 0) > startMs && (one.times[i] ?? 0) <= endMs);
          return { ...one, times: Float64Array.from(kept, (i) => one.times[i] ?? 0), values: Float64Array.from(kept, (i) => one.values[i] ?? 0) };
        })
        .filter((one) => one.times.length > 0),
  };
}

export function engineOf(all: readonly SeriesData[]): PromqlEngine {
  return { source: memorySource(all), regex: trustedRegex };
}

/** The result of an instant query as `{labels} value` lines, the way Prometheus' documentation shows them. */
function shown(result: QueryResult): string[] {
  if (result.t === 'scalar' || result.t === 'string') return [String(result.value)];
  if (result.t === 'vector') return result.samples.map((s) => `${formatLabels(s.labels)} ${Number(s.value.toPrecision(12))}`);
  return result.series.map((s) => `${formatLabels(s.labels)} ${s.points.map(([t, v]) => `${v}@${t / 1000}`).join(' ')}`);
}

export function ask(all: readonly SeriesData[], query: string, atS: number): string[] {
  return shown(instantQuery(engineOf(all), query, atS * 1000));
}
