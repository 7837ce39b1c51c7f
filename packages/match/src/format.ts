import { isKnown, operatorFault } from './format-operators.ts';

/** One piece of a format: text, or an operator. `maxLength` cuts the value (`%REQ(x):5%`); undefined = whole. */
export type FormatPart =
  | { readonly t: 'text'; readonly text: string }
  | { readonly t: 'operator'; readonly operator: string; readonly argument: string; readonly maxLength: number | undefined };

export type ParsedFormat = { readonly ok: true; readonly parts: readonly FormatPart[] } | FormatFault;

/** Why a text is no format. */
export interface FormatFault {
  readonly ok: false;
  /** The text, and what is wrong with it. */
  readonly message: string;
  /** Only what is wrong. */
  readonly fault: string;
  /** Name of an operator that there is not. */
  readonly unknown?: string;
}

const OPERATOR = /^([A-Z0-9_]+)(?:\(((?:[^()]|\([^()]*\))*)\))?(?::(\d+))?$/;

/** Splits `[%START_TIME%] "%REQ(:METHOD)%"` into parts; `%%` is a percent sign. */
export function parseFormat(text: string): ParsedFormat {
  const parts: FormatPart[] = [];
  let literal = '';
  for (let at = 0; at < text.length;) {
    if (text[at] !== '%') {
      const next = text.indexOf('%', at);
      const end = next < 0 ? text.length : next;
      literal += text.slice(at, end);
      at = end;
      continue;
    }
    if (text[at + 1] === '%') {
      literal += '%';
      at += 2;
      continue;
    }
    const end = operatorEnd(text, at + 1);
    const part = end < 0 ? { fault: `"%" at ${at} has no closing "%": write "%%" for a percent sign` } : parseOperator(text.slice(at + 1, end));
    if ('fault' in part) return { ok: false, message: `invalid format "${text}": ${part.fault}`, ...part };
    if (literal !== '') parts.push({ t: 'text', text: literal });
    literal = '';
    parts.push(part);
    at = end + 1;
  }
  if (literal !== '') parts.push({ t: 'text', text: literal });
  return { ok: true, parts };
}

/** The closing `%`: one inside parentheses belongs to the argument (`%START_TIME(%Y)%`). */
function operatorEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text[at];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '%' && depth <= 0) return at;
  }
  return -1;
}

function parseOperator(text: string): FormatPart | Pick<FormatFault, 'fault' | 'unknown'> {
  const match = OPERATOR.exec(text);
  if (match === null) return { fault: `"%${text}%" is no operator` };
  const [, operator = '', argument = '', length] = match;
  const fault = operatorFault(operator, argument);
  if (fault !== undefined) return isKnown(operator) ? { fault } : { fault, unknown: operator };
  return { t: 'operator', operator, argument, maxLength: length === undefined ? undefined : Number(length) };
}
