import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import {
  NO_SHIFT,
  type AggregateOp,
  type BinaryExpr,
  type BinaryOp,
  type Expr,
  type LabelMatcher,
  type MatchOp,
  type Matching,
  type RegexPort,
  type TimeShift,
} from './ast.ts';
import { checkAggregate, checkBinary, checkCall, typeOf } from './check.ts';
import { parseError } from './error.ts';
import { parseNumber, parseString } from './literal.ts';

const MAX_LENGTH = 65_536;
const MAX_DEPTH = 200;
/** 292 years, as long as Prometheus' own. */
const MAX_DURATION_MS = 292 * 365 * 86_400_000;

interface Context {
  readonly text: string;
  readonly regex: RegexPort;
  depth: number;
}

/** Parses and type-checks a query. Throws a {@link PromqlError} with the position of the first fault; nothing else. */
export function parsePromql(text: string, regex: RegexPort): Expr {
  if (text.length > MAX_LENGTH) throw parseError(text.slice(0, 1), `the query has ${text.length} characters, the limit is ${MAX_LENGTH}`, 0);
  if (text.trim() === '') throw parseError(text, 'no expression found in input', 0);
  const tree = parser.parse(text);
  tree.iterate({
    enter(node) {
      if (node.type.isError) throw unexpected(text, node.from, node.to);
    },
  });
  const root = tree.topNode.firstChild;
  if (root === null) throw parseError(text, 'no expression found in input', 0);
  return convert({ text, regex, depth: 0 }, root);
}

function unexpected(text: string, from: number, to: number): Error {
  const rest = text.slice(from).trimStart();
  if (rest === '') return parseError(text, 'unexpected end of input', text.length);
  const word = /^[a-zA-Z_:][\w:]*|^\d[\w.]*|^[^\s\w]/.exec(rest)?.[0] ?? rest.slice(0, 20);
  const before = /([a-zA-Z_]\w*)\s*$/.exec(text.slice(0, from))?.[1];
  if (word === '(' && before !== undefined) return parseError(text, `unknown function with name "${before}"`, from - before.length, from);
  return parseError(text, `unexpected ${JSON.stringify(word)}`, text.indexOf(word, from), to);
}

function convert(cx: Context, node: SyntaxNode): Expr {
  if (++cx.depth > MAX_DEPTH) throw parseError(cx.text, `the expression is nested deeper than ${MAX_DEPTH}`, node.from, node.to);
  try {
    const handler = HANDLERS[node.name];
    if (handler === undefined) throw parseError(cx.text, `${source(cx, node)} is not supported here`, node.from, node.to);
    return handler(cx, node);
  } finally {
    cx.depth--;
  }
}

const HANDLERS: Readonly<Record<string, (cx: Context, node: SyntaxNode) => Expr>> = {
  NumberDurationLiteral: (cx, node) => ({ t: 'number', value: numberOf(cx, node), from: node.from, to: node.to }),
  StringLiteral: (cx, node) => ({ t: 'string', value: stringOf(cx, node), from: node.from, to: node.to }),
  ParenExpr: (cx, node) => convert(cx, child(cx, node, 0)),
  VectorSelector: selector,
  MatrixSelector: matrix,
  SubqueryExpr: subquery,
  OffsetExpr: offset,
  StepInvariantExpr: atModifier,
  UnaryExpr: unary,
  BinaryExpr: binary,
  FunctionCall: call,
  AggregateExpr: aggregate,
};

function children(node: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  for (let at = node.firstChild; at !== null; at = at.nextSibling) if (at.name !== 'LineComment') list.push(at);
  return list;
}

function child(cx: Context, node: SyntaxNode, index: number): SyntaxNode {
  const found = children(node)[index];
  if (found === undefined) throw parseError(cx.text, `incomplete expression ${JSON.stringify(source(cx, node))}`, node.from, node.to);
  return found;
}

function source(cx: Context, node: SyntaxNode): string {
  return cx.text.slice(node.from, node.to);
}

function numberOf(cx: Context, node: SyntaxNode): number {
  const value = parseNumber(source(cx, node));
  if (value === undefined) throw parseError(cx.text, `bad number or duration ${JSON.stringify(source(cx, node))}`, node.from, node.to);
  return value;
}

function stringOf(cx: Context, node: SyntaxNode): string {
  try {
    return parseString(source(cx, node));
  } catch (error) {
    throw parseError(cx.text, error instanceof Error ? error.message : String(error), node.from, node.to);
  }
}

