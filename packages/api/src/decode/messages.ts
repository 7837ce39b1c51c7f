import type { z } from 'zod';
import { nearest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** A zod issue in our words. `value` is what stands at the issue's path. */
function issueMessage(issue: Issue, value: unknown): string {
  if (issue.code === 'invalid_type') return value === undefined ? 'is required' : typeMessage(issue.expected, value, String(issue.path.at(-1)));
  if (issue.code === 'too_small') return boundMessage('least', issue.origin, issue.minimum, value);
  if (issue.code === 'too_big') return boundMessage('most', issue.origin, issue.maximum, value);
  if (issue.code === 'invalid_value') return enumMessage(issue.values.map(String), value);
  if (issue.code === 'invalid_format') return `has not the form ${issue.format}`;
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => inner.message).join('; ');
  if (issue.code === 'invalid_union') return unionMessage(value);
  return issue.message;
}

/** What is wrong, and what to write instead. `missing` is the name of a field that is not there. */
export function issueText(issue: Issue, value: unknown, missing: string | number | undefined): { readonly message: string; readonly fix?: string } {
  if (missing !== undefined) return { message: issueMessage(issue, value), fix: `Add ${missing}.` };
  const parts = splitAdvice(issueMessage(issue, value));
  return parts.fix === undefined && issue.code === 'invalid_value' ? { ...parts, fix: 'Write one of them.' } : parts;
}

/** A format says in one sentence what is wrong and what to write; here they part. */
export function splitAdvice(message: string): { readonly message: string; readonly fix?: string } {
  const advice = ADVICE.exec(message);
  if (advice === null) return { message };
  const [sentence, text = ''] = advice;
  const fix = `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}${/[.?]$/.test(text) ? '' : '.'}`;
  return { message: message.slice(0, message.length - sentence.length), fix };
}

/** Names of fields that hold a duration, all of them: text in YAML, which a bare number is not. */
const TIME = /(?:timeout|interval|delay|duration|time|ttl|maxAge|backoff|idle)$/i;

const ADVICE = /[:;] ((?:write|remove|begin|did you mean|leave) [^;]+)$/;

/** The only union is that of port numbers and port names. */
function unionMessage(value: unknown): string {
  return typeof value === 'string'
    ? `"${clip(value)}" is neither a number nor a name in its form`
    : `must be a number or a name, but is ${show(value)}`;
}

function boundMessage(side: 'least' | 'most', origin: string, bound: number | bigint, value: unknown): string {
  if (origin === 'array') return `must have at ${side} ${bound} ${Number(bound) === 1 ? 'entry' : 'entries'}`;
  return `must be at ${side} ${bound}, but is ${show(value)}`;
}

function typeMessage(expected: string, value: unknown, field: string): string {
  const wanted = NOUNS[expected] ?? expected;
  const hint =
    expected === 'string' && typeof value === 'number' && TIME.test(field) ? `write it with its unit, ${value}s` : typeHint(expected, value);
  return `must be ${wanted}, but is ${show(value)}${hint === undefined ? '' : `: ${hint}`}`;
}

function typeHint(expected: string, value: unknown): string | undefined {
  switch (expected) {
    case 'number':
    case 'int':
      return typeof value === 'string' ? numberHint(value) : undefined;
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' ? `write it in quotes, "${String(value)}"` : undefined;
    case 'boolean':
      return typeof value === 'string' ? booleanHint(value.toLowerCase()) : undefined;
    case 'array':
      return 'begin each entry with "- "';
    case 'object':
    case 'record':
      return 'write its fields below it, indented';
    default:
      return undefined;
  }
}

function numberHint(value: string): string {
  return value.trim() !== '' && Number.isFinite(Number(value)) ? 'remove the quotes' : 'write digits only';
}

function booleanHint(value: string): string | undefined {
  if (['yes', 'on', 'true'].includes(value)) return 'write true';
  return ['no', 'off', 'false'].includes(value) ? 'write false' : 'write true or false';
}

function enumMessage(values: readonly string[], value: unknown): string {
  const known = values.join(', ');
  if (typeof value !== 'string') return `must be one of ${known}, but is ${show(value)}`;
  const near = nearest(value, values);
  return `"${clip(value)}" is not one of ${known}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

/** A value for a message: its type and, when short, itself. */
export function show(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `the text "${clip(value)}"`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'a mapping' : typeof value;
}

function clip(value: string): string {
  return value.length <= 60 ? value : `${value.slice(0, 57)}…`;
}
