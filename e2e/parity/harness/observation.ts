import type { SeenResponse } from '../client/responses.ts';
import type { LogLine } from './access-log.ts';

/** What one step showed, in words that are the same for every proxy. */
export interface StepObservation {
  readonly responses?: readonly SeenResponse[];
  readonly interim?: readonly number[];
  readonly connection?: string;
  readonly received?: string;
  readonly backend?: readonly object[];
  readonly tls?: object;
  readonly rst?: readonly string[];
  readonly collected?: readonly object[];
  readonly admin?: unknown;
  readonly verdict?: 'ack' | 'nack';
  /** Why the step could not be done at all. */
  readonly error?: string;
  readonly steps?: readonly StepObservation[];
  readonly shares?: Readonly<Record<string, number>>;
}

/** What one case showed on one proxy. */
export interface Observation {
  readonly steps: readonly StepObservation[];
  readonly log: readonly LogLine[];
  /** What is not compared: texts that each proxy words its own way. */
  readonly notes: readonly string[];
  readonly ms: number;
}

export interface Names {
  /** Text that differs between proxies or runs → what stands for it. */
  readonly replacements: readonly (readonly [from: string, to: string])[];
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const DATES = /\b[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\b/g;
const ISO = /\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
/** Seconds since 1970 with a fraction. */
/** Ids of traces and spans. */
const TRACE_IDS = /\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g;
const SECONDS = /\b\d{10}\.\d{3,9}\b/g;
/** Numbers that depend on the clock. */
const TIMES = new Set(['x-envoy-upstream-service-time']);

/** A port alone: that of the listener which was called. */
const PORT = 'x-forwarded-port';

/** Replaces what cannot be equal: ports, names of the case, dates, ids and durations. */
export function normalise<T>(value: T, names: Names, key = ''): T {
  if (typeof value === 'string') return text(value, names, key) as T;
  if (Array.isArray(value)) return value.map((item) => normalise(item, names)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normalise(item, names, name)])) as T;
}

/** Headers that hold such. */
const TRACE_HEADERS = /^(traceparent|b3|x-b3-.*)$/;

function text(value: string, { replacements }: Names, key: string): string {
  if (TIMES.has(key) && /^\d+$/.test(value)) return '<ms>';
  if (key === PORT) return replacements.find(([from]) => from.endsWith(`:${value}`))?.[1] ?? value;
  const traced = TRACE_HEADERS.test(key) ? value.replace(TRACE_IDS, '<trace id>') : value;
  let result = traced.replace(DATES, '<date>').replace(ISO, '<time>').replace(SECONDS, '<seconds>');
  for (const [from, to] of replacements) result = result.replaceAll(from, to);
  return result.replace(UUID, '<uuid>').replace(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:<port>');
}
