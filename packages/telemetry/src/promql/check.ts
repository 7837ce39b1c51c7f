import { COMPARISONS, SET_OPS, type AggregateExpr, type AggregateOp, type BinaryExpr, type Expr, type ValueType } from './ast.ts';
import { parseError } from './error.ts';
import { FUNCTIONS } from './functions.ts';

const AGGREGATES: Readonly<Record<AggregateOp, 'none' | 'scalar' | 'string'>> = {
  sum: 'none',
  avg: 'none',
  min: 'none',
  max: 'none',
  count: 'none',
  group: 'none',
  stddev: 'none',
  stdvar: 'none',
  topk: 'scalar',
  bottomk: 'scalar',
  quantile: 'scalar',
  count_values: 'string',
};

/** The type of an expression's value. */
export function typeOf(expr: Expr): ValueType {
  if (expr.t === 'call') return FUNCTIONS[expr.name]?.returns ?? 'vector';
  if (expr.t === 'negate') return typeOf(expr.expr);
  if (expr.t === 'binary') return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
  return TYPES[expr.t];
}

const TYPES = { number: 'scalar', string: 'string', range: 'matrix', subquery: 'matrix', selector: 'vector', aggregate: 'vector' } as const;

function typeName(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type;
}

export function checkBinary(text: string, expr: BinaryExpr): Expr {
  const sides = [expr.left, expr.right];
  const odd = sides.find((side) => typeOf(side) !== 'scalar' && typeOf(side) !== 'vector');
  if (odd !== undefined) throw parseError(text, 'binary expression must contain only scalar and instant vector types', odd.from, odd.to);
  const scalars = sides.filter((side) => typeOf(side) === 'scalar').length;
  const fault = operatorFault(expr, scalars) ?? matchingFault(expr, scalars);
  if (fault !== undefined) throw parseError(text, fault, expr.from, expr.to);
  return expr;
}

function operatorFault({ op, bool }: BinaryExpr, scalars: number): string | undefined {
  const isComparison = COMPARISONS.includes(op);
  if (bool && !isComparison) return 'bool modifier can only be used on comparison operators';
  if (isComparison && !bool && scalars === 2) return 'comparisons between scalars must use BOOL modifier';
  if (SET_OPS.includes(op) && scalars > 0) return `set operator "${op}" not allowed in binary scalar expression`;
  return undefined;
}

function matchingFault({ op, matching }: BinaryExpr, scalars: number): string | undefined {
  if (matching === undefined) return undefined;
  if (scalars > 0) return 'vector matching only allowed between instant vectors';
  return SET_OPS.includes(op) && matching.side !== 'none' ? `no grouping allowed for "${op}" operation` : undefined;
}

export function checkCall(text: string, expr: Extract<Expr, { t: 'call' }>): Expr {
  const known = FUNCTIONS[expr.name];
  if (known === undefined) throw parseError(text, `function "${expr.name}" is not supported`, expr.from, expr.to);
  const required = known.args.length - known.optional;
  const most = known.repeat ? Infinity : known.args.length;
  if (expr.args.length < required || expr.args.length > most) {
    const want = required === most ? `${required}` : known.repeat ? `at least ${required}` : `${required} to ${most}`;
    throw parseError(text, `expected ${want} argument(s) in call to "${expr.name}", got ${expr.args.length}`, expr.from, expr.to);
  }
  for (const [i, arg] of expr.args.entries()) {
    const want = known.args[Math.min(i, known.args.length - 1)];
    const got = typeOf(arg);
    if (want !== undefined && want !== got) {
      throw parseError(text, `expected type ${typeName(want)} in call to function "${expr.name}", got ${typeName(got)}`, arg.from, arg.to);
    }
  }
  return expr;
}

export function checkAggregate(
  text: string,
  op: AggregateOp,
  args: readonly Expr[],
  rest: Pick<AggregateExpr, 'grouping' | 'labels' | 'from' | 'to'>,
): Expr {
  const wants = AGGREGATES[op] as 'none' | 'scalar' | 'string' | undefined;
  if (wants === undefined) throw parseError(text, `aggregation "${op}" is not supported`, rest.from, rest.to);
  const count = wants === 'none' ? 1 : 2;
  if (args.length !== count)
    throw parseError(text, `wrong number of arguments for aggregate expression ${op}, expected ${count}, got ${args.length}`, rest.from, rest.to);
  const expr = args[count - 1];
  const param = count === 2 ? args[0] : undefined;
  if (expr === undefined) throw parseError(text, `${op} needs an argument`, rest.from, rest.to);
  if (typeOf(expr) !== 'vector')
    throw parseError(text, `expected type instant vector in aggregation expression, got ${typeName(typeOf(expr))}`, expr.from, expr.to);
  if (param !== undefined && typeOf(param) !== wants)
    throw parseError(text, `expected type ${wants} in aggregation parameter, got ${typeName(typeOf(param))}`, param.from, param.to);
  return { t: 'aggregate', op, expr, param, ...rest };
}
