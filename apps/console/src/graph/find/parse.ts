import type { GraphEdge, GraphNode } from '../model.ts';
import { OPERANDS, type FindContext, type Needs, type Operand } from './operands.ts';

/** A parsed find or hide expression: what it selects, and which options of the graph it needs. */
export interface FindQuery {
  readonly node: (node: GraphNode, context: FindContext) => boolean;
  readonly edge: (edge: GraphEdge) => boolean;
  readonly needs: readonly Needs[];
}

export type FindResult = { readonly t: 'ok'; readonly query: FindQuery } | { readonly t: 'error'; readonly message: string };

type Criterion =
  | { readonly target: 'node'; readonly needs: Needs | undefined; readonly test: (node: GraphNode, context: FindContext) => boolean }
  | { readonly target: 'edge'; readonly needs: Needs | undefined; readonly test: (edge: GraphEdge) => boolean };

type Parsed = { readonly t: 'ok'; readonly criterion: Criterion } | { readonly t: 'error'; readonly message: string };

/** Longest first, so that `!*=` is not read as `=`. */
const SYMBOLS = ['!*=', '!^=', '!$=', '*=', '^=', '$=', '!=', '>=', '<=', '=', '>', '<'] as const;
type Operator = (typeof SYMBOLS)[number];

const WORDS: readonly (readonly [RegExp, Operator])[] = [
  [/\s+(?:!\s*|not\s+)contains\s+/i, '!*='],
  [/\s+(?:!\s*|not\s+)startswith\s+/i, '!^='],
  [/\s+(?:!\s*|not\s+)endswith\s+/i, '!$='],
  [/\s+contains\s+/i, '*='],
  [/\s+startswith\s+/i, '^='],
  [/\s+endswith\s+/i, '$='],
];

/**
 * Parses Kiali's find/hide language: criteria joined by AND and OR, AND binding tighter, no parentheses; a criterion is a flag
 * (`! healthy`, `is idle`) or a comparison (`rt > 130`, `name contains rev`). Node and edge criteria meet only at OR.
 */
export function parseFind(text: string): FindResult {
  const expression = text.trim();
  if (expression === '') return fail('The expression is empty.');
  if (/[()]/.test(expression)) return fail('Parentheses are not supported: AND binds tighter than OR.');
  const groups: Criterion[][] = [];
  for (const part of expression.split(/\s+or\s+|\s*\|\|\s*/i)) {
    const group: Criterion[] = [];
    for (const term of part.split(/\s+and\s+|\s*&&\s*/i)) {
      const parsed = parseTerm(term.trim());
      if (parsed.t === 'error') return parsed;
      group.push(parsed.criterion);
    }
    if (new Set(group.map((criterion) => criterion.target)).size > 1) return fail('Node and edge criteria can be joined only by OR.');
    groups.push(group);
  }
  return { t: 'ok', query: combine(groups) };
}

function combine(groups: readonly (readonly Criterion[])[]): FindQuery {
  return {
    node: (node, context) => groups.some((group) => group.every((one) => one.target === 'node' && one.test(node, context))),
    edge: (edge) => groups.some((group) => group.every((one) => one.target === 'edge' && one.test(edge))),
    needs: [...new Set(groups.flat().flatMap((one) => (one.needs === undefined ? [] : [one.needs])))],
  };
}

function fail(message: string): { readonly t: 'error'; readonly message: string } {
  return { t: 'error', message };
}

function parseTerm(term: string): Parsed {
  if (term === '') return fail('A criterion is missing beside AND or OR.');
  const comparison = splitComparison(term);
  return comparison === undefined ? parseFlag(term) : parseComparison(comparison.left, comparison.operator, comparison.right);
}

function splitComparison(term: string): { left: string; operator: Operator; right: string } | undefined {
  for (const [pattern, operator] of WORDS) {
    const match = pattern.exec(term);
    if (match !== null) return { left: term.slice(0, match.index), operator, right: term.slice(match.index + match[0].length) };
  }
  // The leftmost operator counts (a value may hold another), and of those that start there the longest.
  let found: { left: string; operator: Operator; right: string } | undefined;
  for (const operator of SYMBOLS) {
    const at = term.indexOf(operator, 1);
    if (at > 0 && (found === undefined || at < found.left.length))
      found = { left: term.slice(0, at), operator, right: term.slice(at + operator.length) };
  }
  return found;
}

