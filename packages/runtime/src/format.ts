import type { FormatSource } from './compiled.ts';
import { operatorFault } from './format-operators.ts';

/** One piece of a format: text, or an operator. `maxLength` cuts the value (`%REQ(x):5%`); undefined = whole. */
export type FormatPart =
  | { readonly t: 'text'; readonly text: string }
  | { readonly t: 'operator'; readonly operator: string; readonly argument: string; readonly maxLength: number | undefined };

export type ParsedFormat = { readonly ok: true; readonly parts: readonly FormatPart[] } | { readonly ok: false; readonly message: string };

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
    const part = end < 0 ? `"%" at ${at} has no closing "%" (write "%%" for a percent sign)` : parseOperator(text.slice(at + 1, end));
    if (typeof part === 'string') return { ok: false, message: `invalid format "${text}": ${part}` };
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

function parseOperator(text: string): FormatPart | string {
  const match = OPERATOR.exec(text);
  if (match === null) return `"%${text}%" is no operator`;
  const [, operator = '', argument = '', length] = match;
  const fault = operatorFault(operator, argument);
  if (fault !== undefined) return fault;
  return { t: 'operator', operator, argument, maxLength: length === undefined ? undefined : Number(length) };
}

/** A format as a function. `missing` stands for a value that is not there (`-` in logs, '' in headers). Throws nothing: bad formats are refused at decode. */
export function compileFormat(text: string, missing: string): { readonly constant: string | undefined; render(source: FormatSource): string } {
  const parsed = parseFormat(text);
  const parts: readonly FormatPart[] = parsed.ok ? parsed.parts : [{ t: 'text', text }];
  if (parts.every((part) => part.t === 'text')) {
    const constant = parts.map((part) => (part.t === 'text' ? part.text : '')).join('');
    return { constant, render: () => constant };
  }
  const render = (source: FormatSource): string => {
    let out = '';
    for (const part of parts) out += part.t === 'text' ? part.text : renderOperator(part, source, missing);
    return out;
  };
  return { constant: undefined, render };
}

function renderOperator(part: FormatPart & { t: 'operator' }, source: FormatSource, missing: string): string {
  const value = source.format(part.operator, part.argument);
  if (value === undefined || value === '') return missing;
  const text = String(value);
  return part.maxLength === undefined ? text : text.slice(0, part.maxLength);
}

/** One operator's raw value, for JSON logs that keep numbers as numbers; undefined when the format is not a lone operator. */
export function loneOperator(text: string): Omit<FormatPart & { t: 'operator' }, 't'> | undefined {
  const parsed = parseFormat(text);
  const [only] = parsed.ok ? parsed.parts : [];
  if (!parsed.ok || parsed.parts.length !== 1 || only?.t !== 'operator') return undefined;
  return { operator: only.operator, argument: only.argument, maxLength: only.maxLength };
}
