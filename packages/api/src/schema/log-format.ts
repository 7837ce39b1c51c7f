import { z } from 'zod';
import { text } from './fields.ts';

/** An operator of Envoy's formats: `%REQ(X-A?X-B):10%`, or `%%` for the sign itself. */
const OPERATOR = /%(?:%|[A-Z0-9_]+(?:\(.*?\))?(?::\d+)?%)/gsu;
/** Longer ones nobody writes. */
const MAX_LENGTH = 16_384;

/** What is wrong with a format of log lines, or undefined. With such a one a proxy would refuse every listener. */
function logFormatFault(format: string): string | undefined {
  if (format.length > MAX_LENGTH) return `is ${format.length} characters long; the limit is ${MAX_LENGTH}`;
  const rest = format.replaceAll(OPERATOR, '');
  const at = rest.indexOf('%');
  return at < 0 ? undefined : `"${rest.slice(at, at + 40)}" begins with "%" and is no operator such as %RESPONSE_CODE%; for the sign itself write %%`;
}

/** A format of log lines. */
export const logFormatText = text(logFormatFault);

/** Formats by key, in maps and lists of any depth. */
export const logFormatLabels = z.record(z.string(), z.unknown()).check((ctx) => {
  const message = textsOf(ctx.value)
    .map(logFormatFault)
    .find((fault) => fault !== undefined);
  if (message !== undefined) ctx.issues.push({ code: 'custom', message, input: ctx.value, continue: true });
});

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
