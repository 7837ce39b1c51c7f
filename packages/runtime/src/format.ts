import { parseFormat, type FormatPart } from '@meltemi/match';
import type { FormatSource } from './compiled.ts';

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
