import type { Labels } from '../metrics/registry.ts';
import type { Expr } from './ast.ts';
import { PromqlError } from './error.ts';
import { evaluate } from './evaluate.ts';
import type { Evaluation, PromqlEngine } from './evaluation.ts';
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
/** An answer has at most so many points: as objects and text each takes about a hundred bytes. */
const MAX_RESULT_POINTS = 1_000_000;
const DEFAULT_MAX_VALUES = 10_000_000;
const DEFAULT_MAX_STEPS = 400_000_000;

/** The moments of a range query: `startMs`, `startMs + stepMs`, … up to `endMs`. */
export interface QueryRange {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

function evaluation(engine: PromqlEngine, startMs: number, stepMs: number, count: number): Evaluation {
  const bounds = { startMs, endMs: startMs + (count - 1) * stepMs };
  const budget = { values: engine.maxValues ?? DEFAULT_MAX_VALUES, steps: engine.maxSteps ?? DEFAULT_MAX_STEPS };
  return { engine, grid: { startMs, stepMs, count }, bounds, budget, evaluate };
}

/** Answers a query at one moment. Throws {@link PromqlError}. */
export function instantQuery(engine: PromqlEngine, query: string | Expr, timeMs: number): QueryResult {
  const expr = typeof query === 'string' ? parsePromql(query, engine.regex) : query;
  const value = evaluate(evaluation(engine, timeMs, 1, 1), expr);
  if (value.t === 'scalar') return { t: 'scalar', timeMs, value: value.values[0] ?? NaN };
  if (value.t === 'string') return { t: 'string', timeMs, value: value.value };
  if (value.t === 'matrix') {
    refuseHuge(
      expr,
      value.runs.reduce((total, run) => total + run.times.length, 0),
    );
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

/** Answers a query at all moments of a range. Throws {@link PromqlError}. */
export function rangeQuery(engine: PromqlEngine, query: string | Expr, range: QueryRange): QueryResult {
  const { startMs, stepMs } = range;
  const count = pointCount(range);
  const expr = typeof query === 'string' ? parsePromql(query, engine.regex) : query;
  const value = evaluate(evaluation(engine, startMs, stepMs, count), expr);
  if (value.t === 'matrix' || value.t === 'string') {
    const type = value.t === 'matrix' ? 'range vector' : 'string';
    throw badRange(`invalid expression type "${type}" for range query, must be Scalar or instant Vector`, expr);
  }
  if (value.t === 'scalar') {
    return { t: 'matrix', series: [{ labels: {}, points: Array.from(value.values, (v, i) => [startMs + i * stepMs, v] as const) }] };
  }
  refuseHuge(expr, value.columns.length * count);
  const series = value.columns
    .map((column) => ({ labels: column.labels, points: pointsOf(column, startMs, stepMs) }))
    .filter((one) => one.points.length > 0);
  return { t: 'matrix', series: series.toSorted((a, b) => (labelKey(a.labels) < labelKey(b.labels) ? -1 : 1)) };
}

function refuseHuge({ from, to }: Expr, points: number): void {
  if (points <= MAX_RESULT_POINTS) return;
  throw new PromqlError(
    'promql/limit',
    `the answer would have ${points} points, the limit is ${MAX_RESULT_POINTS}; aggregate, or ask for a larger step`,
    from,
    to,
  );
}

function pointCount({ startMs, endMs, stepMs }: QueryRange): number {
  if (!(stepMs > 0)) throw badRange('zero or negative query resolution step widths are not accepted. Try a positive integer');
  if (!(endMs >= startMs)) throw badRange('end timestamp must not be before start time');
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  if (!(count <= MAX_POINTS))
    throw badRange('exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)');
  return count;
}

function badRange(message: string, at: { readonly from: number; readonly to: number } = { from: 0, to: 0 }): PromqlError {
  return new PromqlError('promql/parse', message, at.from, at.to);
}

function pointsOf(column: Column, startMs: number, stepMs: number): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = [];
  for (const [i, present] of column.present.entries()) if (present === 1) points.push([startMs + i * stepMs, column.values[i] ?? NaN]);
  return points;
}
