import type { Labels } from '../metrics/registry.ts';
import type { Expr } from './ast.ts';
import { PromqlError } from './error.ts';
import { evaluate, type Evaluation, type PromqlEngine } from './evaluate.ts';
import { parsePromql } from './parse.ts';
import { labelKey, type Column } from './value.ts';

/** One value at one moment. Times are milliseconds since the epoch. */
export interface VectorSample {
  readonly labels: Labels;
  readonly timeMs: number;
  readonly value: number;
}

/** The values of one series, ascending in time. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly points: readonly (readonly [timeMs: number, value: number])[];
}

export type QueryResult =
  | { readonly t: 'scalar'; readonly timeMs: number; readonly value: number }
  | { readonly t: 'string'; readonly timeMs: number; readonly value: string }
  | { readonly t: 'vector'; readonly samples: readonly VectorSample[] }
  | { readonly t: 'matrix'; readonly series: readonly MatrixSeries[] };

/** More points a series than this are refused, as Prometheus does. */
export const MAX_POINTS = 11_000;
const DEFAULT_MAX_VALUES = 50_000_000;

function evaluation(engine: PromqlEngine, startMs: number, stepMs: number, count: number): Evaluation {
  const bounds = { startMs, endMs: startMs + (count - 1) * stepMs };
  return { engine, grid: { startMs, stepMs, count }, bounds, budget: { left: engine.maxValues ?? DEFAULT_MAX_VALUES } };
}

/** Answers a query at one moment. Throws {@link PromqlError}. */
export function instantQuery(engine: PromqlEngine, query: string | Expr, timeMs: number): QueryResult {
  const expr = typeof query === 'string' ? parsePromql(query, engine.regex) : query;
  const value = evaluate(evaluation(engine, timeMs, 1, 1), expr);
  if (value.t === 'scalar') return { t: 'scalar', timeMs, value: value.values[0] ?? NaN };
  if (value.t === 'string') return { t: 'string', timeMs, value: value.value };
  if (value.t === 'matrix') {
    const end = value.ends[0] ?? timeMs;
    const series = value.runs.map((run) => ({
      labels: run.labels,
      points: Array.from(run.times, (time, i) => [time, run.values[i] ?? NaN] as const).filter(([time]) => time > end - value.rangeMs && time <= end),
    }));
    return { t: 'matrix', series: series.filter((one) => one.points.length > 0) };
  }
  const samples = value.columns
    .filter((column) => column.present[0] === 1)
    .map((column) => ({ labels: column.labels, timeMs, value: column.values[0] ?? NaN }));
  return { t: 'vector', samples };
}

/** Answers a query at `startMs`, `startMs + stepMs`, … up to `endMs`. Throws {@link PromqlError}. */
export function rangeQuery(engine: PromqlEngine, query: string | Expr, startMs: number, endMs: number, stepMs: number): QueryResult {
  if (!(stepMs > 0))
    throw new PromqlError('promql/parse', 'zero or negative query resolution step widths are not accepted. Try a positive integer', 0, 0);
  if (endMs < startMs) throw new PromqlError('promql/parse', 'end timestamp must not be before start time', 0, 0);
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  if (count > MAX_POINTS) {
    throw new PromqlError(
      'promql/parse',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
      0,
      0,
    );
  }
  const expr = typeof query === 'string' ? parsePromql(query, engine.regex) : query;
  const ev = evaluation(engine, startMs, stepMs, count);
  const value = evaluate(ev, expr);
  if (value.t === 'matrix' || value.t === 'string') {
    throw new PromqlError(
      'promql/parse',
      `invalid expression type "${value.t === 'matrix' ? 'range vector' : 'string'}" for range query, must be Scalar or instant Vector`,
      expr.from,
      expr.to,
    );
  }
  if (value.t === 'scalar') {
    return { t: 'matrix', series: [{ labels: {}, points: Array.from(value.values, (v, i) => [startMs + i * stepMs, v] as const) }] };
  }
  const series = value.columns
    .map((column) => ({ labels: column.labels, points: pointsOf(column, startMs, stepMs) }))
    .filter((one) => one.points.length > 0);
  return { t: 'matrix', series: series.toSorted((a, b) => (labelKey(a.labels) < labelKey(b.labels) ? -1 : 1)) };
}

function pointsOf(column: Column, startMs: number, stepMs: number): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [];
  for (const [i, present] of column.present.entries()) if (present === 1) points.push([startMs + i * stepMs, column.values[i] ?? NaN]);
  return points;
}
