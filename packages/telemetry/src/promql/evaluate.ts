import { aggregate, type AggregateParam } from './aggregate.ts';
import {
  SET_OPS,
  type AggregateExpr,
  type BinaryExpr,
  type Expr,
  type RegexPort,
  type SelectorExpr,
  type SubqueryExpr,
  type TimeShift,
} from './ast.ts';
import { operate, setOperation, vectorScalar, vectorVector } from './binary.ts';
import { executionError, PromqlError } from './error.ts';
import { FUNCTIONS } from './functions.ts';
import { DATE_FUNCTIONS, MAP_FUNCTIONS, type MapFunction } from './maps.ts';
import type { SeriesSource } from './source.ts';
import { special } from './special.ts';
import { emptyColumn, formatLabels, labelKey, withoutName, type Column, type Grid, type SampleRun, type Value } from './value.ts';
import { WINDOW_FUNCTIONS, type Window, type WindowFunction } from './windows.ts';

/** What a query is evaluated with. */
export interface PromqlEngine {
  readonly source: SeriesSource;
  readonly regex: RegexPort;
  /** How long an instant selector looks back for a sample. Default five minutes. */
  readonly lookbackMs?: number;
  /** Step of subqueries that name none. Default 15 s. */
  readonly subqueryStepMs?: number;
  /** A query that would touch more values than this is refused. Default 50 million. */
  readonly maxValues?: number;
}

/** One evaluation: the engine, the moments, and what is left of the limit. */
export interface Evaluation {
  readonly engine: PromqlEngine;
  readonly grid: Grid;
  /** `start()` and `end()` of the outermost query. */
  readonly bounds: { readonly startMs: number; readonly endMs: number };
  readonly budget: { left: number };
}

/** Evaluates an expression at every moment of the grid at once. */
export function evaluate(ev: Evaluation, expr: Expr): Value {
  switch (expr.t) {
    case 'number':
      return { t: 'scalar', values: new Float64Array(ev.grid.count).fill(expr.value) };
    case 'string':
      return { t: 'string', value: expr.value };
    case 'selector':
      return { t: 'vector', columns: instantSelector(ev, expr, false) };
    case 'range':
      return matrixOf(ev, expr.selector, expr.rangeMs);
    case 'subquery':
      return subquery(ev, expr);
    case 'negate':
      return negate(evaluate(ev, expr.expr));
    case 'binary':
      return binary(ev, expr);
    case 'aggregate':
      return aggregation(ev, expr);
    case 'call':
      return call(ev, expr);
  }
}

/** The columns of an expression that the checker knows to be an instant vector. */
export function columnsOf(ev: Evaluation, expr: Expr | undefined): readonly Column[] {
  const value = expr === undefined ? undefined : evaluate(ev, expr);
  return value?.t === 'vector' ? value.columns : [];
}

export function numbersOf(ev: Evaluation, expr: Expr | undefined): Float64Array {
  const value = expr === undefined ? undefined : evaluate(ev, expr);
  return value?.t === 'scalar' ? value.values : new Float64Array(ev.grid.count).fill(NaN);
}

export function timeAt(grid: Grid, index: number): number {
  return grid.startMs + index * grid.stepMs;
}

function spend(ev: Evaluation, values: number, at: Expr): void {
  ev.budget.left -= values;
  if (ev.budget.left < 0)
    throw new PromqlError(
      'promql/limit',
      'query processing would load too many samples into memory in query execution; ask for a shorter time, a larger step or fewer series',
      at.from,
      at.to,
    );
}

/** The moment a selector reads at, for each moment of the grid. */
function readTimes(ev: Evaluation, shift: TimeShift): Float64Array {
  const times = new Float64Array(ev.grid.count);
  const fixed = shift.at === 'start' ? ev.bounds.startMs : shift.at === 'end' ? ev.bounds.endMs : shift.at;
  for (let i = 0; i < times.length; i++) times[i] = (fixed ?? timeAt(ev.grid, i)) - shift.offsetMs;
  return times;
}

