/** Type names for the codec of `@meltemi/protos`, and the gRPC method. */
export const TELEMETRY_PROTO = {
  batch: 'meltemi.telemetry.v1.TelemetryBatch',
  ack: 'meltemi.telemetry.v1.TelemetryAck',
  method: '/meltemi.telemetry.v1.TelemetryService/Report',
} as const;

export type SeriesKind = 'COUNTER' | 'GAUGE' | 'HISTOGRAM';

/** A number as ProtoJSON writes a double: NaN and the infinities are words. */
export type JsonNumber = number | string;

/** ProtoJSON of `meltemi.telemetry.v1.TelemetryBatch`; the meaning of each field is told in the proto file. */
export interface TelemetryBatch {
  readonly sequence?: number;
  readonly time_ms?: JsonNumber;
  readonly node?: TelemetryNode;
  readonly series?: readonly SeriesDefinition[];
  readonly sample_ids?: readonly number[];
  readonly sample_values?: readonly JsonNumber[];
  readonly histograms?: readonly HistogramSample[];
  readonly retired_ids?: readonly number[];
  readonly spans?: readonly Span[];
  readonly logs?: readonly LogLine[];
}

/** Who sends. `instance` is a pod's name where there is one, else workload and address. */
export interface TelemetryNode {
  readonly workload?: string;
  readonly namespace?: string;
  readonly app?: string;
  readonly version?: string;
  readonly instance?: string;
  readonly address?: string;
  /** `proxy`, `agent` (the default), `control-plane`: the label `job`. */
  readonly component?: string;
}

export interface SeriesDefinition {
  readonly id?: number;
  readonly name?: string;
  readonly kind?: SeriesKind;
  readonly labels?: Readonly<Record<string, string>>;
  readonly created_ms?: JsonNumber;
  readonly bounds?: readonly JsonNumber[];
}

export interface HistogramSample {
  readonly id?: number;
  readonly sum?: JsonNumber;
  readonly counts?: readonly JsonNumber[];
}

export type SpanKind = 'INTERNAL' | 'SERVER' | 'CLIENT';

/** One finished span. Ids are lower-case hexadecimal (32 and 16 digits), times microseconds since the epoch. */
export interface Span {
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly parent_span_id?: string;
  readonly name?: string;
  readonly kind?: SpanKind;
  readonly start_us?: JsonNumber;
  readonly duration_us?: JsonNumber;
  readonly error?: boolean;
  readonly service?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

export type LogSource = 'APPLICATION' | 'PROXY' | 'AGENT';

export interface LogLine {
  readonly time_ms?: JsonNumber;
  readonly source?: LogSource;
  readonly text?: string;
}

export interface TelemetryAck {
  readonly sequence?: number;
  readonly refused?: number;
  readonly reason?: string;
}

/** A ProtoJSON double as a number; undefined is proto3's zero. */
export function jsonNumber(value: JsonNumber | undefined): number {
  if (value === undefined) return 0;
  return typeof value === 'number' ? value : Number(value);
}