function selector(cx: Context, node: SyntaxNode): Expr {
  const matchers: LabelMatcher[] = [];
  for (const part of children(node)) {
    if (part.name === 'Identifier') matchers.push(equals('__name__', source(cx, part)));
    else if (part.name === 'LabelMatchers') for (const one of children(part)) matchers.push(labelMatcher(cx, one));
  }
  if (matchers.filter((m) => m.name === '__name__').length > 1 && children(node)[0]?.name === 'Identifier') {
    throw parseError(cx.text, 'metric name must not be set twice', node.from, node.to);
  }
  if (matchers.every((m) => m.matches(''))) {
    throw parseError(cx.text, 'vector selector must contain at least one non-empty matcher', node.from, node.to);
  }
  return { t: 'selector', matchers, shift: NO_SHIFT, from: node.from, to: node.to };
}

function labelMatcher(cx: Context, node: SyntaxNode): LabelMatcher {
  if (node.name === 'QuotedLabelName') return equals('__name__', stringOf(cx, node));
  const [label, op, value] = children(node);
  if (label === undefined || op === undefined || value === undefined) throw parseError(cx.text, 'incomplete label matcher', node.from, node.to);
  const name = label.name === 'QuotedLabelName' ? stringOf(cx, label) : source(cx, label);
  return matcher(cx, node, { name, op: source(cx, op) as MatchOp, value: stringOf(cx, value) });
}

function equals(name: string, value: string): LabelMatcher {
  return { name, op: '=', value, matches: (text) => text === value };
}

