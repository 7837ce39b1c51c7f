import type { LogField, OtelLog } from '@meltemi/runtime';
import type { StreamInfo } from '../types.ts';
import { compileTag, type CaptureList } from './operators.ts';

/** A value of OTLP as ProtoJSON. */
export type AnyValue = Readonly<Record<string, unknown>>;

/** A key with its value. */
export interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

/** How a format becomes text. */
type CompileText = (text: string) => (info: StreamInfo) => string;

/** Makes OTLP log records as ProtoJSON. Adds the headers they need to `capture`. */
export function compileRecord(log: OtelLog, capture: CaptureList, compileText: CompileText): (info: StreamInfo) => object {
  const body = log.body === undefined ? undefined : compileValue(log.body, compileText);
  const attributes = Object.entries(log.attributes).map(([key, field]) => [key, compileValue(field, compileText)] as const);
  const tags = log.customTags.map((tag) => [tag.tag, compileTag(tag, capture)] as const);
  return (info) => {
    const keys: KeyValue[] = attributes.map(([key, render]) => ({ key, value: render(info) }));
    for (const [key, read] of tags) {
      const value = read(info);
      if (value !== undefined) keys.push({ key, value: { string_value: value } });
    }
    return {
      time_unix_nano: nanoseconds(info.startTimeMs),
      ...(body === undefined ? {} : { body: body(info) }),
      attributes: keys,
      ...(info.trace === undefined ? {} : { trace_id: base64(info.trace.traceId), span_id: base64(info.trace.spanId) }),
    };
  };
}

function compileValue(field: LogField, compileText: CompileText): (info: StreamInfo) => AnyValue {
  if (typeof field === 'string') {
    const render = compileText(field);
    return (info) => ({ string_value: render(info) });
  }
  if (Array.isArray(field)) {
    const items = (field as readonly LogField[]).map((item) => compileValue(item, compileText));
    return (info) => ({ array_value: { values: items.map((render) => render(info)) } });
  }
  if (typeof field === 'object' && field !== null) {
    const entries = Object.entries(field).map(([key, item]) => [key, compileValue(item, compileText)] as const);
    return (info) => ({ kvlist_value: { values: entries.map(([key, render]) => ({ key, value: render(info) })) } });
  }
  const value = anyValue(field);
  return () => value;
}

/** A plain value in OTLP's words. */
export function anyValue(field: LogField): AnyValue {
  if (typeof field === 'boolean') return { bool_value: field };
  if (typeof field === 'number') return Number.isInteger(field) ? { int_value: String(field) } : { double_value: field };
  if (Array.isArray(field)) return { array_value: { values: (field as readonly LogField[]).map(anyValue) } };
  if (typeof field === 'object' && field !== null)
    return { kvlist_value: { values: Object.entries(field).map(([key, item]) => ({ key, value: anyValue(item) })) } };
  return { string_value: field ?? '' };
}

/** Milliseconds since 1970 as the text of whole nanoseconds. */
export function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

/** Hexadecimal digits as bytes in ProtoJSON's form. */
export function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
