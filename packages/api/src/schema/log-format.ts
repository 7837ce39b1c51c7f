import { FORMAT_OPERATORS, parseFormat } from '@meltemi/match';
import { z } from 'zod';
import { nearest } from '../decode/suggest.ts';
import { text } from './fields.ts';

/** Longer ones nobody writes. */
const MAX_LENGTH = 16_384;
/** Each level is three messages in one another, of which protobuf reads a hundred. */
const MAX_DEPTH = 30;
const REFUSED = 'proxies would refuse every listener that logs so';

/** What is wrong with a format of log lines, or undefined. With such a one a proxy would refuse every listener. */
export function logFormatFault(format: string): string | undefined {
  if (format.length > MAX_LENGTH) return `is ${format.length} characters long; the limit is ${MAX_LENGTH}`;
  const parsed = parseFormat(format);
  if (parsed.ok) return undefined;
  const { unknown, fault } = parsed;
  if (unknown === undefined) return `${REFUSED}: ${fault}`;
  const near = nearest(unknown, FORMAT_OPERATORS);
  return `${REFUSED}: %${unknown}% is no operator; ${near === undefined ? 'write one that is there, such as %RESPONSE_CODE%, or "%%" for the sign itself' : `did you mean %${near}%?`}`;
}

/** What is wrong with a format in JSON, whose texts are formats of their own; undefined when nothing is. */
export function jsonLogFormatFault(format: string): string | undefined {
  if (format.length > MAX_LENGTH) return `is ${format.length} characters long; the limit is ${MAX_LENGTH}`;
  try {
    const value: unknown = JSON.parse(format);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a JSON object, as accessLogEncoding is JSON';
    return firstFault(value);
  } catch (error) {
    return `is not JSON, as accessLogEncoding asks: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A format of log lines. */
export const logFormatText = text(logFormatFault);

/** Formats by key, in maps and lists of any depth. */
export const logFormatLabels = z.record(z.string(), z.unknown()).check((ctx) => {
  const message = firstFault(ctx.value);
  if (message !== undefined) ctx.issues.push({ code: 'custom', message, input: ctx.value, continue: true });
});

function firstFault(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return logFormatFault(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === MAX_DEPTH) return `${REFUSED}: it is nested deeper than ${MAX_DEPTH} levels`;
  for (const inner of Object.values(value)) {
    const fault = firstFault(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
