import type { Expr, SelectorExpr, SubqueryExpr } from './ast.ts';
import { readTimes, spend, spendSteps, timeAt, type CallExpr, type Evaluation } from './evaluation.ts';
import type { SeriesData } from './source.ts';
import { emptyColumn, withoutName, type Column, type SampleRun, type Value } from './value.ts';
import type { Window, WindowFunction } from './windows.ts';

/** What an instant selector takes of a sample: its value, or for `timestamp()` its own time in seconds. */
export type Picked = 'value' | 'time';

/** The latest sample of each series at every moment, if it is not too old. */
export function instantSelector(ev: Evaluation, expr: SelectorExpr, picked: Picked): Column[] {
  const lookbackMs = ev.engine.lookbackMs ?? 300_000;
  const { at, first, last } = readTimes(ev, expr.shift);
  const columns: Column[] = [];
  for (const series of ev.engine.source.select(expr.matchers, first - lookbackMs, last)) {
    spend(ev, series.times.length + at.length, expr);
    const column = latest(series, at, lookbackMs, picked);
    if (column !== undefined) columns.push(column);
  }
  return columns;
}

/** Undefined when there is no sample at any moment. */
function latest(series: SeriesData, at: Float64Array, lookbackMs: number, picked: Picked): Column | undefined {
  const { times, values, staleAtMs = Infinity } = series;
  const column = emptyColumn(series.labels, at.length);
  let next = 0;
  let found = 0;
  for (const [i, moment] of at.entries()) {
    while (next < times.length && (times[next] ?? Infinity) <= moment) next++;
    const time = times[next - 1] ?? -Infinity;
    if (time <= moment - lookbackMs || moment >= staleAtMs) continue;
    column.values[i] = picked === 'time' ? time / 1000 : (values[next - 1] ?? NaN);
    column.present[i] = 1;
    found++;
  }
  return found > 0 ? column : undefined;
}

/** The raw samples of a range selector, for all moments together. */
export function matrixOf(ev: Evaluation, selector: SelectorExpr, rangeMs: number): Value {
  const { at, first, last } = readTimes(ev, selector.shift);
  const runs = ev.engine.source.select(selector.matchers, first - rangeMs, last);
  for (const run of runs) spend(ev, run.times.length, selector);
  return { t: 'matrix', runs, rangeMs, ends: at };
}

/** The inner expression on its own grid, whose moments are multiples of the step, so that neighbouring evaluations agree. */
export function subquery(ev: Evaluation, expr: SubqueryExpr): Value {
  const { at, first, last } = readTimes(ev, expr.shift);
  const stepMs = expr.stepMs ?? ev.engine.subqueryStepMs ?? 15_000;
  const startMs = (Math.floor((first - expr.rangeMs) / stepMs) + 1) * stepMs;
  const count = Math.max(0, Math.floor((last - startMs) / stepMs) + 1);
  spend(ev, count, expr);
  const inner: Evaluation = { ...ev, grid: { startMs, stepMs, count } };
  return { t: 'matrix', runs: columnsAt(inner, expr.expr).map((column) => runOf(inner, column)), rangeMs: expr.rangeMs, ends: at };
}

function columnsAt(ev: Evaluation, expr: Expr): readonly Column[] {
  const value = ev.evaluate(ev, expr);
  if (value.t === 'scalar') return [{ labels: {}, values: value.values, present: new Uint8Array(ev.grid.count).fill(1) }];
  return value.t === 'vector' ? value.columns : [];
}

function runOf({ grid }: Evaluation, { labels, values, present }: Column): SampleRun {
  const count = present.reduce((total, one) => total + one, 0);
  const run = { labels, times: new Float64Array(count), values: new Float64Array(count) };
  let at = 0;
  for (const [i, one] of present.entries()) {
    if (one !== 1) continue;
    run.times[at] = timeAt(grid, i);
    run.values[at++] = values[i] ?? NaN;
  }
  return run;
}

/** A window function as it is called. */
export interface WindowCall {
  /** The range vector. */
  readonly arg: Expr | undefined;
  readonly run: WindowFunction;
  /** The scalar arguments, each at every moment. */
  readonly args: readonly Float64Array[];
}

const KEEP_NAME: readonly string[] = ['last_over_time', 'first_over_time'];

/** Runs a window function over every series and moment. The result has no metric name, but for `last_over_time` and `first_over_time`. */
export function windows(ev: Evaluation, expr: CallExpr, call: WindowCall): Column[] {
  const matrix = call.arg === undefined ? undefined : ev.evaluate(ev, call.arg);
  if (matrix?.t !== 'matrix') return [];
  const columns: Column[] = [];
  for (const series of matrix.runs) {
    spend(ev, ev.grid.count, expr);
    const column = emptyColumn(KEEP_NAME.includes(expr.name) ? series.labels : withoutName(series.labels), ev.grid.count);
    slide(series, matrix, (w, i) => {
      spendSteps(ev, w.hi - w.lo, expr);
      w.args = call.args.map((list) => list[i] ?? NaN);
      const value = call.run(w);
      if (value === undefined) return;
      column.values[i] = value;
      column.present[i] = 1;
    });
    if (column.present.includes(1)) columns.push(column);
  }
  return columns;
}

/** Shows each window that holds a sample. `ends` ascend, so that both its edges only move forward. */
function slide(series: SampleRun, { ends, rangeMs }: Extract<Value, { t: 'matrix' }>, visit: (w: Window, index: number) => void): void {
  const { times, values } = series;
  const w: Window = { times, values, lo: 0, hi: 0, startMs: 0, endMs: 0, args: [] };
  for (const [i, end] of ends.entries()) {
    w.endMs = end;
    w.startMs = end - rangeMs;
    while (w.hi < times.length && (times[w.hi] ?? Infinity) <= end) w.hi++;
    while (w.lo < w.hi && (times[w.lo] ?? Infinity) <= w.startMs) w.lo++;
    if (w.lo < w.hi) visit(w, i);
  }
}
