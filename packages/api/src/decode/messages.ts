import type { z } from 'zod';
import { nearest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

const NOUNS: Readonly<Record<string, string>> = { string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a mapping', record: 'a mapping' };

/** A zod issue in our words. `value` is what stands at the issue's path. */
export function issueMessage(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'is required' : typeMessage(issue.expected, value);
    case 'too_small':
      return issue.origin === 'array' ? `must have at least ${counted(issue.minimum, 'entry', 'entries')}` : `must be at least ${issue.minimum}, but is ${show(value)}`;
    case 'too_big':
      return issue.origin === 'array' ? `must have at most ${counted(issue.maximum, 'entry', 'entries')}` : `must be at most ${issue.maximum}, but is ${show(value)}`;
    case 'invalid_value':
      return enumMessage(issue.values.map(String), value);
    case 'invalid_format':
      return issue.format === 'base64' ? 'must be base64' : `has not the form ${issue.format}`;
    case 'invalid_key':
      return issue.issues.map((inner) => inner.message).join('; ');
    case 'invalid_union':
      return typeof value === 'string' ? `"${value}" is neither a number nor a name in its form` : `must be a number or a name, but is ${show(value)}`;
    default:
      return issue.message;
  }
}

function counted(count: number | bigint, one: string, many: string): string {
  return `${count} ${Number(count) === 1 ? one : many}`;
}

function typeMessage(expected: string, value: unknown): string {
  const wanted = NOUNS[expected] ?? expected;
  const hint = typeHint(expected, value);
  return `must be ${wanted}, but is ${show(value)}${hint === undefined ? '' : `: ${hint}`}`;
}

function typeHint(expected: string, value: unknown): string | undefined {
  if ((expected === 'number' || expected === 'int') && typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) return 'remove the quotes';
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return `write it in quotes, "${String(value)}"`;
  if (expected === 'boolean' && typeof value === 'string') return /^(yes|on|true)$/i.test(value) ? 'write true' : /^(no|off|false)$/i.test(value) ? 'write false' : undefined;
  if (expected === 'array') return 'begin each entry with "- "';
  return undefined;
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
  switch (typeof value) {
    case 'string':
      return `the text "${clip(value)}"`;
    case 'number':
      return `the number ${String(value)}`;
    case 'boolean':
      return String(value);
    case 'object':
      return 'a mapping';
    default:
      return typeof value;
  }
}

function clip(value: string): string {
  return value.length <= 60 ? value : `${value.slice(0, 57)}…`;
}
