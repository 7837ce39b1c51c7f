import { labelOf } from '../label-key.ts';
import type { Labels } from '../metrics/registry.ts';
import { compare } from './aggregate.ts';
import type { Expr, LabelMatcher } from './ast.ts';
import { executionError } from './error.ts';
import { columnsOf, distinct, numbersOf, spend, spendSteps, timeAt, type CallExpr, type Evaluation } from './evaluation.ts';
import { histogramQuantile } from './histogram.ts';
import { instantSelector, windows } from './selectors.ts';
import { emptyColumn, labelKey, withoutName, type Column, type Value } from './value.ts';
import { quantileOf, type WindowFunction } from './windows.ts';

/** Functions that are neither a map over values nor a window over samples. */
export function special(ev: Evaluation, expr: CallExpr): Value {
  const run = SPECIAL[expr.name];
  if (run === undefined) throw executionError(`function "${expr.name}" is not supported`, expr);
  return run(ev, expr);
}

const vector = (columns: readonly Column[]): Value => ({ t: 'vector', columns });

function text(expr: Expr | undefined): string {
  return expr?.t === 'string' ? expr.value : '';
}

const SPECIAL: Readonly<Record<string, (ev: Evaluation, expr: CallExpr) => Value>> = {
  histogram_quantile: (ev, expr) => distinct(expr, histogramQuantile(numbersOf(ev, expr.args[0]), columnsOf(ev, expr.args[1]))),
  quantile_over_time(ev, expr) {
    const [q, arg] = expr.args;
    const run: WindowFunction = (w) => {
      // Sorting costs more than looking.
      spendSteps(ev, (w.hi - w.lo) * 10, expr);
      return quantileOf(w.args[0] ?? NaN, Array.from(w.values.subarray(w.lo, w.hi)));
    };
    return distinct(expr, windows(ev, expr, { arg, run, args: [numbersOf(ev, q)] }));
  },
  absent: (ev, expr) => vector([absent(ev, columnsOf(ev, expr.args[0]), expr.args[0])]),
  absent_over_time: (ev, expr) => vector([absent(ev, windows(ev, expr, { arg: expr.args[0], run: () => 1, args: [] }), expr.args[0])]),
  label_replace: labelReplace,
  label_join: labelJoin,
  sort: (ev, expr) => vector(sorted(columnsOf(ev, expr.args[0]), false)),
  sort_desc: (ev, expr) => vector(sorted(columnsOf(ev, expr.args[0]), true)),
  sort_by_label: (ev, expr) => vector(sortedByLabels(ev, expr, 1)),
  sort_by_label_desc: (ev, expr) => vector(sortedByLabels(ev, expr, -1)),
  scalar: (ev, expr) => ({ t: 'scalar', values: singles(columnsOf(ev, expr.args[0]), ev.grid.count) }),
  vector: (ev, expr) => vector([{ labels: {}, values: numbersOf(ev, expr.args[0]), present: new Uint8Array(ev.grid.count).fill(1) }]),
  time: (ev) => ({ t: 'scalar', values: Float64Array.from({ length: ev.grid.count }, (_, i) => timeAt(ev.grid, i) / 1000) }),
  pi: (ev) => ({ t: 'scalar', values: new Float64Array(ev.grid.count).fill(Math.PI) }),
  timestamp,
};

/** Of a selector the samples' own times, of anything else the time of evaluation. */
function timestamp(ev: Evaluation, expr: CallExpr): Value {
  const arg = expr.args[0];
  if (arg?.t === 'selector')
    return distinct(
      expr,
      instantSelector(ev, arg, 'time').map((c) => ({ ...c, labels: withoutName(c.labels) })),
    );
  const columns = columnsOf(ev, arg).map((column) => ({
    labels: withoutName(column.labels),
    values: column.values.map((_, i) => timeAt(ev.grid, i) / 1000),
    present: column.present,
  }));
  return distinct(expr, columns);
}

function absent(ev: Evaluation, columns: readonly Column[], arg: Expr | undefined): Column {
  const result = emptyColumn(absentLabels(arg), ev.grid.count);
  for (let i = 0; i < ev.grid.count; i++) {
    if (columns.some((column) => column.present[i] === 1)) continue;
    result.values[i] = 1;
    result.present[i] = 1;
  }
  return result;
}