function matcher(cx: Context, node: SyntaxNode, { name, op, value }: Omit<LabelMatcher, 'matches'>): LabelMatcher {
  if (op === '=') return equals(name, value);
  if (op === '!=') return { name, op, value, matches: (text) => text !== value };
  try {
    const regex = cx.regex.compile(value);
    return { name, op, value, matches: op === '=~' ? (text) => regex.test(text) : (text) => !regex.test(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw parseError(cx.text, `bad regular expression ${JSON.stringify(value)}: ${reason}`, node.from, node.to);
  }
}

/** A duration; arithmetic on durations (an experiment of Prometheus) is refused. */
function durationMs(cx: Context, node: SyntaxNode, allowNegative: boolean): number {
  const text = source(cx, node).trim();
  const value = parseNumber(text);
  if (value === undefined || !Number.isFinite(value)) throw parseError(cx.text, `bad duration ${JSON.stringify(text)}`, node.from, node.to);
  const ms = Math.round(value * 1000);
  if (!allowNegative && ms <= 0) throw parseError(cx.text, 'duration must be greater than 0', node.from, node.to);
  if (Math.abs(ms) > MAX_DURATION_MS) throw parseError(cx.text, 'duration out of range', node.from, node.to);
  return ms;
}

function matrix(cx: Context, node: SyntaxNode): Expr {
  const inner = convert(cx, child(cx, node, 0));
  if (inner.t !== 'selector') throw parseError(cx.text, 'ranges only allowed for vector selectors', node.from, node.to);
  if (inner.shift !== NO_SHIFT) throw parseError(cx.text, 'no offset or @ modifiers allowed before range', node.from, node.to);
  return { t: 'range', selector: inner, rangeMs: durationMs(cx, child(cx, node, 1), false), from: node.from, to: node.to };
}

function subquery(cx: Context, node: SyntaxNode): Expr {
  const [inner, range, step] = children(node);
  if (inner === undefined || range === undefined) throw parseError(cx.text, 'incomplete subquery', node.from, node.to);
  const expr = convert(cx, inner);
  const type = typeOf(expr);
  if (type !== 'vector' && type !== 'scalar')
    throw parseError(cx.text, `subquery is only allowed on instant vector, got ${type} instead`, node.from, node.to);
  const stepMs = step === undefined ? undefined : durationMs(cx, step, false);
  return { t: 'subquery', expr, rangeMs: durationMs(cx, range, false), stepMs, shift: NO_SHIFT, from: node.from, to: node.to };
}

function shifted(cx: Context, node: SyntaxNode, change: (shift: TimeShift) => TimeShift, word: string): Expr {
  const inner = convert(cx, child(cx, node, 0));
  const span = { from: inner.from, to: node.to };
  if (inner.t === 'selector' || inner.t === 'subquery') return { ...inner, ...span, shift: change(inner.shift) };
  if (inner.t === 'range') return { ...inner, ...span, selector: { ...inner.selector, shift: change(inner.selector.shift) } };
  throw parseError(
    cx.text,
    `${word} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
    node.from,
    node.to,
  );
}

function offset(cx: Context, node: SyntaxNode): Expr {
  const offsetMs = durationMs(cx, child(cx, node, 2), true);
  return shifted(cx, node, (shift) => ({ ...shift, offsetMs }), 'offset');
}

function atModifier(cx: Context, node: SyntaxNode): Expr {
  const target = child(cx, node, 2);
  const text = source(cx, target);
  const at = text === 'start' || text === 'end' ? text : numberOf(cx, target) * 1000;
  if (typeof at === 'number' && !Number.isFinite(at)) throw parseError(cx.text, 'timestamp out of bounds for @ modifier', target.from, target.to);
  return shifted(cx, node, (shift) => ({ ...shift, at }), '@');
}

function unary(cx: Context, node: SyntaxNode): Expr {
  const expr = convert(cx, child(cx, node, 1));
  const type = typeOf(expr);
  if (type !== 'scalar' && type !== 'vector')
    throw parseError(cx.text, `unary expression only allowed on scalar or instant vector, got ${type}`, node.from, node.to);
  return source(cx, child(cx, node, 0)) === '-' ? { t: 'negate', expr, from: node.from, to: node.to } : expr;
}

function binary(cx: Context, node: SyntaxNode): Expr {
  const parts = children(node);
  const [leftNode, opNode] = parts;
  const rightNode = parts.at(-1);
  if (leftNode === undefined || opNode === undefined || rightNode === undefined || parts.length < 3)
    throw parseError(cx.text, 'incomplete binary expression', node.from, node.to);
  refuseUnsupported(cx, parts, opNode);
  const op = source(cx, opNode).toLowerCase() as BinaryOp;
  const clause = parts.find((part) => part.name === 'MatchingModifierClause');
  const left = convert(cx, leftNode);
  const right = convert(cx, rightNode);
  const bool = parts.some((part) => part.name === 'BoolModifier');
  const matching = clause === undefined ? undefined : matchingOf(cx, clause);
  const expr: BinaryExpr = { t: 'binary', op, left, right, bool, matching, from: node.from, to: node.to };
  // The grammar takes the sign into the number; in PromQL it binds weaker than ^.
  if (op !== '^' || left.t !== 'number' || !source(cx, leftNode).startsWith('-')) return checkBinary(cx.text, expr);
  const power = checkBinary(cx.text, { ...expr, left: { ...left, value: -left.value } });
  return { t: 'negate', expr: power, from: node.from, to: node.to };
}

function refuseUnsupported(cx: Context, parts: readonly SyntaxNode[], op: SyntaxNode): void {
  if (op.name === 'TrimUpper' || op.name === 'TrimLower')
    throw parseError(cx.text, `operator ${source(cx, op)} works on native histograms, which are not supported`, op.from, op.to);
  const fill = parts.find((part) => part.name === 'FillModifier');
  if (fill !== undefined) throw parseError(cx.text, 'fill modifiers are not supported', fill.from, fill.to);
}

function matchingOf(cx: Context, node: SyntaxNode): Matching {
  let on = false;
  let side: Matching['side'] = 'none';
  const lists: string[][] = [];
  for (const part of children(node)) {
    if (part.name === 'On') on = true;
    else if (part.name === 'GroupLeft') side = 'left';
    else if (part.name === 'GroupRight') side = 'right';
    else if (part.name === 'GroupingLabels') lists.push(labelList(cx, part));
  }
  const [labels = [], include = []] = lists;
  const both = on ? labels.find((label) => include.includes(label)) : undefined;
  if (both !== undefined) throw parseError(cx.text, `label "${both}" must not occur in ON and GROUP clause at once`, node.from, node.to);
  return { on, labels, side, include };
}

function labelList(cx: Context, node: SyntaxNode): string[] {
  return children(node).map((part) => (part.name === 'QuotedLabelName' ? stringOf(cx, part) : source(cx, part)));
}

function args(cx: Context, node: SyntaxNode): Expr[] {
  return children(node).map((part) => convert(cx, part));
}

function call(cx: Context, node: SyntaxNode): Expr {
  const name = source(cx, child(cx, node, 0));
  return checkCall(cx.text, { t: 'call', name, args: args(cx, child(cx, node, 1)), from: node.from, to: node.to });
}

function aggregate(cx: Context, node: SyntaxNode): Expr {
  const parts = children(node);
  const op = source(cx, child(cx, node, 0)).toLowerCase();
  const modifier = parts.find((part) => part.name === 'AggregateModifier');
  const body = parts.find((part) => part.name === 'FunctionCallBody');
  if (body === undefined) throw parseError(cx.text, `${op} needs an argument`, node.from, node.to);
  const grouping = modifier !== undefined && child(cx, modifier, 0).name === 'Without' ? 'without' : 'by';
  const labels = modifier === undefined ? [] : labelList(cx, child(cx, modifier, 1));
  return checkAggregate(cx.text, op as AggregateOp, args(cx, body), { grouping, labels, from: node.from, to: node.to });
}
