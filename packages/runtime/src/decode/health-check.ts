import type { HealthCheck, HealthProbe, StatusRange } from '../types/health.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { decodeProxyProtocolOptions } from './proxy-protocol.ts';
import { decodeMutation, decodeMutations, decodeStringMatch } from './common.ts';
import { asObject, type Reader } from './reader.ts';

/** `HealthCheck`, with Envoy's defaults. */
export function decodeHealthCheck(reader: Reader): HealthCheck {
  const intervalMs = required(reader, 'interval');
  const unhealthyIntervalMs = reader.duration('unhealthy_interval', intervalMs);
  const noTrafficIntervalMs = reader.duration('no_traffic_interval', 60_000);
  reader.require('no_traffic_interval', noTrafficIntervalMs > 0, 'must be more than 0');
  const labels = asObject(reader.raw('transport_socket_match_criteria'));
  return {
    probe: decodeProbe(reader),
    timeoutMs: required(reader, 'timeout'),
    intervalMs,
    initialJitterMs: reader.duration('initial_jitter', 0),
    jitterMs: reader.duration('interval_jitter', 0),
    jitterPercent: reader.number('interval_jitter_percent', 0),
    unhealthyThreshold: threshold(reader, 'unhealthy_threshold'),
    healthyThreshold: threshold(reader, 'healthy_threshold'),
    altPort: reader.number('alt_port', 0),
    reuseConnection: reader.bool('reuse_connection', true),
    noTrafficIntervalMs,
    noTrafficHealthyIntervalMs: reader.duration('no_traffic_healthy_interval', noTrafficIntervalMs),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: reader.duration('unhealthy_edge_interval', unhealthyIntervalMs),
    healthyEdgeIntervalMs: reader.duration('healthy_edge_interval', intervalMs),
    logFailures: reader.bool('always_log_health_check_failures'),
    logSuccess: reader.bool('always_log_health_check_success'),
    eventLogs: decodeEventLogs(reader),
    alpn: reader.message('tls_options')?.strings('alpn_protocols') ?? [],
    ...(labels === undefined ? {} : { transportLabels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)])) }),
  };
}

const FILE_SINK: ExtensionTable<string> = {
  'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink': (config) => {
    const path = config.string('event_log_path');
    config.require('event_log_path', path !== '', 'missing');
    return path;
  },
};

/** Files that events go to: in the older spelling one, in the newer as many sinks as there are. */
function decodeEventLogs(reader: Reader): readonly string[] {
  const path = reader.string('event_log_path');
  const sinks = reader.messages('event_logger').map((item) => decodeExtension(item, FILE_SINK));
  return [...(path === '' ? [] : [path]), ...sinks.filter((item) => item !== undefined)];
}

function required(reader: Reader, field: string): number {
  const value = reader.duration(field, 0);
  reader.require(field, value > 0, 'must be set, and more than 0');
  return value;
}

function threshold(reader: Reader, field: string): number {
  reader.require(field, reader.has(field), 'missing');
  return reader.number(field, 1);
}

function decodeProbe(reader: Reader): HealthProbe {
  const http = reader.message('http_health_check');
  if (http !== undefined) return decodeHttpProbe(http);
  const tcp = reader.message('tcp_health_check');
  if (tcp !== undefined) {
    const send = tcp.message('send');
    const header = tcp.message('proxy_protocol_config');
    return {
      t: 'tcp',
      send: send === undefined ? '' : decodePayload(send),
      receive: tcp.messages('receive').map(decodePayload),
      ...(header === undefined ? {} : { proxyProtocol: decodeProxyProtocolOptions(header).version }),
    };
  }
  const grpc = reader.message('grpc_health_check');
  if (grpc !== undefined) {
    const add = grpc.messages('initial_metadata').map(decodeMutation);
    return { t: 'grpc', service: grpc.string('service_name'), authority: grpc.string('authority'), add };
  }
  reader.fail('', 'one of http_health_check, tcp_health_check and grpc_health_check must be set; others are not supported by this proxy');
  return { t: 'tcp', send: '', receive: [] };
}

const METHODS = {
  METHOD_UNSPECIFIED: 'GET',
  GET: 'GET',
  HEAD: 'HEAD',
  POST: 'POST',
  PUT: 'PUT',
  DELETE: 'DELETE',
  OPTIONS: 'OPTIONS',
  TRACE: 'TRACE',
  PATCH: 'PATCH',
};

const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'OPTIONS']);

function decodeHttpProbe(reader: Reader): HealthProbe {
  const expected = reader.messages('expected_statuses').map(decodeRange);
  const service = reader.message('service_name_matcher');
  const { requestAdd, requestRemove } = decodeMutations(reader);
  const path = reader.string('path');
  reader.require('path', path.startsWith('/'), `"${path}" must begin with "/"`);
  const method = reader.oneOf('method', METHODS, 'GET');
  const send = reader.message('send');
  reader.require('send', send === undefined || WITH_BODY.has(method), `a request of method ${method} has no body`);
  return {
    t: 'http',
    host: reader.string('host'),
    path,
    method,
    send: send === undefined ? '' : decodePayload(send),
    http2: reader.oneOf('codec_client_type', { HTTP1: false, HTTP2: true }, false),
    add: requestAdd,
    remove: requestRemove,
    expected: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
    retriable: reader.messages('retriable_statuses').map(decodeRange),
    ...(service === undefined ? {} : { serviceName: decodeStringMatch(service) }),
    receive: reader.messages('receive').map(decodePayload),
    maxBodyBytes: reader.number('response_buffer_size', 1024),
  };
}

function decodeRange(reader: Reader): StatusRange {
  const start = reader.number('start', 0);
  const end = reader.number('end', 0);
  reader.require('', start < end && start >= 100 && end <= 600, `from ${start} to below ${end} is no range of statuses`);
  return { start, end };
}

/** Hexadecimal text, or bytes. */
function decodePayload(reader: Reader): string {
  const binary = reader.string('binary');
  if (binary !== '') return bytesOfBase64(binary);
  const text = reader.string('text');
  const hex = /^(?:[0-9a-fA-F]{2})+$/.test(text);
  reader.require('text', hex, `"${text}" is no hexadecimal text`);
  return hex ? (text.match(/../g) ?? []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join('') : '';
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function bytesOfBase64(text: string): string {
  let bytes = '';
  let held = 0;
  let bits = 0;
  for (const character of text) {
    const value = BASE64.indexOf(character);
    if (value < 0) continue;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += String.fromCharCode((held >> bits) & 0xff);
  }
  return bytes;
}
