import type { AggregateExpr } from './ast.ts';
import { dropLabels, emptyColumn, keepLabels, labelKey, type Column } from './value.ts';
import { quantileOf } from './windows.ts';
import type { Labels } from '../metrics/registry.ts';

interface Group {
  readonly labels: Labels;
  readonly members: Column[];
}

/** The parameter of `topk`, `quantile` (a number at each moment) or `count_values` (a label). */
export type AggregateParam = { readonly numbers: Float64Array } | { readonly label: string } | undefined;

export function aggregate(expr: AggregateExpr, columns: readonly Column[], param: AggregateParam, count: number): Column[] {
  const groups = new Map<string, Group>();
  for (const column of columns) {
    const labels = expr.grouping === 'by' ? keepLabels(column.labels, expr.labels) : dropLabels(column.labels, expr.labels);
    const key = labelKey(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [column] });
    else group.members.push(column);
  }
  const list = [...groups.values()];
  if (expr.op === 'topk' || expr.op === 'bottomk') return list.flatMap((group) => select(group, expr.op === 'topk', numbers(param), count));
  if (expr.op === 'count_values')
    return list.flatMap((group) => countValues(group, param !== undefined && 'label' in param ? param.label : '', count));
  const reduce = REDUCERS[expr.op];
  return list.map((group) => reduced(group, count, (values, i) => reduce(values, numbers(param)[i] ?? NaN)));
}

function numbers(param: AggregateParam): Float64Array {
  return param !== undefined && 'numbers' in param ? param.numbers : new Float64Array(0);
}

const REDUCERS: Readonly<Record<Exclude<AggregateExpr['op'], 'topk' | 'bottomk' | 'count_values'>, (values: number[], param: number) => number>> = {
  sum,
  avg: (values) => sum(values) / values.length,
  min: (values) => values.reduce((a, b) => (b < a || Number.isNaN(a) ? b : a), NaN),
  max: (values) => values.reduce((a, b) => (b > a || Number.isNaN(a) ? b : a), NaN),
  count: (values) => values.length,
  group: () => 1,
  stdvar: variance,
  stddev: (values) => Math.sqrt(variance(values)),
  quantile: (values, q) => quantileOf(q, values),
};

/** Kahan's summation: rates of very different size are added often. */
function sum(values: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    if (Number.isFinite(next)) lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return Number.isFinite(total) ? total + lost : total;
}

function variance(values: readonly number[]): number {
  const mean = sum(values) / values.length;
  return sum(values.map((value) => (value - mean) ** 2)) / values.length;
}

function reduced(group: Group, count: number, reduce: (values: number[], index: number) => number): Column {
  const result = emptyColumn(group.labels, count);
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    values.length = 0;
    for (const member of group.members) if (member.present[i] === 1) values.push(member.values[i] ?? NaN);
    if (values.length === 0) continue;
    result.values[i] = reduce(values, i);
    result.present[i] = 1;
  }
  return result;
}

/** The members with the greatest (or least) values at each moment, with their own labels; best first at the first moment. */
function select(group: Group, top: boolean, k: Float64Array, count: number): Column[] {
  const results = group.members.map((member) => emptyColumn(member.labels, count));
  const order = new Set<number>();
  for (let i = 0; i < count; i++) {
    const limit = Math.trunc(k[i] ?? 0);
    if (!(limit >= 1)) continue;
    const ranked = [...group.members.keys()]
      .filter((m) => group.members[m]?.present[i] === 1)
      .toSorted((a, b) => compare(group.members[a]?.values[i] ?? NaN, group.members[b]?.values[i] ?? NaN, top));
    for (const m of ranked.slice(0, limit)) {
      const result = results[m];
      if (result === undefined) continue;
      order.add(m);
      result.values[i] = group.members[m]?.values[i] ?? NaN;
      result.present[i] = 1;
    }
  }
  return [...order].map((m) => results[m]).filter((result) => result !== undefined);
}

/** NaN sorts last either way. */
export function compare(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return descending ? b - a : a - b;
}

function countValues(group: Group, label: string, count: number): Column[] {
  const results = new Map<string, Column>();
  for (let i = 0; i < count; i++) {
    for (const member of group.members) {
      if (member.present[i] !== 1) continue;
      const value = String(member.values[i]);
      let result = results.get(value);
      if (result === undefined) results.set(value, (result = emptyColumn({ ...group.labels, [label]: value }, count)));
      result.values[i] = (result.values[i] ?? 0) + 1;
      result.present[i] = 1;
    }
  }
  return [...results.values()];
}
