import { compileFormat, type HttpService, type OtelTracer } from '@meltemi/runtime';
import { loadCodec } from '@meltemi/protos';
import { base64, nanoseconds, type KeyValue } from '../access-log/otel-record.ts';
import { callGrpc, type GrpcMethod } from '../http/filters/grpc-unary.ts';
import { sendAside, type SideRequest } from '../http/side-request.ts';
import type { SendSpans } from './exporters.ts';
import type { FinishedSpan } from './types.ts';

const METHOD: GrpcMethod = {
  path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  request: 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
  response: 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse',
};
/** Sampled; and whether the parent is of another process is known. */
const FLAGS = 0x101;
const REMOTE = 0x200;
const SCOPE = { name: 'meltemi' };
const STATUS_ERROR = { code: 'STATUS_CODE_ERROR' };

/** Sends spans as OTLP: over gRPC, or as one HTTP request. */
export function sendOtlp(tracer: OtelTracer): SendSpans {
  const resource = { attributes: attributes(resourceOf(tracer)) };
  const message = (spans: readonly FinishedSpan[]): object => ({
    resource_spans: [{ resource, scope_spans: [{ scope: SCOPE, spans: spans.map(toOtlp) }] }],
  });
  const { service } = tracer;
  if (service.t === 'grpc')
    return (worker, spans, done) =>
      void callGrpc(worker, service.grpc, { method: METHOD, message: message(spans) }, (answer) => done(answer.t === 'message'));
  return (worker, spans, done) => {
    const body = loadCodec('sidecar').encode(METHOD.request, message(spans));
    const request = httpRequest(service.http, body, [['content-type', 'application/x-protobuf']]);
    sendAside(worker, request, (outcome) => done(outcome.t === 'response' && outcome.status < 300));
  };
}

/** A POST of what is exported. */
export function httpRequest(service: HttpService, body: Uint8Array, headers: SideRequest['headers']): SideRequest {
  const own = service.headers.map(({ name, value }) => [name, compileFormat(value, '').render(PROCESS)] as const);
  const { cluster, host, path, timeoutMs } = service;
  return { cluster, method: 'POST', authority: host, path, headers: [...headers, ...own], body, timeoutMs };
}

/** Of a request of the proxy's own there is nothing to tell but where it runs. */
const PROCESS = {
  format: (operator: string, argument: string) =>
    operator === 'ENVIRONMENT' ? process.env[argument] : operator === 'HOSTNAME' ? process.env['HOSTNAME'] : undefined,
};

function resourceOf({ serviceName, detectors }: OtelTracer): Map<string, string> {
  const found = new Map([
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.name', 'meltemi'],
    ['service.name', serviceName],
  ]);
  for (const detector of detectors) {
    const told = detector.t === 'static' ? Object.entries(detector.attributes) : environment(process.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '');
    for (const [key, value] of told) found.set(key, value);
  }
  return found;
}

/** `key=value,key=value`. */
function environment(text: string): readonly (readonly [string, string])[] {
  return text
    .split(',')
    .map((pair) => pair.split('=', 2))
    .flatMap(([key = '', value]) => (key.trim() === '' || value === undefined ? [] : [[key.trim(), value.trim()] as const]));
}

function attributes(values: ReadonlyMap<string, string>): readonly KeyValue[] {
  return [...values].map(([key, value]) => ({ key, value: { string_value: value } }));
}

function toOtlp(span: FinishedSpan): object {
  return {
    trace_id: base64(span.traceId),
    span_id: base64(span.spanId),
    ...(span.parentSpanId === '' ? {} : { parent_span_id: base64(span.parentSpanId) }),
    ...(span.traceState === '' ? {} : { trace_state: span.traceState }),
    flags: span.remoteParent ? FLAGS | REMOTE : FLAGS,
    name: span.name,
    kind: span.kind === 'server' ? 'SPAN_KIND_SERVER' : 'SPAN_KIND_CLIENT',
    start_time_unix_nano: nanoseconds(span.startMs),
    end_time_unix_nano: nanoseconds(span.startMs + span.durationMs),
    attributes: attributes(span.tags),
    ...(span.tags.get('error') === 'true' ? { status: STATUS_ERROR } : {}),
  };
}
