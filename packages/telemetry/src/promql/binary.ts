import { labelOf } from '../label-key.ts';
import type { Labels } from '../metrics/registry.ts';
import { COMPARISONS, type BinaryExpr, type BinaryOp, type Matching } from './ast.ts';
import { executionError } from './error.ts';
import { dropLabels, emptyColumn, formatLabels, keepLabels, labelKey, withoutName, type Column } from './value.ts';

const NO_MATCHING: Matching = { on: false, labels: [], side: 'none', include: [] };

type Operation = (a: number, b: number) => number;

const OPERATIONS: Readonly<Record<BinaryOp, Operation | undefined>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  // In IEEE 754, and in PromQL, 1 to the power of NaN is 1.
  '^': (a, b) => (a === 1 ? 1 : a ** b),
  atan2: Math.atan2,
  '==': (a, b) => Number(a === b),
  '!=': (a, b) => Number(a !== b),
  '>': (a, b) => Number(a > b),
  '<': (a, b) => Number(a < b),
  '>=': (a, b) => Number(a >= b),
  '<=': (a, b) => Number(a <= b),
  // These work on presence, see setOperation.
  and: undefined,
  or: undefined,
  unless: undefined,
};

/** The number an operator makes of two; comparisons make 1 or 0. */
export function operate(op: BinaryOp, a: number, b: number): number {
  return OPERATIONS[op]?.(a, b) ?? NaN;
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

/** How many of the columns have a sample at each moment; two stands for "more than one". */
function countPresent(columns: readonly Column[], count: number): Uint8Array {
  const counts = new Uint8Array(count);
  for (const { present } of columns) for (let i = 0; i < count; i++) if (present[i] === 1) counts[i] = Math.min(2, (counts[i] ?? 0) + 1);
  return counts;
}

function presentBySignature(columns: readonly Column[], key: (labels: Labels) => string, count: number): Map<string, Uint8Array> {
  return new Map([...bySignature(columns, key)].map(([k, list]) => [k, countPresent(list, count)]));
}

/** `and`, `or`, `unless`: by presence, values and labels of the left (and for `or` the right) side stay. */
export function setOperation(expr: BinaryExpr, left: readonly Column[], right: readonly Column[], count: number): Column[] {
  const key = signature(expr.matching ?? NO_MATCHING);
  const kept = (columns: readonly Column[], others: readonly Column[], withPartner: boolean): Column[] => {
    const partners = presentBySignature(others, key, count);
    return columns.map((column) => {
      const partner = partners.get(key(column.labels));
      return filtered(column, (i) => (partner?.[i] ?? 0) > 0 === withPartner);
    });
  };
  if (expr.op === 'or') return [...left, ...kept(right, left, false)];
  return kept(left, right, expr.op === 'and');
}

function filtered(column: Column, keep: (index: number) => boolean): Column {
  const result = emptyColumn(column.labels, column.values.length);
  for (let i = 0; i < column.values.length; i++) {
    if (column.present[i] !== 1 || !keep(i)) continue;
    result.values[i] = column.values[i] ?? NaN;
    result.present[i] = 1;
  }
  return result;
}

/** A binary expression of two vectors. `many` is the side that may have more than one element per match; one to one it is the left. */
interface Pairing {
  readonly expr: BinaryExpr;
  readonly matching: Matching;
  readonly manyIsLeft: boolean;
  readonly manies: ReadonlyMap<string, Column[]>;
  readonly ones: ReadonlyMap<string, Column[]>;
}

/** Two vectors, matched by labels: one to one, or many to one with `group_left` / `group_right`. */
export function vectorVector(expr: BinaryExpr, left: readonly Column[], right: readonly Column[], count: number): Column[] {
  const matching = expr.matching ?? NO_MATCHING;
  const manyIsLeft = matching.side !== 'right';
  const [many, one] = manyIsLeft ? [left, right] : [right, left];
  const key = signature(matching);
  const pairing: Pairing = { expr, matching, manyIsLeft, manies: bySignature(many, key), ones: bySignature(one, key) };
  checkUnique(pairing, count);
  const results = new Map<string, Column>();
  for (const column of many) {
    for (const partner of pairing.ones.get(key(column.labels)) ?? []) {
      const labels = resultLabels(expr, matching, column.labels, partner.labels);
      const k = labelKey(labels);
      let result = results.get(k);
      if (result === undefined) results.set(k, (result = emptyColumn(labels, count)));
      combine(pairing, column, partner, result);
    }
  }
  return [...results.values()];
}

function combine({ expr, manyIsLeft }: Pairing, many: Column, one: Column, result: Column): void {
  const filters = COMPARISONS.includes(expr.op) && !expr.bool;
  const [left, right] = manyIsLeft ? [many, one] : [one, many];
  for (let i = 0; i < result.values.length; i++) {
    if (left.present[i] !== 1 || right.present[i] !== 1) continue;
    const value = left.values[i] ?? NaN;
    const made = operate(expr.op, value, right.values[i] ?? NaN);
    if (filters && made === 0) continue;
    if (result.present[i] === 1) throw executionError(`${MANY_TO_ONE}, at ${formatLabels(result.labels)}`, expr);
    result.values[i] = filters ? value : made;
    result.present[i] = 1;
  }
}

const MANY_TO_ONE = 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)';

/** At no moment may the "one" side have two series of the same signature, nor, one to one, the other side. */
function checkUnique({ expr, matching, manies, ones }: Pairing, count: number): void {
  const side = matching.side === 'right' ? 'left' : 'right';
  for (const [k, list] of manies) {
    const partners = ones.get(k) ?? [];
    const twice = findTwo(partners, list, count);
    if (twice !== undefined) {
      const pair = twice.map((column) => formatLabels(column.labels)).join(', ');
      const what = `found duplicate series for the match group on the ${side} hand-side of the operation: [${pair}]`;
      throw executionError(`${what};many-to-many matching not allowed: matching labels must be unique on one side`, expr);
    }
    const more = matching.side === 'none' ? findTwo(list, partners, count) : undefined;
    if (more !== undefined) throw executionError(`${MANY_TO_ONE}: ${more.map((column) => formatLabels(column.labels)).join(' and ')}`, expr);
  }
}

/** Two columns with a sample at one moment, at which one of the others has one too. */
function findTwo(list: readonly Column[], others: readonly Column[], count: number): readonly Column[] | undefined {
  if (list.length < 2 || others.length === 0) return undefined;
  const here = countPresent(list, count);
  const there = countPresent(others, count);
  const at = here.findIndex((one, i) => one > 1 && (there[i] ?? 0) > 0);
  return at === -1 ? undefined : list.filter((column) => column.present[at] === 1).slice(0, 2);
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
    const value = labelOf(one, name);
    if (value === undefined || value === '') delete labels[name];
    else labels[name] = value;
  }
  return labels;
}