/** With `asTimes` the values are the samples' own times in seconds, for `timestamp()`. */
export function instantSelector(ev: Evaluation, expr: SelectorExpr, asTimes: boolean): Column[] {
  const lookback = ev.engine.lookbackMs ?? 300_000;
  const at = readTimes(ev, expr.shift);
  const first = Math.min(at[0] ?? 0, at.at(-1) ?? 0);
  const last = Math.max(at[0] ?? 0, at.at(-1) ?? 0);
  const columns: Column[] = [];
  for (const series of ev.engine.source.select(expr.matchers, first - lookback, last)) {
    spend(ev, series.times.length + at.length, expr);
    const column = emptyColumn(series.labels, at.length);
    let next = 0;
    let any = false;
    for (const [i, moment] of at.entries()) {
      while (next < series.times.length && (series.times[next] ?? Infinity) <= moment) next++;
      const time = series.times[next - 1];
      if (time === undefined || time <= moment - lookback) continue;
      if (series.staleAtMs !== undefined && moment >= series.staleAtMs) continue;
      column.values[i] = asTimes ? time / 1000 : (series.values[next - 1] ?? NaN);
      column.present[i] = 1;
      any = true;
    }
    if (any) columns.push(column);
  }
  return columns;
}

function matrixOf(ev: Evaluation, selector: SelectorExpr, rangeMs: number): Value {
  const ends = readTimes(ev, selector.shift);
  const first = Math.min(ends[0] ?? 0, ends.at(-1) ?? 0);
  const last = Math.max(ends[0] ?? 0, ends.at(-1) ?? 0);
  const runs = ev.engine.source.select(selector.matchers, first - rangeMs, last);
  for (const run of runs) spend(ev, run.times.length, selector);
  return { t: 'matrix', runs, rangeMs, ends };
}

/** The inner expression on its own grid, whose moments are multiples of the step, so that neighbouring evaluations agree. */
function subquery(ev: Evaluation, expr: SubqueryExpr): Value {
  const ends = readTimes(ev, expr.shift);
  const stepMs = expr.stepMs ?? ev.engine.subqueryStepMs ?? 15_000;
  const first = Math.min(ends[0] ?? 0, ends.at(-1) ?? 0) - expr.rangeMs;
  const last = Math.max(ends[0] ?? 0, ends.at(-1) ?? 0);
  const startMs = (Math.floor(first / stepMs) + 1) * stepMs;
  const count = Math.max(0, Math.floor((last - startMs) / stepMs) + 1);
  spend(ev, count, expr);
  const inner: Evaluation = { ...ev, grid: { startMs, stepMs, count } };
  const value = evaluate(inner, expr.expr);
  const columns: readonly Column[] =
    value.t === 'scalar' ? [{ labels: {}, values: value.values, present: new Uint8Array(count).fill(1) }] : value.t === 'vector' ? value.columns : [];
  const runs = columns.map((column): SampleRun => {
    const kept = [...column.present.keys()].filter((i) => column.present[i] === 1);
    return {
      labels: column.labels,
      times: Float64Array.from(kept, (i) => timeAt(inner.grid, i)),
      values: Float64Array.from(kept, (i) => column.values[i] ?? NaN),
    };
  });
  return { t: 'matrix', runs, rangeMs: expr.rangeMs, ends };
}

function negate(value: Value): Value {
  if (value.t === 'scalar') return { t: 'scalar', values: value.values.map((v) => -v) };
  if (value.t !== 'vector') return value;
  return { t: 'vector', columns: value.columns.map((c) => ({ labels: withoutName(c.labels), values: c.values.map((v) => -v), present: c.present })) };
}

function binary(ev: Evaluation, expr: BinaryExpr): Value {
  const left = evaluate(ev, expr.left);
  const right = evaluate(ev, expr.right);
  if (left.t === 'scalar' && right.t === 'scalar') {
    return { t: 'scalar', values: left.values.map((value, i) => operate(expr.op, value, right.values[i] ?? NaN)) };
  }
  if (left.t === 'vector' && right.t === 'scalar') return distinct(expr, vectorScalar(expr, left.columns, right.values, true));
  if (left.t === 'scalar' && right.t === 'vector') return distinct(expr, vectorScalar(expr, right.columns, left.values, false));
  if (left.t !== 'vector' || right.t !== 'vector') throw executionError('binary expression must contain only scalar and instant vector types', expr);
  const { count } = ev.grid;
  spend(ev, (left.columns.length + right.columns.length) * count, expr);
  const operation = SET_OPS.includes(expr.op) ? setOperation : vectorVector;
  return distinct(expr, operation(expr, left.columns, right.columns, count));
}

function aggregation(ev: Evaluation, expr: AggregateExpr): Value {
  const columns = columnsOf(ev, expr.expr);
  spend(ev, columns.length * ev.grid.count, expr);
  let param: AggregateParam;
  if (expr.param?.t === 'string') param = { label: expr.param.value };
  else if (expr.param !== undefined) param = { numbers: numbersOf(ev, expr.param) };
  return { t: 'vector', columns: aggregate(expr, columns, param, ev.grid.count) };
}

