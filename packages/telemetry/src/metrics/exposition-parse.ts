import type { ExpositionSample, MetricFamily, MetricType } from './exposition.ts';

/** What the parser made of a text: every good line, and what was wrong with the others. */
export interface ParsedExposition {
  readonly families: readonly MetricFamily[];
  readonly errors: readonly ExpositionError[];
}

export interface ExpositionError {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

interface Draft {
  readonly name: string;
  type: MetricType;
  help: string;
  readonly samples: ExpositionSample[];
}

const TYPES: readonly string[] = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const MAX_ERRORS = 100;

/**
 * Reads Prometheus' text format 0.0.4 (and the parts of OpenMetrics that applications mix in: `# EOF`, `# UNIT`, exemplars, which
 * are ignored). A bad line is reported and left out; it never costs the good ones.
 */
export function parseExposition(text: string): ParsedExposition {
  const families = new Map<string, Draft>();
  const errors: ExpositionError[] = [];
  let line = 0;
  for (const raw of text.split('\n')) {
    line++;
    const content = raw.trim();
    if (content === '') continue;
    const message = content.startsWith('#') ? comment(families, content) : sampleLine(families, content);
    if (message !== undefined && errors.length < MAX_ERRORS) errors.push({ line, message });
  }
  return { families: [...families.values()].filter((family) => family.samples.length > 0), errors };
}

function family(families: Map<string, Draft>, name: string): Draft {
  let draft = families.get(name);
  if (draft === undefined) families.set(name, (draft = { name, type: 'untyped', help: '', samples: [] }));
  return draft;
}

function comment(families: Map<string, Draft>, content: string): string | undefined {
  const match = /^#\s*(HELP|TYPE)\s+(\S+)\s*(.*)$/.exec(content);
  if (match === null) return undefined;
  const [, keyword, name = '', rest = ''] = match;
  if (keyword === 'HELP') {
    family(families, name).help = rest.replace(/\\(\\|n)/g, (_, c: string) => (c === 'n' ? '\n' : '\\'));
    return undefined;
  }
  const type = rest === 'unknown' ? 'untyped' : rest;
  if (!TYPES.includes(type)) return `type ${JSON.stringify(rest)} of ${name} is none of ${TYPES.join(', ')}`;
  family(families, name).type = type as MetricType;
  return undefined;
}

function sampleLine(families: Map<string, Draft>, content: string): string | undefined {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(content)?.[0];
  if (name === undefined) return `a metric name is expected, got ${JSON.stringify(content.slice(0, 40))}`;
  const parsed = content[name.length] === '{' ? readLabels(content.slice(name.length)) : { labels: {}, length: 0 };
  if (typeof parsed === 'string') return parsed;
  const numbers = readNumbers(content.slice(name.length + parsed.length), name);
  if (typeof numbers === 'string') return numbers;
  family(families, familyName(families, name)).samples.push({ name, labels: parsed.labels, ...numbers });
  return undefined;
}

/** Value and perhaps time; an exemplar behind `#` is passed over. */
function readNumbers(text: string, name: string): { readonly value: number; readonly timestampMs: number | undefined } | string {
  const [first = '', second, ...more] = (text.split(' #')[0] ?? '').trim().split(/\s+/);
  const value = readNumber(first);
  if (value === undefined) return `the value of ${name} is not a number: ${JSON.stringify(first)}`;
  const timestampMs = second === undefined ? undefined : readNumber(second);
  if (more.length > 0 || (second !== undefined && timestampMs === undefined)) return `unexpected text after the value of ${name}`;
  return { value, timestampMs };
}

/** `x_bucket` belongs to the histogram `x` if that was declared; OpenMetrics declares counters without `_total`. */
function familyName(families: Map<string, Draft>, name: string): string {
  for (const suffix of ['_bucket', '_sum', '_count', '_total', '_created']) {
    if (!name.endsWith(suffix)) continue;
    const base = name.slice(0, -suffix.length);
    const type = families.get(base)?.type;
    if (type === 'histogram' || (type === 'summary' && suffix !== '_bucket') || (type === 'counter' && /_(total|created)$/.test(name))) return base;
  }
  return name;
}

function readLabels(text: string): { readonly labels: Record<string, string>; readonly length: number } | string {
  const labels: [string, string][] = [];
  let at = 1;
  for (;;) {
    const space = /^[\s,]*/.exec(text.slice(at))?.[0].length ?? 0;
    at += space;
    if (text[at] === '}') return { labels: Object.fromEntries(labels), length: at + 1 };
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"/.exec(text.slice(at));
    if (match === null) return `a label is expected at ${JSON.stringify(text.slice(at, at + 40))}`;
    labels.push([match[1] ?? '', (match[2] ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))]);
    at += match[0].length;
  }
}

function readNumber(text: string): number | undefined {
  const lower = text.toLowerCase();
  if (lower === '+inf' || lower === 'inf') return Infinity;
  if (lower === '-inf') return -Infinity;
  if (lower === 'nan') return NaN;
  if (!/^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$/.test(text)) return undefined;
  return Number(text);
}
