import { parseFormat } from '@meltemi/match';
import type { AccessLog, FileLog, GrpcLog, LogField, LogFormat, OtelLog } from '../types/access-log.ts';
import { decodeFilter } from './access-log-filter.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { asObject, type Reader } from './reader.ts';
import { decodeGrpcLog, decodeOtelLog } from './remote-log.ts';

/** Istio's default text format; also what a log without a format gets. */
export const DEFAULT_LOG_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% ' +
  '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ' +
  '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ' +
  '%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

const LOGS: ExtensionTable<FileLog | GrpcLog | OtelLog> = {
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': (config) => file(config, config.string('path')),
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': (config) => file(config, '/dev/stdout'),
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': (config) => file(config, '/dev/stderr'),
  'envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig': (config) => decodeGrpcLog(config, 'http'),
  'envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig': (config) => decodeGrpcLog(config, 'tcp'),
  'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig': decodeOtelLog,
};

export function decodeAccessLogs(readers: readonly Reader[]): readonly AccessLog[] {
  const logs: AccessLog[] = [];
  for (const reader of readers) {
    const filterReader = reader.message('filter');
    const filter = filterReader === undefined ? undefined : decodeFilter(filterReader);
    const log = decodeExtension(reader, LOGS);
    if (log !== undefined) logs.push(filter === undefined ? log : { ...log, filter });
  }
  return logs;
}

function file(config: Reader, path: string): FileLog {
  config.require('path', path !== '', 'missing');
  const format = config.message('log_format');
  const old = config.string('format');
  const omitEmptyValues = format?.bool('omit_empty_values') ?? false;
  if (format === undefined) return { t: 'file', path, format: text(config, 'format', old === '' ? DEFAULT_LOG_FORMAT : old), omitEmptyValues };
  // How the line is labelled when it is sent over HTTP; lines in a file have no content type.
  format.harmless('content_type');
  return { t: 'file', path, format: decodeFormat(format), omitEmptyValues };
}

/** A `SubstitutionFormatString`. */
export function decodeFormat(reader: Reader): LogFormat {
  if (reader.has('json_format')) {
    const json = asObject(reader.raw('json_format')) ?? {};
    reader.message('json_format_options')?.bool('sort_properties');
    return { t: 'json', fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, field(reader, key, value)])) };
  }
  const source = reader.message('text_format_source');
  if (source !== undefined) return text(source, 'inline_string', source.string('inline_string'));
  const inline = reader.string('text_format');
  return text(reader, 'text_format', inline === '' ? DEFAULT_LOG_FORMAT : inline);
}

function text(reader: Reader, name: string, value: string): LogFormat {
  const parsed = parseFormat(value);
  if (!parsed.ok) reader.fail(name, parsed.message);
  return { t: 'text', text: value };
}

function field(reader: Reader, path: string, value: unknown): LogField {
  if (typeof value === 'string') {
    const parsed = parseFormat(value);
    if (!parsed.ok) reader.fail(`json_format.${path}`, parsed.message);
    return value;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return value ?? null;
  if (Array.isArray(value)) return value.map((item, index) => field(reader, `${path}[${index}]`, item));
  const object = asObject(value) ?? {};
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, field(reader, `${path}.${key}`, item)]));
}
