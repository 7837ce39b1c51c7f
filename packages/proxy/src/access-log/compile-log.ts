import { parseFormat } from '@meltemi/match';
import { loneOperator, type AccessLog, type FileLog, type LogField, type LogFormat } from '@meltemi/runtime';
import type { StreamInfo } from '../types.ts';
import { compileFilter } from './compile-filter.ts';
import { compileEntry } from './log-entry.ts';
import { compileRecord } from './otel-record.ts';
import type { Getter } from './stream-operators.ts';
import { compileOperator, metadataValue, UNQUOTED, type CaptureList } from './operators.ts';

/** Longer lines have long values cut to so many characters. */
const LONG_LINE = 8 * 1024;
const LONG_VALUE = 1024;

/** One access log, ready to use. */
export type CompiledLog = CompiledFileLog | CompiledRemoteLog;

export interface CompiledFileLog {
  readonly t: 'file';
  readonly path: string;
  /** The line with its newline, undefined when the log's filter does not want the stream. */
  line(info: StreamInfo): string | undefined;
}

/** A log whose entries go to a collector. */
export interface CompiledRemoteLog {
  readonly t: 'remote';
  readonly config: Exclude<AccessLog, FileLog>;
  /** Logs of the same key share a connection and its buffer. */
  readonly key: string;
  /** The entry as ProtoJSON, undefined when the log's filter does not want the stream. */
  entry(info: StreamInfo): object | undefined;
}

/** Compiles a log's format; adds the headers it needs to `capture`. */
export function compileLog(log: AccessLog, capture: CaptureList): CompiledLog {
  const passes = log.filter === undefined ? undefined : compileFilter(log.filter, capture);
  const filtered =
    <T>(make: (info: StreamInfo) => T) =>
    (info: StreamInfo) =>
      passes === undefined || passes(info) ? make(info) : undefined;
  if (log.t === 'file') {
    const { format, omitEmptyValues, path } = log;
    const render = format.t === 'text' ? compileText(format.text, capture) : compileJson(format.fields, omitEmptyValues, capture);
    return { t: 'file', path, line: passes === undefined ? render : filtered(render) };
  }
  const make = log.t === 'grpc' ? compileEntry(log, capture) : compileRecord(log, capture, (text) => compileText(text, capture, false));
  return { t: 'remote', config: log, key: keyOf(log), entry: passes === undefined ? make : filtered(make) };
}

function keyOf(log: Exclude<AccessLog, FileLog>): string {
  const resource = log.t === 'grpc' ? log.entries : [log.statPrefix, log.builtinLabels, log.resourceAttributes, log.httpService];
  return JSON.stringify([log.t, log.service, log.logName, log.flushMs, log.bufferBytes, resource]);
}

/** The body of an answer of the proxy itself, by its format; `own` is what `%LOCAL_REPLY_BODY%` stands for. */
export function compileBody(format: LogFormat, omitEmpty: boolean, capture: CaptureList): (info: StreamInfo, own: string) => string {
  let body = '';
  const list = { ...capture, localBody: () => body };
  const render = format.t === 'text' ? compileText(format.text, list) : compileJson(format.fields, omitEmpty, list);
  return (info, own) => {
    body = own;
    return render(info);
  };
}

interface OwnBody {
  readonly t: 'body';
  readonly get: Getter;
}

/** In a body nothing is quoted, and an answer without a body is one with an empty body. */
function compileText(text: string, capture: CaptureList, quoting = capture.localBody === undefined): (info: StreamInfo) => string {
  const parsed = parseFormat(text);
  if (!parsed.ok) return () => `${parsed.message}\n`;
  const pieces = parsed.parts.map((part): string | Getter | OwnBody => {
    if (part.t === 'text') return part.text;
    const get = compileOperator(part.operator, part.argument, capture);
    const { maxLength } = part;
    const cut: Getter = maxLength === undefined ? get : (info) => get(info)?.toString().slice(0, maxLength);
    if (part.operator === 'LOCAL_REPLY_BODY') return { t: 'body', get: cut };
    return !quoting || UNQUOTED.has(part.operator) ? cut : (info) => unquoted(cut(info));
  });
  return (info) => {
    let line = '';
    for (const piece of pieces) {
      if (typeof piece === 'string') line += piece;
      else if (typeof piece === 'object') line += piece.get(info) ?? '';
      else {
        const value = piece(info);
        line += value === undefined || value === '' ? '-' : value;
      }
    }
    return line;
  };
}

/** A quote inside a peer's value would end its field. */
function unquoted(value: string | number | undefined): string | number | undefined {
  return typeof value === 'string' && value.includes('"') ? value.replaceAll('"', '\\x22') : value;
}

function compileJson(fields: Readonly<Record<string, LogField>>, omitEmpty: boolean, capture: CaptureList): (info: StreamInfo) => string {
  const render = compileField(fields, omitEmpty, capture);
  return (info) => {
    const record = render(info);
    const line = `${JSON.stringify(record)}\n`;
    // A line that is cut in its middle is no JSON any more: its values are cut instead.
    return line.length <= LONG_LINE
      ? line
      : `${JSON.stringify(record, (_, value: unknown) => (typeof value === 'string' ? value.slice(0, LONG_VALUE) : value))}\n`;
  };
}

type FieldValue = string | number | boolean | null | FieldValue[] | { [key: string]: FieldValue };

function compileField(field: LogField, omitEmpty: boolean, capture: CaptureList): (info: StreamInfo) => FieldValue {
  if (typeof field === 'string') return compileJsonText(field, capture);
  if (field === null || typeof field !== 'object') return () => field;
  if (Array.isArray(field)) {
    const items = (field as readonly LogField[]).map((item) => compileField(item, omitEmpty, capture));
    return (info) => items.map((item) => item(info));
  }
  const entries = Object.entries(field).map(([key, value]) => [key, compileField(value, omitEmpty, capture)] as const);
  return (info) => {
    const record: { [key: string]: FieldValue } = {};
    for (const [key, render] of entries) {
      const value = render(info);
      if (!omitEmpty || value !== null) record[key] = value;
    }
    return record;
  };
}

/** A lone operator keeps its type (numbers stay numbers, nothing is null); mixed text is text. */
function compileJsonText(text: string, capture: CaptureList): (info: StreamInfo) => FieldValue {
  const lone = loneOperator(text);
  if (lone === undefined) return compileText(text, capture);
  if (lone.operator === 'DYNAMIC_METADATA' || lone.operator === 'METADATA') {
    const read = metadataValue(lone.operator === 'METADATA' ? lone.argument.slice(lone.argument.indexOf(':') + 1) : lone.argument);
    return (info) => (read(info) as FieldValue | undefined) ?? null;
  }
  const get = compileOperator(lone.operator, lone.argument, capture);
  const { maxLength = Infinity } = lone;
  // These two are text even where there is none.
  if (lone.operator === 'LOCAL_REPLY_BODY') return (info) => get(info) ?? null;
  if (lone.operator === 'CUSTOM_FLAGS') return () => '';
  return (info) => {
    const value = get(info);
    if (value === undefined || value === '') return null;
    return typeof value === 'string' && value.length > maxLength ? value.slice(0, maxLength) : value;
  };
}
