import { OPERANDS } from './operands.ts';

export interface HelpRow {
  readonly expression: string;
  readonly meaning: string;
}

export const FIND_PRESETS: readonly HelpRow[] = [
  { expression: 'rt > 1000', meaning: 'Slow edges (more than 1s)' },
  { expression: '! healthy', meaning: 'Unhealthy nodes' },
  { expression: 'name = unknown', meaning: 'Unknown nodes' },
  { expression: 'rank <= 2', meaning: 'Most travelled nodes' },
];

export const HIDE_PRESETS: readonly HelpRow[] = [
  { expression: 'healthy', meaning: 'Healthy nodes' },
  { expression: 'name = unknown', meaning: 'Unknown nodes' },
  { expression: 'rank > 2', meaning: 'Less travelled nodes' },
];

export const EXAMPLES: readonly HelpRow[] = [
  { expression: 'response time > 130', meaning: 'edges slower than 130 ms; the same as rt > 130' },
  { expression: 'node = service and ns = bookinfo', meaning: 'services of a namespace' },
  { expression: '%httperr > 5 or ! healthy', meaning: 'edges with errors, and unhealthy nodes' },
  { expression: 'name startswith reviews', meaning: 'whatever is called reviews…' },
  { expression: 'label:version = v2', meaning: 'nodes by label; label:version alone asks whether it is there' },
  { expression: 'http = NaN', meaning: 'edges without HTTP requests' },
];

export const OPERATORS: readonly HelpRow[] = [
  { expression: '=  !=', meaning: 'equal, not equal' },
  { expression: 'contains  (*=)', meaning: 'text within; !contains or !*= for not' },
  { expression: 'startswith  (^=)', meaning: 'text begins; !startswith or !^= for not' },
  { expression: 'endswith  ($=)', meaning: 'text ends; !endswith or !$= for not' },
  { expression: '>  >=  <  <=', meaning: 'numbers' },
  { expression: '!  not', meaning: 'before a flag' },
  { expression: 'AND  OR', meaning: 'AND binds tighter; node and edge criteria meet only at OR' },
];

/** The operands of nodes or edges as help lists them. */
export function operandHelp(target: 'edge' | 'node'): readonly HelpRow[] {
  return OPERANDS.filter((one) => one.target === target).map((one) => ({
    expression: `${one.name}${one.aliases.length === 0 ? '' : ` (${one.aliases.join(', ')})`}${one.type === 'flag' ? '' : one.type === 'number' ? '  <op> <number>' : '  <op> <text>'}`,
    meaning: one.help,
  }));
}

/** Operand names that complete the last word of an expression. */
export function completions(text: string): readonly string[] {
  const word = /([%\w:]+)$/.exec(text)?.[1]?.toLowerCase();
  if (word === undefined) return [];
  return OPERANDS.map((one) => one.name).filter((name) => name.startsWith(word) && name !== word);
}
