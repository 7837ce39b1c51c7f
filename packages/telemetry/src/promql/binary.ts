import type { Labels } from '../metrics/registry.ts';
import { COMPARISONS, type BinaryExpr, type BinaryOp, type Matching } from './ast.ts';
import { executionError } from './error.ts';
import { dropLabels, emptyColumn, formatLabels, keepLabels, labelKey, withoutName, type Column } from './value.ts';

const NO_MATCHING: Matching = { on: false, labels: [], side: 'none', include: [] };

/** The number an operator makes of two; comparisons make 1 or 0. */
export function operate(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '^':
      return a === 1 ? 1 : a ** b;
    case 'atan2':
      return Math.atan2(a, b);
    default:
      return compares(op, a, b) ? 1 : 0;
  }
}

function compares(op: BinaryOp, a: number, b: number): boolean {
  switch (op) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '>':
      return a > b;
    case '<':
      return a < b;
    case '>=':
      return a >= b;
    case '<=':
      return a <= b;
    default:
      return false;
  }
}

/** A vector with a scalar. A comparison filters the vector's samples and keeps their values, unless `bool`. */
export function vectorScalar(expr: BinaryExpr, columns: readonly Column[], scalar: Float64Array, vectorIsLeft: boolean): Column[] {
  const filters = COMPARISONS.includes(expr.op) && !expr.bool;
  return columns.map((column) => {
    const result = emptyColumn(filters ? column.labels : withoutName(column.labels), scalar.length);
    for (let i = 0; i < scalar.length; i++) {
      if (column.present[i] !== 1) continue;
      const value = column.values[i] ?? NaN;
      const other = scalar[i] ?? NaN;
      const made = vectorIsLeft ? operate(expr.op, value, other) : operate(expr.op, other, value);
      if (filters && made === 0) continue;
      result.values[i] = filters ? value : made;
      result.present[i] = 1;
    }
    return result;
  });
}

function signature(matching: Matching): (labels: Labels) => string {
  return matching.on ? (labels) => labelKey(keepLabels(labels, matching.labels)) : (labels) => labelKey(dropLabels(labels, matching.labels));
}

function bySignature(columns: readonly Column[], key: (labels: Labels) => string): Map<string, Column[]> {
  const map = new Map<string, Column[]>();
  for (const column of columns) {
    const k = key(column.labels);
    const list = map.get(k);
    if (list === undefined) map.set(k, [column]);
    else list.push(column);
  }
  return map;
}

/** `and`, `or`, `unless`: by presence, values and labels of the left (and for `or` the right) side stay. */
export function setOperation(expr: BinaryExpr, left: readonly Column[], right: readonly Column[], count: number): Column[] {
  const key = signature(expr.matching ?? NO_MATCHING);
  const rights = bySignature(right, key);
  const lefts = bySignature(left, key);
  const any = (list: readonly Column[] | undefined, i: number): boolean => list?.some((column) => column.present[i] === 1) ?? false;
  const filtered = (column: Column, keep: (i: number) => boolean): Column => {
    const result = emptyColumn(column.labels, count);
    for (let i = 0; i < count; i++) {
      if (column.present[i] !== 1 || !keep(i)) continue;
      result.values[i] = column.values[i] ?? NaN;
      result.present[i] = 1;
    }
    return result;
  };
  if (expr.op === 'or') return [...left, ...right.map((column) => filtered(column, (i) => !any(lefts.get(key(column.labels)), i)))];
  const wanted = expr.op === 'and';
  return left.map((column) => filtered(column, (i) => any(rights.get(key(column.labels)), i) === wanted));
}

/** Two vectors, matched by labels: one to one, or many to one with `group_left` / `group_right`. */
export function vectorVector(expr: BinaryExpr, left: readonly Column[], right: readonly Column[], count: number): Column[] {
  const matching = expr.matching ?? NO_MATCHING;
  const manyIsLeft = matching.side !== 'right';
  const [many, one] = manyIsLeft ? [left, right] : [right, left];
  const key = signature(matching);
  const ones = bySignature(one, key);
  checkUnique(expr, matching, ones, many, key, count);
  const results = new Map<string, Column>();
  for (const column of many) {
    for (const partner of ones.get(key(column.labels)) ?? []) {
      const labels = resultLabels(expr, matching, column.labels, partner.labels);
      const k = labelKey(labels);
      let result = results.get(k);
      if (result === undefined) results.set(k, (result = emptyColumn(labels, count)));
      combine(expr, column, partner, manyIsLeft, result);
    }
  }
  return [...results.values()];
}

function combine(expr: BinaryExpr, many: Column, one: Column, manyIsLeft: boolean, result: Column): void {
  const filters = COMPARISONS.includes(expr.op) && !expr.bool;
  for (let i = 0; i < result.values.length; i++) {
    if (many.present[i] !== 1 || one.present[i] !== 1) continue;
    const [a, b] = manyIsLeft ? [many.values[i] ?? NaN, one.values[i] ?? NaN] : [one.values[i] ?? NaN, many.values[i] ?? NaN];
    const made = operate(expr.op, a, b);
    if (filters && made === 0) continue;
    if (result.present[i] === 1) {
      throw executionError(
        `multiple matches for labels: many-to-one matching must be explicit (group_left/group_right), at ${formatLabels(result.labels)}`,
        expr,
      );
    }
    result.values[i] = filters ? a : made;
    result.present[i] = 1;
  }
}

/** At no moment may the "one" side have two series of the same signature, nor, one to one, the other side. */
function checkUnique(
  expr: BinaryExpr,
  matching: Matching,
  ones: Map<string, Column[]>,
  many: readonly Column[],
  key: (labels: Labels) => string,
  count: number,
): void {
  const manies = bySignature(many, key);
  const check = (list: readonly Column[], where: readonly Column[], message: (a: Column, b: Column) => string): void => {
    for (let i = 0; list.length > 1 && i < count; i++) {
      if (where.every((column) => column.present[i] !== 1)) continue;
      const here = list.filter((column) => column.present[i] === 1);
      const [a, b] = here;
      if (a !== undefined && b !== undefined) throw executionError(message(a, b), expr);
    }
  };
  for (const [k, list] of manies) {
    const partners = ones.get(k);
    if (partners === undefined) continue;
    check(
      partners,
      list,
      (a, b) =>
        `found duplicate series for the match group on the ${matching.side === 'right' ? 'left' : 'right'} hand-side of the operation: [${formatLabels(a.labels)}, ${formatLabels(b.labels)}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
    if (matching.side === 'none')
      check(
        list,
        partners,
        (a, b) =>
          `multiple matches for labels: many-to-one matching must be explicit (group_left/group_right): ${formatLabels(a.labels)} and ${formatLabels(b.labels)}`,
      );
  }
}

function resultLabels(expr: BinaryExpr, matching: Matching, many: Labels, one: Labels): Labels {
  const dropsName = !COMPARISONS.includes(expr.op) || expr.bool;
  if (matching.side === 'none') {
    if (matching.on) return keepLabels(many, matching.labels);
    const { __name__: name, ...rest } = many;
    const kept = dropLabels(rest, matching.labels);
    return dropsName || name === undefined ? kept : { __name__: name, ...kept };
  }
  const labels: Record<string, string> = { ...(dropsName ? withoutName(many) : many) };
  for (const name of matching.include) {
    const value = one[name];
    if (value === undefined || value === '') delete labels[name];
    else labels[name] = value;
  }
  return labels;
}
