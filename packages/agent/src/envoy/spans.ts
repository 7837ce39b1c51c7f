/** Reads OpenTelemetry's `ExportTraceServiceRequest` (trace_service.proto, trace.proto), which Envoy's tracer sends to the agent. */
import { ProtoReader } from '@meltemi/base';
import type { Span } from '@meltemi/telemetry/recording';
import { each } from './access-log-entry.ts';

const KINDS = ['INTERNAL', 'INTERNAL', 'SERVER', 'CLIENT'] as const;
const STATUS_ERROR = 2;

/** Facts of the workload that every span carries. */
export interface SpanDefaults {
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** All spans of a request. Throws `protobuf/malformed`. */
export function decodeSpans(bytes: Uint8Array, defaults: SpanDefaults): Span[] {
  const spans: Span[] = [];
  each(new ProtoReader(bytes), (field, resource) => {
    if (field !== 1) return false;
    each(resource.message(), (inner, scope) => {
      if (inner !== 2) return false;
      each(scope.message(), (innermost, at) => (innermost === 2 ? (spans.push(readSpan(at.message(), defaults)), true) : false));
      return true;
    });
    return true;
  });
  return spans;
}

interface Reading {
  trace: string;
  id: string;
  parent: string;
  name: string;
  kind: number;
  startNs: bigint;
  endNs: bigint;
  status: number;
  readonly tags: Record<string, string>;
}

const FIELDS: Readonly<Record<number, (span: Reading, at: ProtoReader) => void>> = {
  1: (span, at) => (span.trace = hex(at.bytes())),
  2: (span, at) => (span.id = hex(at.bytes())),
  4: (span, at) => (span.parent = hex(at.bytes())),
  5: (span, at) => (span.name = at.string()),
  6: (span, at) => (span.kind = at.uint32()),
  7: (span, at) => (span.startNs = at.fixed64()),
  8: (span, at) => (span.endNs = at.fixed64()),
  9: (span, at) => attribute(at.message(), span.tags),
  15: (span, at) => each(at.message(), (field, part) => (field === 3 ? ((span.status = part.uint32()), true) : false)),
};

function readSpan(reader: ProtoReader, defaults: SpanDefaults): Span {
  const span: Reading = { trace: '', id: '', parent: '', name: '', kind: 0, startNs: 0n, endNs: 0n, status: 0, tags: {} };
  each(reader, (field, at) => {
    const set = FIELDS[field];
    set?.(span, at);
    return set !== undefined;
  });
  const error = span.status === STATUS_ERROR || span.tags['error'] === 'true';
  return {
    trace_id: span.trace,
    span_id: span.id,
    ...(span.parent === '' ? {} : { parent_span_id: span.parent }),
    name: span.name,
    kind: KINDS[span.kind] ?? 'INTERNAL',
    start_us: Number(span.startNs / 1000n),
    duration_us: Math.max(0, Number((span.endNs - span.startNs) / 1000n)),
    ...(error ? { error: true } : {}),
    service: defaults.service,
    tags: { ...span.tags, ...defaults.tags },
  };
}

/** `KeyValue` with a scalar `AnyValue`. */
function attribute(reader: ProtoReader, into: Record<string, string>): void {
  let [key, value] = ['', ''];
  each(reader, (field, at) => {
    if (field === 1) key = at.string();
    else if (field === 2) {
      each(at.message(), (inner, part) => {
        if (inner === 1) value = part.string();
        else if (inner === 2) value = String(part.bool());
        else if (inner === 3) value = String(part.int64());
        else if (inner === 4) value = String(part.double());
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  into[key] = value;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
