import { aggregate, type AggregateParam } from './aggregate.ts';
import { SET_OPS, type AggregateExpr, type BinaryExpr, type Expr } from './ast.ts';
import { operate, setOperation, vectorScalar, vectorVector } from './binary.ts';
import { executionError } from './error.ts';
import { columnsOf, distinct, numbersOf, spend, timeAt, type CallExpr, type Evaluation } from './evaluation.ts';
import { FUNCTIONS } from './functions.ts';
import { DATE_FUNCTIONS, MAP_FUNCTIONS, type MapFunction } from './maps.ts';
import { instantSelector, matrixOf, subquery, windows } from './selectors.ts';
import { special } from './special.ts';
import { emptyColumn, withoutName, type Column, type Value } from './value.ts';
import { WINDOW_FUNCTIONS } from './windows.ts';

/** Evaluates an expression at every moment of the grid at once. What it makes is taken from the budget. */
export function evaluate(ev: Evaluation, expr: Expr): Value {
  const value = valueOf(ev, expr);
  if (value.t === 'scalar') spend(ev, ev.grid.count, expr);
  else if (value.t === 'vector' && expr.t !== 'selector') spend(ev, value.columns.length * ev.grid.count, expr);
  return value;
}

function valueOf(ev: Evaluation, expr: Expr): Value {
  switch (expr.t) {
    case 'number':
      return { t: 'scalar', values: new Float64Array(ev.grid.count).fill(expr.value) };
    case 'string':
      return { t: 'string', value: expr.value };
    case 'selector':
      return { t: 'vector', columns: instantSelector(ev, expr, 'value') };
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
  const operation = SET_OPS.includes(expr.op) ? setOperation : vectorVector;
  return distinct(expr, operation(expr, left.columns, right.columns, count));
}

function aggregation(ev: Evaluation, expr: AggregateExpr): Value {
  const columns = columnsOf(ev, expr.expr);
  let param: AggregateParam;
  if (expr.param?.t === 'string') param = { label: expr.param.value };
  else if (expr.param !== undefined) param = { numbers: numbersOf(ev, expr.param) };
  return { t: 'vector', columns: aggregate(expr, columns, param, ev.grid.count) };
}

function call(ev: Evaluation, expr: CallExpr): Value {
  const kind = FUNCTIONS[expr.name]?.kind;
  const window = kind === 'window' ? WINDOW_FUNCTIONS[expr.name] : undefined;
  if (window !== undefined) {
    const [arg, ...scalars] = expr.args;
    return distinct(expr, windows(ev, expr, { arg, run: window, args: scalars.map((one) => numbersOf(ev, one)) }));
  }
  const map = kind === 'map' || kind === 'date' ? (MAP_FUNCTIONS[expr.name] ?? DATE_FUNCTIONS[expr.name]) : undefined;
  if (map === undefined) return special(ev, expr);
  return distinct(expr, mapped(ev, expr, expr.args.length === 0 ? [nowColumn(ev)] : columnsOf(ev, expr.args[0]), map));
}

function mapped(ev: Evaluation, expr: CallExpr, columns: readonly Column[], run: MapFunction): Column[] {
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
