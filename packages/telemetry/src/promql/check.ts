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
  switch (expr.t) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'range':
    case 'subquery':
      return 'matrix';
    case 'call':
      return FUNCTIONS[expr.name]?.returns ?? 'vector';
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'negate':
      return typeOf(expr.expr);
    default:
      return 'vector';
  }
}

function typeName(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type;
}

export function checkBinary(text: string, expr: BinaryExpr): Expr {
  for (const side of [expr.left, expr.right]) {
    const type = typeOf(side);
    if (type !== 'scalar' && type !== 'vector')
      throw parseError(text, 'binary expression must contain only scalar and instant vector types', side.from, side.to);
  }
  const scalars = [expr.left, expr.right].filter((side) => typeOf(side) === 'scalar').length;
  const isComparison = COMPARISONS.includes(expr.op);
  const isSet = SET_OPS.includes(expr.op);
  if (expr.bool && !isComparison) throw parseError(text, 'bool modifier can only be used on comparison operators', expr.from, expr.to);
  if (isComparison && !expr.bool && scalars === 2) throw parseError(text, 'comparisons between scalars must use BOOL modifier', expr.from, expr.to);
  if (isSet && scalars > 0) throw parseError(text, `set operator "${expr.op}" not allowed in binary scalar expression`, expr.from, expr.to);
  if (expr.matching !== undefined && scalars > 0) throw parseError(text, 'vector matching only allowed between instant vectors', expr.from, expr.to);
  if (isSet && expr.matching !== undefined && expr.matching.side !== 'none')
    throw parseError(text, `no grouping allowed for "${expr.op}" operation`, expr.from, expr.to);
  return expr;
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
