import type { Expr, RegexPort, TimeShift } from './ast.ts';
import { executionError, PromqlError } from './error.ts';
import type { SeriesSource } from './source.ts';
import { formatLabels, labelKey, type Column, type Grid, type Value } from './value.ts';

/** What a query is evaluated with. */
export interface PromqlEngine {
  readonly source: SeriesSource;
  readonly regex: RegexPort;
  /** How long an instant selector looks back for a sample. Default five minutes. */
  readonly lookbackMs?: number;
  /** Step of subqueries that name none. Default 15 s. */
  readonly subqueryStepMs?: number;
  /** A query that would hold more values than this is refused. Default 10 million, which is 90 MB. */
  readonly maxValues?: number;
  /** A query that would look at values more often than this is refused. Default 400 million, about two seconds. */
  readonly maxSteps?: number;
}

/** One evaluation: the engine, the moments, and what is left of the limits. */
export interface Evaluation {
  readonly engine: PromqlEngine;
  readonly grid: Grid;
  /** `start()` and `end()` of the outermost query. */
  readonly bounds: { readonly startMs: number; readonly endMs: number };
  readonly budget: { values: number; steps: number };
  /** Evaluates an expression at every moment of the grid at once. */
  readonly evaluate: (ev: Evaluation, expr: Expr) => Value;
}

export type CallExpr = Extract<Expr, { t: 'call' }>;

const TOO_MUCH = 'query processing would load too many samples into memory in query execution; ask for a shorter time, a larger step or fewer series';
const TOO_LONG = 'query processing would take too long; ask for a shorter time, a larger step or fewer series';

/** Takes values that are held in memory from the budget. Throws {@link PromqlError} when it is used up. */
export function spend(ev: Evaluation, values: number, at: Expr): void {
  ev.budget.values -= values;
  spendSteps(ev, values, at);
  if (ev.budget.values < 0) throw new PromqlError('promql/limit', TOO_MUCH, at.from, at.to);
}

/** Takes work that needs no memory from the budget. */
export function spendSteps(ev: Evaluation, steps: number, at: Expr): void {
  ev.budget.steps -= steps;
  if (!(ev.budget.steps >= 0)) throw new PromqlError('promql/limit', TOO_LONG, at.from, at.to);
}

/** The columns of an expression that the checker knows to be an instant vector. */
export function columnsOf(ev: Evaluation, expr: Expr | undefined): readonly Column[] {
  const value = expr === undefined ? undefined : ev.evaluate(ev, expr);
  return value?.t === 'vector' ? value.columns : [];
}

export function numbersOf(ev: Evaluation, expr: Expr | undefined): Float64Array {
  const value = expr === undefined ? undefined : ev.evaluate(ev, expr);
  return value?.t === 'scalar' ? value.values : new Float64Array(ev.grid.count).fill(NaN);
}

export function timeAt(grid: Grid, index: number): number {
  return grid.startMs + index * grid.stepMs;
}

/** The moment a selector reads at, for each moment of the grid. */
export function readTimes(ev: Evaluation, shift: TimeShift): { readonly at: Float64Array; readonly first: number; readonly last: number } {
  const at = new Float64Array(ev.grid.count);
  const fixed = shift.at === 'start' ? ev.bounds.startMs : shift.at === 'end' ? ev.bounds.endMs : shift.at;
  for (let i = 0; i < at.length; i++) at[i] = (fixed ?? timeAt(ev.grid, i)) - shift.offsetMs;
  return { at, first: at[0] ?? 0, last: at.at(-1) ?? 0 };
}

/** Columns that became equal when the name went are one series if they never meet, and a fault if they do. */
export function distinct(expr: Expr, columns: readonly Column[]): Value {
  const seen = new Map<string, Column>();
  for (const column of columns) {
    const key = labelKey(column.labels);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, column);
    else merge(expr, first, column);
  }
  return { t: 'vector', columns: [...seen.values()] };
}

function merge(expr: Expr, into: Column, column: Column): void {
  for (const [i, present] of column.present.entries()) {
    if (present !== 1) continue;
    if (into.present[i] === 1) throw executionError(`vector cannot contain metrics with the same labelset: ${formatLabels(column.labels)}`, expr);
    into.values[i] = column.values[i] ?? NaN;
    into.present[i] = 1;
  }
}