function parseFlag(term: string): Parsed {
  let rest = term.replace(/^(?:is|has)\s+/i, '');
  const negated = /^(?:!|not\s)/i.test(rest);
  rest = rest.replace(/^(?:!|not\s)\s*/i, '').replace(/^(?:is|has)\s+/i, '');
  const { operand, key } = findOperand(rest);
  if (operand === undefined) return fail(unknownOperand(rest));
  if (operand.name === 'label' && operand.target === 'node' && operand.type === 'text') {
    return node(operand, (one) => (operand.values(one, key)[0] !== undefined) !== negated);
  }
  if (operand.type !== 'flag')
    return fail(
      `"${operand.name}" needs an operator and a value, such as ${operand.type === 'number' ? `${operand.name} > 1` : `${operand.name} = reviews`}.`,
    );
  if (operand.target === 'edge') return edge(operand, (one) => operand.test(one) !== negated);
  const { test, testNot } = operand;
  return node(operand, (one) => (negated ? (testNot?.(one) ?? !test(one)) : test(one)));
}

function parseComparison(left: string, operator: Operator, right: string): Parsed {
  const value = right.trim().replace(/^(["'])(.*)\1$/, '$2');
  const { operand, key } = findOperand(left.trim());
  if (operand === undefined) return fail(unknownOperand(left.trim()));
  if (value === '') return fail(`"${operand.name} ${operator}" needs a value.`);
  if (operand.type === 'flag') return fail(`"${operand.name}" stands alone: write "${operand.name}" or "! ${operand.name}".`);
  if (operand.type === 'text') {
    if (!['=', '!=', '*=', '!*=', '^=', '!^=', '$=', '!$='].includes(operator))
      return fail(`"${operand.name}" is text: use =, !=, contains, startswith or endswith, not ${operator}.`);
    const matches = textTest(operator, value);
    return operand.target === 'node'
      ? node(operand, (one) => matches(operand.values(one, key)))
      : edge(operand, (one) => matches(operand.values(one)));
  }
  if (NUMBER_TESTS[operator] === undefined) return fail(`"${operand.name}" is a number: use =, !=, >, >=, < or <=, not ${operator}.`);
  const limit = /^nan$/i.test(value) ? Number.NaN : Number(value);
  if (Number.isNaN(limit) && !/^nan$/i.test(value)) return fail(`"${value}" is not a number.`);
  if (operand.target === 'node') return node(operand, (one, context) => compare(operand.value(one, context), operator, limit));
  return edge(operand, (one) => compare(operand.value(one), operator, limit));
}

function node(operand: Operand, test: (node: GraphNode, context: FindContext) => boolean): Parsed {
  return { t: 'ok', criterion: { target: 'node', needs: operand.needs, test } };
}

function edge(operand: Operand, test: (edge: GraphEdge) => boolean): Parsed {
  return { t: 'ok', criterion: { target: 'edge', needs: operand.needs, test } };
}

function findOperand(text: string): { operand: Operand | undefined; key: string } {
  const label = /^label:(.+)$/i.exec(text);
  const name = label === null ? text.toLowerCase().replace(/\s+/g, ' ') : 'label';
  return { operand: OPERANDS.find((one) => one.name === name || one.aliases.includes(name)), key: label?.[1]?.trim() ?? '' };
}

function unknownOperand(text: string): string {
  const near = OPERANDS.find((one) => text !== '' && one.name.startsWith(text.toLowerCase().slice(0, 3)));
  return `"${text}" is not an operand${near === undefined ? '' : `; did you mean "${near.name}"?`}`;
}

/** A negative holds when no value matches, so `name != x` means "none of its names is x". */
function textTest(operator: Operator, value: string): (values: readonly (string | undefined)[]) => boolean {
  const wanted = value.toLowerCase();
  const negated = operator.startsWith('!');
  const test = {
    '=': (text: string) => text === wanted,
    '*=': (text: string) => text.includes(wanted),
    '^=': (text: string) => text.startsWith(wanted),
    '$=': (text: string) => text.endsWith(wanted),
  }[operator.replace('!', '')];
  return (values) => values.some((one) => one !== undefined && test?.(one.toLowerCase()) === true) !== negated;
}

const NUMBER_TESTS: Readonly<Partial<Record<Operator, (value: number, limit: number) => boolean>>> = {
  '=': (value, limit) => value === limit,
  '!=': (value, limit) => value !== limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
};

function compare(value: number | undefined, operator: Operator, limit: number): boolean {
  if (Number.isNaN(limit)) return (value === undefined || value === 0) === (operator === '=');
  if (value === undefined) return operator === '!=';
  return NUMBER_TESTS[operator]?.(value, limit) ?? false;
}
