const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 };

/** Milliseconds of a Prometheus duration (`1h30m`, `90s`, `15ms`); undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  let total = 0;
  for (const part of match.slice(1)) {
    if (part === undefined) continue;
    const unit = /[a-z]+$/.exec(part)?.[0] ?? '';
    total += Number(part.slice(0, -unit.length)) * (UNIT_MS[unit] ?? 0);
  }
  return total;
}

/** A number as PromQL writes it: decimal with underscores, hexadecimal, `Inf`, `NaN`, or a duration (in seconds). */
export function parseNumber(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]\s*/, '').toLowerCase();
  if (body === 'inf') return sign * Infinity;
  if (body === 'nan') return NaN;
  if (/^0x[0-9a-f]+$/.test(body)) return sign * parseInt(body.slice(2), 16);
  const plain = body.replaceAll('_', '');
  if (/^(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/.test(plain)) return sign * Number(plain);
  const duration = parseDuration(body);
  return duration === undefined ? undefined : (sign * duration) / 1000;
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text of a string literal with its quotes (Go's rules; backquotes are raw). Throws an Error that says what is wrong. */
export function parseString(literal: string): string {
  const quote = literal[0];
  if (literal.length < 2 || !literal.endsWith(quote ?? '')) throw new Error(`unterminated quoted string`);
  const body = literal.slice(1, -1);
  if (quote === '`') return body;
  if (body.includes('\n')) throw new Error('a quoted string may not contain a line break; write \\n');
  return body.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|[^])/g, (_, escape: string) => {
    const simple = SIMPLE[escape];
    if (simple !== undefined) return simple;
    const code = /^[xuU]./.test(escape) ? parseInt(escape.slice(1), 16) : /^[0-7]{3}$/.test(escape) ? parseInt(escape, 8) : NaN;
    if (!(code <= 0x10ffff)) throw new Error(`unknown escape sequence \\${escape}; for a regular expression write \\\\${escape}`);
    return String.fromCodePoint(code);
  });
}
