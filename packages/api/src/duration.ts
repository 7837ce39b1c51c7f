const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, µs: 0.001, ns: 0.000_001 };
const PART = /(\d+(?:\.\d*)?|\.\d+)(h|ms|us|µs|ns|m|s)/y;

/** Milliseconds (with fractions) of a duration as Istio writes it: `5s`, `100ms`, `1h30m`, `0.5s`. Undefined when the text is none. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0;
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  if (body === '' || body.length > 64) return undefined;
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < body.length) {
    const part = PART.exec(body);
    if (part === null) return undefined;
    total += Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? Number.NaN);
  }
  return Number.isFinite(total) ? (negative ? -total : total) : undefined;
}
