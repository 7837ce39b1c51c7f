import type { Collector, LogLine, LogProvider } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type AccessLog, type Any, type CommonGrpcAccessLogConfig, type JsonObject } from '@meltemi/protos-types';

const OTEL_LOG = 'envoy.access_loggers.open_telemetry';
const OTEL_TYPE = 'type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig';
const HTTP_LOG_NAME = 'http_envoy_accesslog';
const TCP_LOG_NAME = 'tcp_envoy_accesslog';

/** What a line says when nothing is said of it. */
interface UsualLine {
  readonly text: string;
}

/** An access log of a provider for a listener of this kind; undefined: it is for the other kind. */
export function providerLog(provider: LogProvider, kind: 'http' | 'tcp', usual: UsualLine): AccessLog | undefined {
  switch (provider.t) {
    case 'file':
      return fileLog(provider, usual);
    case 'http-als':
      return kind === 'http' ? httpLog(provider) : undefined;
    case 'tcp-als':
      return kind === 'tcp' ? grpcLog('tcp', provider.collector, provider.logName) : undefined;
    case 'otel':
      return otelLog(provider, usual);
  }
}

/** Envoy's log service that the whole mesh reports to. */
export function serviceLog(collector: Collector, kind: 'http' | 'tcp'): AccessLog {
  return grpcLog(kind, collector, kind === 'http' ? HTTP_LOG_NAME : TCP_LOG_NAME);
}

function fileLog({ path, format, omitEmptyValues }: LogProvider & { t: 'file' }, usual: UsualLine): AccessLog {
  const log_format = {
    ...(format.labels === undefined ? { text_format_source: { inline_string: line(format, usual) } } : { json_format: format.labels as JsonObject }),
    ...(omitEmptyValues ? { omit_empty_values: true } : {}),
  };
  // A file named /dev/stdout cannot be opened when it is a socket, which is what a supervisor's pipe may be.
  if (path === '/dev/stdout') return { name: EXTENSION_NAME.stdoutAccessLog, typed_config: packAny(ANY_TYPE.stdoutAccessLog, { log_format }) };
  return { name: EXTENSION_NAME.fileAccessLog, typed_config: packAny(ANY_TYPE.fileAccessLog, { path, log_format }) };
}

/** Lines end where they end (Istio adds the end, too). */
export function asLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function line({ text }: LogLine, usual: UsualLine): string {
  return text === '' ? usual.text : asLine(text);
}

function common(collector: Collector, logName: string): CommonGrpcAccessLogConfig {
  return {
    log_name: logName,
    grpc_service: { envoy_grpc: { cluster_name: collector.cluster, authority: collector.host } },
    transport_api_version: 'V3',
  };
}

function httpLog({ collector, logName, requestHeaders, responseHeaders, responseTrailers }: LogProvider & { t: 'http-als' }): AccessLog {
  return {
    name: EXTENSION_NAME.httpGrpcAccessLog,
    typed_config: packAny(ANY_TYPE.httpGrpcAccessLog, {
      common_config: common(collector, logName),
      ...(requestHeaders.length === 0 ? {} : { additional_request_headers_to_log: requestHeaders }),
      ...(responseHeaders.length === 0 ? {} : { additional_response_headers_to_log: responseHeaders }),
      ...(responseTrailers.length === 0 ? {} : { additional_response_trailers_to_log: responseTrailers }),
    }),
  };
}

function grpcLog(kind: 'http' | 'tcp', collector: Collector, logName: string): AccessLog {
  const common_config = common(collector, logName);
  return kind === 'http'
    ? { name: EXTENSION_NAME.httpGrpcAccessLog, typed_config: packAny(ANY_TYPE.httpGrpcAccessLog, { common_config }) }
    : { name: EXTENSION_NAME.tcpGrpcAccessLog, typed_config: packAny(ANY_TYPE.tcpGrpcAccessLog, { common_config }) };
}

function otelLog({ collector, logName, format }: LogProvider & { t: 'otel' }, usual: UsualLine): AccessLog {
  const config: Any<JsonObject> = {
    '@type': OTEL_TYPE,
    common_config: common(collector, logName) as JsonObject,
    body: { string_value: (format.text === '' ? usual.text : format.text).trimEnd() },
    ...(format.labels === undefined ? {} : { attributes: { values: keyValues(format.labels) } }),
  };
  return { name: OTEL_LOG, typed_config: config };
}

/** `KeyValue`s of OTLP; Envoy takes text, maps and lists. */
function keyValues(labels: Readonly<Record<string, unknown>>): JsonObject[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: unknown): JsonObject {
  if (Array.isArray(value)) return { array_value: { values: value.map(anyValue) } };
  if (typeof value === 'object' && value !== null) return { kvlist_value: { values: keyValues(value as Readonly<Record<string, unknown>>) } };
  return { string_value: typeof value === 'string' ? value : JSON.stringify(value ?? '') };
}
