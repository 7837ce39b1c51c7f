/** `meltemi.telemetry.v1` on the wire, by hand for the reason told in messages.ts. Field numbers are those of telemetry.proto. */
import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import type { HistogramSample, LogLine, SeriesDefinition } from '@meltemi/telemetry';
import { jsonNumber, type Span, type TelemetryAck, type TelemetryBatch, type TelemetryNode } from '@meltemi/telemetry/recording';

const { bytes: BYTES, varint: VARINT, fixed64: FIXED64 } = WireType;
const SERIES_KIND = { COUNTER: 0, GAUGE: 1, HISTOGRAM: 2 } as const;
const SPAN_KIND = { INTERNAL: 0, SERVER: 1, CLIENT: 2 } as const;
const LOG_SOURCE = { APPLICATION: 0, PROXY: 1, AGENT: 2 } as const;

/** `TelemetryBatch`. */
export function encodeTelemetryBatch(batch: TelemetryBatch): Uint8Array {
  const writer = new ProtoWriter(4096);
  writer.tag(1, VARINT).uint32(batch.sequence ?? 0);
  writer.tag(2, FIXED64).double(jsonNumber(batch.time_ms));
  if (batch.node !== undefined) nested(writer, 3, () => node(writer, batch.node ?? {}));
  all(writer, 4, batch.series, series);
  ids(writer, 5, batch.sample_ids);
  if (batch.sample_values !== undefined) doubles(writer, 6, batch.sample_values.map(jsonNumber));
  all(writer, 7, batch.histograms, histogram);
  ids(writer, 8, batch.retired_ids);
  all(writer, 9, batch.spans, span);
  all(writer, 10, batch.logs, logLine);
  return writer.take();
}

function all<T>(writer: ProtoWriter, field: number, items: readonly T[] | undefined, write: (writer: ProtoWriter, item: T) => void): void {
  for (const item of items ?? []) nested(writer, field, () => write(writer, item));
}

function ids(writer: ProtoWriter, field: number, values: readonly number[] | undefined): void {
  if (values !== undefined) nested(writer, field, () => values.forEach((id) => writer.uint32(id)));
}

/** `TelemetryAck`. */
export function decodeTelemetryAck(bytes: Uint8Array): TelemetryAck {
  const reader = new ProtoReader(bytes);
  let [sequence, refused, reason] = [0, 0, ''];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1) sequence = reader.uint32();
    else if (tag >>> 3 === 2) refused = reader.uint32();
    else if (tag >>> 3 === 3) reason = reader.string();
    else reader.skip(tag);
  }
  return { sequence, refused, reason };
}

function node(writer: ProtoWriter, value: TelemetryNode): void {
  const texts = [value.workload, value.namespace, value.app, value.version, value.instance, value.address, value.component];
  texts.forEach((text, index) => string(writer, index + 1, text));
}

function series(writer: ProtoWriter, value: SeriesDefinition): void {
  writer.tag(1, VARINT).uint32(value.id ?? 0);
  string(writer, 2, value.name);
  writer.tag(3, VARINT).uint32(SERIES_KIND[value.kind ?? 'COUNTER']);
  map(writer, 4, value.labels ?? {});
  writer.tag(5, FIXED64).double(jsonNumber(value.created_ms));
  if (value.bounds !== undefined) doubles(writer, 6, value.bounds.map(jsonNumber));
}

function histogram(writer: ProtoWriter, value: HistogramSample): void {
  writer.tag(1, VARINT).uint32(value.id ?? 0);
  writer.tag(2, FIXED64).double(jsonNumber(value.sum));
  doubles(writer, 3, (value.counts ?? []).map(jsonNumber));
}

function span(writer: ProtoWriter, value: Span): void {
  string(writer, 1, value.trace_id);
  string(writer, 2, value.span_id);
  string(writer, 3, value.parent_span_id);
  string(writer, 4, value.name);
  writer.tag(5, VARINT).uint32(SPAN_KIND[value.kind ?? 'INTERNAL']);
  writer.tag(6, FIXED64).double(jsonNumber(value.start_us));
  writer.tag(7, FIXED64).double(jsonNumber(value.duration_us));
  if (value.error === true) writer.tag(8, VARINT).bool(true);
  string(writer, 9, value.service);
  map(writer, 10, value.tags ?? {});
}

function logLine(writer: ProtoWriter, value: LogLine): void {
  writer.tag(1, FIXED64).double(jsonNumber(value.time_ms));
  writer.tag(2, VARINT).uint32(LOG_SOURCE[value.source ?? 'APPLICATION']);
  string(writer, 3, value.text);
}

function nested(writer: ProtoWriter, field: number, write: () => void): void {
  const mark = writer.tag(field, BYTES).begin();
  write();
  writer.finish(mark);
}

function string(writer: ProtoWriter, field: number, text: string | undefined): void {
  if (text !== undefined && text !== '') writer.tag(field, BYTES).string(text);
}

function doubles(writer: ProtoWriter, field: number, values: readonly number[]): void {
  nested(writer, field, () => values.forEach((value) => writer.double(value)));
}

function map(writer: ProtoWriter, field: number, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries)) {
    nested(writer, field, () => writer.tag(1, BYTES).string(key).tag(2, BYTES).string(value));
  }
}