function call(ev: Evaluation, expr: Extract<Expr, { t: 'call' }>): Value {
  const kind = FUNCTIONS[expr.name]?.kind;
  if (kind === 'window') {
    const run = WINDOW_FUNCTIONS[expr.name];
    const args = expr.args.slice(1).map((arg) => numbersOf(ev, arg));
    if (run !== undefined)
      return distinct(
        expr,
        windows(ev, expr, expr.args[0], run, (i) => args.map((list) => list[i] ?? NaN)),
      );
  }
  if (kind === 'map' || kind === 'date') {
    const run = MAP_FUNCTIONS[expr.name] ?? DATE_FUNCTIONS[expr.name];
    const columns = expr.args.length === 0 ? [nowColumn(ev)] : columnsOf(ev, expr.args[0]);
    if (run !== undefined) return distinct(expr, mapped(ev, expr, columns, run));
  }
  return special(ev, expr);
}

/** Runs a window function over every series and moment. The result has no metric name, but for `last_over_time` and `first_over_time`. */
export function windows(
  ev: Evaluation,
  expr: Extract<Expr, { t: 'call' }>,
  arg: Expr | undefined,
  run: WindowFunction,
  argsAt: (index: number) => readonly number[],
): Column[] {
  const matrix = arg === undefined ? undefined : evaluate(ev, arg);
  if (matrix?.t !== 'matrix') return [];
  const keepsName = expr.name === 'last_over_time' || expr.name === 'first_over_time';
  const columns: Column[] = [];
  for (const series of matrix.runs) {
    spend(ev, ev.grid.count, expr);
    const column = emptyColumn(keepsName ? series.labels : withoutName(series.labels), ev.grid.count);
    const w: Window = { times: series.times, values: series.values, lo: 0, hi: 0, startMs: 0, endMs: 0, args: [] };
    let any = false;
    for (const [i, end] of matrix.ends.entries()) {
      w.endMs = end;
      w.startMs = end - matrix.rangeMs;
      while (w.hi < w.times.length && (w.times[w.hi] ?? Infinity) <= end) w.hi++;
      while (w.lo < w.hi && (w.times[w.lo] ?? Infinity) <= w.startMs) w.lo++;
      if (w.lo >= w.hi) continue;
      w.args = argsAt(i);
      const value = run(w);
      if (value === undefined) continue;
      column.values[i] = value;
      column.present[i] = 1;
      any = true;
    }
    if (any) columns.push(column);
  }
  return columns;
}

function mapped(ev: Evaluation, expr: Extract<Expr, { t: 'call' }>, columns: readonly Column[], run: MapFunction): Column[] {
  const args = expr.args.slice(1).map((arg) => numbersOf(ev, arg));
  return columns.map((column) => {
    const result = emptyColumn(withoutName(column.labels), ev.grid.count);
    for (let i = 0; i < ev.grid.count; i++) {
      if (column.present[i] !== 1) continue;
      const here = args.map((list) => list[i] ?? NaN);
      // An empty interval clamps everything away.
      if (expr.name === 'clamp' && (here[0] ?? NaN) > (here[1] ?? NaN)) continue;
      result.values[i] = run(column.values[i] ?? NaN, here);
      result.present[i] = 1;
    }
    return result;
  });
}

function nowColumn(ev: Evaluation): Column {
  const column = emptyColumn({}, ev.grid.count);
  for (let i = 0; i < ev.grid.count; i++) column.values[i] = timeAt(ev.grid, i) / 1000;
  column.present.fill(1);
  return column;
}

/** Columns that became equal when the name went are one series if they never meet, and a fault if they do. */
export function distinct(expr: Expr, columns: readonly Column[]): Value {
  const seen = new Map<string, Column>();
  const list: Column[] = [];
  for (const column of columns) {
    const key = labelKey(column.labels);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, column);
      list.push(column);
      continue;
    }
    for (const [i, present] of column.present.entries()) {
      if (present !== 1) continue;
      if (first.present[i] === 1) throw executionError(`vector cannot contain metrics with the same labelset: ${formatLabels(column.labels)}`, expr);
      first.values[i] = column.values[i] ?? NaN;
      first.present[i] = 1;
    }
  }
  return { t: 'vector', columns: list };
}
