import { parseFormat } from '@meltemi/match';
import type { GrpcLog, LogField, LogTransport, OtelLog } from '../types/access-log.ts';
import { decodeCustomTags } from './custom-tag.ts';
import { decodeGrpcService, type GrpcService } from './grpc-service.ts';
import { decodeHttpService } from './http-service.ts';
import { asObject, type Reader } from './reader.ts';

const DEFAULT_FLUSH_MS = 1000;
const DEFAULT_BUFFER_BYTES = 16_384;
const NO_SERVICE: GrpcService = { cluster: '', authority: '', timeoutMs: 0, metadata: [] };

/** The agent's own log service: this proxy reports every stream to its agent without being asked, so nothing more is to be done. */
const OWN_LOGS = 'meltemi-';

/** `HttpGrpcAccessLogConfig` and `TcpGrpcAccessLogConfig`. */
export function decodeGrpcLog(config: Reader, entries: 'http' | 'tcp'): GrpcLog | undefined {
  const common = config.message('common_config');
  if (common === undefined) {
    config.fail('common_config', 'missing');
    return undefined;
  }
  if (common.string('log_name').startsWith(OWN_LOGS)) {
    common.ignoreRest();
    config.ignoreRest();
    return undefined;
  }
  const names = (field: string): readonly string[] => (entries === 'tcp' ? [] : config.strings(field).map((name) => name.toLowerCase()));
  return {
    t: 'grpc',
    entries,
    ...decodeTransport(common),
    requestHeaders: names('additional_request_headers_to_log'),
    responseHeaders: names('additional_response_headers_to_log'),
    responseTrailers: names('additional_response_trailers_to_log'),
  };
}

/** `CommonGrpcAccessLogConfig`. */
function decodeTransport(common: Reader): LogTransport {
  const service = common.message('grpc_service');
  common.require('grpc_service', service !== undefined, 'missing');
  common.oneOf('transport_api_version', { V3: 3, AUTO: 3 }, 3);
  common.require(
    'grpc_stream_retry_policy',
    !common.has('grpc_stream_retry_policy'),
    'not supported by this proxy; a stream that is lost is opened again with the next entries',
  );
  // Nothing here leaves objects of that kind.
  common.harmless('filter_state_objects_to_log', 'grpc_stream_retry_policy');
  const logName = common.string('log_name');
  common.require('log_name', logName !== '', 'missing');
  return { service: serviceOf(service), logName, ...buffering(common), customTags: decodeCustomTags(common) };
}

function serviceOf(reader: Reader | undefined): GrpcService {
  return reader === undefined ? NO_SERVICE : decodeGrpcService(reader, 0);
}

function buffering(reader: Reader): Pick<LogTransport, 'flushMs' | 'bufferBytes'> {
  return {
    flushMs: reader.duration('buffer_flush_interval', DEFAULT_FLUSH_MS),
    bufferBytes: reader.number('buffer_size_bytes', DEFAULT_BUFFER_BYTES),
  };
}

/** `OpenTelemetryAccessLogConfig`: the transport in `common_config` or, as newer control planes say it, beside the rest. */
export function decodeOtelLog(config: Reader): OtelLog {
  const common = config.message('common_config');
  const prefix = config.string('stat_prefix');
  const http = config.message('http_service');
  config.require('formatters', config.messages('formatters').length === 0, 'not supported by this proxy');
  const body = config.raw('body');
  const transport =
    common === undefined
      ? { service: serviceOf(config.message('grpc_service')), logName: config.string('log_name'), ...buffering(config), customTags: [] }
      : decodeTransport(common);
  const named = [http !== undefined, transport.service !== NO_SERVICE].filter(Boolean).length;
  config.require('common_config', named === 1, 'expected one of common_config, grpc_service and http_service');
  return {
    t: 'otel',
    ...transport,
    ...(http === undefined ? {} : { httpService: decodeHttpService(http) }),
    statPrefix: prefix === '' ? '' : `${prefix}.`,
    builtinLabels: !config.bool('disable_builtin_labels'),
    resourceAttributes: attributes(config, 'resource_attributes', false),
    ...(body === undefined ? {} : { body: anyValue(config, { path: 'body', value: body, isFormat: true }) }),
    attributes: attributes(config, 'attributes', true),
  };
}

/** `KeyValueList`. */
function attributes(reader: Reader, name: string, isFormat: boolean): Readonly<Record<string, LogField>> {
  return keyValues(reader, { path: name, value: reader.raw(name), isFormat });
}

interface Place {
  readonly path: string;
  readonly value: unknown;
  /** Text is a substitution format. */
  readonly isFormat: boolean;
}

function keyValues(reader: Reader, { path, value, isFormat }: Place): Readonly<Record<string, LogField>> {
  const list = asObject(value)?.['values'];
  return Object.fromEntries(
    (Array.isArray(list) ? list : []).map((item: unknown, index) => {
      const entry = asObject(item) ?? {};
      const at = `${path}.values[${index}]`;
      const key = entry['key'];
      return [typeof key === 'string' ? key : '', anyValue(reader, { path: `${at}.value`, value: entry['value'], isFormat })];
    }),
  );
}

/** `AnyValue`. Formats stand in strings, lists and maps, as in Envoy. */
function anyValue(reader: Reader, place: Place): LogField {
  const { path, isFormat } = place;
  const value = asObject(place.value) ?? {};
  const text = value['string_value'];
  if (typeof text === 'string') return checked(reader, text, place);
  if (value['kvlist_value'] !== undefined) return keyValues(reader, { ...place, path: `${path}.kvlist_value`, value: value['kvlist_value'] });
  const list = asObject(value['array_value'])?.['values'];
  if (Array.isArray(list))
    return list.map((item: unknown, index) => anyValue(reader, { ...place, path: `${path}.array_value.values[${index}]`, value: item }));
  const plain = plainValue(value);
  // Envoy's formats have nothing else either.
  if (Object.keys(value).length > 0 && (isFormat || plain === undefined)) reader.fail(path, 'only text, lists and maps may stand here');
  return plain ?? '';
}

function checked(reader: Reader, text: string, { path, isFormat }: Place): string {
  const parsed = isFormat ? parseFormat(text) : undefined;
  if (parsed?.ok === false) reader.fail(`${path}.string_value`, parsed.message);
  return text;
}

function plainValue(value: Readonly<Record<string, unknown>>): LogField | undefined {
  if (typeof value['bool_value'] === 'boolean') return value['bool_value'];
  const number = value['int_value'] ?? value['double_value'];
  return number === undefined ? undefined : Number(number);
}