/** The labels that a missing series would have had for certain: those with exactly one equality matcher. */
function absentLabels(arg: Expr | undefined): Labels {
  const matchers: readonly LabelMatcher[] = arg?.t === 'selector' ? arg.matchers : arg?.t === 'range' ? arg.selector.matchers : [];
  const labels: Record<string, string> = {};
  for (const m of matchers) {
    const alone = matchers.filter((other) => other.name === m.name).length === 1;
    if (m.op === '=' && m.name !== '__name__' && m.value !== '' && alone) labels[m.name] = m.value;
  }
  return labels;
}

function labelReplace(ev: Evaluation, expr: CallExpr): Value {
  const [, dst, replacement, source, pattern] = expr.args;
  const name = text(dst);
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw executionError(`invalid destination label name in label_replace(): ${name}`, expr);
  let regex;
  try {
    regex = ev.engine.regex.compile(text(pattern));
  } catch (error) {
    throw executionError(`invalid regular expression in label_replace(): ${error instanceof Error ? error.message : String(error)}`, expr);
  }
  const columns = columnsOf(ev, expr.args[0]).map((column) => {
    const groups = regex.groups(labelOf(column.labels, text(source)) ?? '');
    if (groups === undefined) return column;
    const value = text(replacement).replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
      const key = plain ?? braced;
      if (key === undefined) return whole === '$$' ? '$' : whole;
      return (/^\d+$/.test(key) ? groups.numbered[Number(key)] : groups.named[key]) ?? '';
    });
    return { ...column, labels: withLabel(ev, expr, column.labels, [name, value]) };
  });
  return distinct(expr, columns);
}

function labelJoin(ev: Evaluation, expr: CallExpr): Value {
  const [, dst, separator, ...sources] = expr.args;
  const columns = columnsOf(ev, expr.args[0]).map((column) => {
    const value = sources.map((label) => labelOf(column.labels, text(label)) ?? '').join(text(separator));
    return { ...column, labels: withLabel(ev, expr, column.labels, [text(dst), value]) };
  });
  return distinct(expr, columns);
}

/** Nested calls can double a text each time; its characters count as values. */
function withLabel(ev: Evaluation, expr: CallExpr, labels: Labels, [name, value]: readonly [string, string]): Labels {
  spend(ev, value.length / 4, expr);
  const { [name]: _, ...rest } = labels;
  return value === '' ? rest : { ...rest, [name]: value };
}

function sorted(columns: readonly Column[], descending: boolean): Column[] {
  return columns.toSorted((a, b) => compare(a.values[0] ?? NaN, b.values[0] ?? NaN, descending));
}

function sortedByLabels(ev: Evaluation, expr: CallExpr, direction: 1 | -1): Column[] {
  const names = expr.args.slice(1).map(text);
  return columnsOf(ev, expr.args[0]).toSorted((a, b) => {
    for (const name of names) {
      const [x, y] = [labelOf(a.labels, name) ?? '', labelOf(b.labels, name) ?? ''];
      if (x !== y) return natural(x, y) * direction;
    }
    return labelKey(a.labels) < labelKey(b.labels) ? -direction : direction;
  });
}

/** Numbers inside texts by value: `v2` before `v10`. */
function natural(a: string, b: string): number {
  const [x, y] = [parts(a), parts(b)];
  const at = x.findIndex((part, i) => part !== y[i]);
  const [p = '', q = ''] = [x[at === -1 ? x.length : at], y[at === -1 ? x.length : at]];
  const difference = /^\d/.test(p) && /^\d/.test(q) ? Number(p) - Number(q) : 0;
  return difference === 0 ? (p < q ? -1 : 1) : difference;
}

function parts(text: string): readonly string[] {
  return text.match(/\d+|\D+/g) ?? [];
}

/** The value of a vector with exactly one element at a moment, else NaN. */
function singles(columns: readonly Column[], count: number): Float64Array {
  const values = new Float64Array(count).fill(NaN);
  for (let i = 0; i < count; i++) {
    const here = columns.filter((column) => column.present[i] === 1);
    if (here.length === 1) values[i] = here[0]?.values[i] ?? NaN;
  }
  return values;
}
