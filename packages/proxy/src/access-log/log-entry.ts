import { randomUUID } from 'node:crypto';
import { OWN_NAMESPACES, type GrpcLog } from '@meltemi/runtime';
import { RESPONSE_FLAG_TABLE } from '@meltemi/telemetry/recording';
import type { StreamInfo, TlsInfo } from '../types.ts';
import { distinguishedName } from './certificates.ts';
import { isLast } from './log-moment.ts';
import { compileTag, requestHeader, responseHeader, responseTrailer, type CaptureList } from './operators.ts';
import type { Getter } from './stream-operators.ts';

type Json = Readonly<Record<string, unknown>>;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);
const HTTP_VERSIONS: Readonly<Record<string, string>> = { 'HTTP/1.0': 'HTTP10', 'HTTP/1.1': 'HTTP11', 'HTTP/2': 'HTTP2' };
const TLS_VERSIONS: Readonly<Record<string, string>> = { TLSv1: 'TLSv1', 'TLSv1.1': 'TLSv1_1', 'TLSv1.2': 'TLSv1_2', 'TLSv1.3': 'TLSv1_3' };
/** Numbers of IANA's registry, by the names of OpenSSL. */
const CIPHER_SUITES: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  'ECDHE-ECDSA-AES128-GCM-SHA256': 0xc02b,
  'ECDHE-ECDSA-AES256-GCM-SHA384': 0xc02c,
  'ECDHE-RSA-AES128-GCM-SHA256': 0xc02f,
  'ECDHE-RSA-AES256-GCM-SHA384': 0xc030,
  'ECDHE-RSA-CHACHA20-POLY1305': 0xcca8,
  'ECDHE-ECDSA-CHACHA20-POLY1305': 0xcca9,
};

/** Makes entries of Envoy's log service: `HTTPAccessLogEntry` or `TCPAccessLogEntry` as ProtoJSON. Adds the headers they need to `capture`. */
export function compileEntry(log: GrpcLog, capture: CaptureList): (info: StreamInfo) => Json {
  const tags = log.customTags.map((tag) => [tag.tag, compileTag(tag, capture)] as const);
  const common = (info: StreamInfo): Json => ({ ...commonOf(info), ...(tags.length === 0 ? {} : { custom_tags: valuesOf(tags, info) }) });
  if (log.entries === 'tcp')
    return (info) => ({
      common_properties: common(info),
      connection_properties: { received_bytes: String(info.bytesReceived), sent_bytes: String(info.bytesSent) },
    });
  const referer = requestHeader('referer', capture);
  const scheme = requestHeader('x-forwarded-proto', capture);
  const named = (names: readonly string[], read: (name: string, list: CaptureList) => Getter): readonly (readonly [string, Getter])[] =>
    names.map((name) => [name, read(name, capture)]);
  const requestHeaders = named(log.requestHeaders, requestHeader);
  const responseHeaders = named(log.responseHeaders, responseHeader);
  const trailers = named(log.responseTrailers, responseTrailer);
  return (info) => ({
    common_properties: common(info),
    protocol_version: HTTP_VERSIONS[info.httpVersion] ?? 'PROTOCOL_UNSPECIFIED',
    request: {
      ...requestOf(info),
      scheme: String(scheme(info) ?? (info.connection.tls === undefined ? 'http' : 'https')),
      referer: String(referer(info) ?? ''),
      request_headers: valuesOf(requestHeaders, info),
    },
    response: { ...responseOf(info), response_headers: valuesOf(responseHeaders, info), response_trailers: valuesOf(trailers, info) },
  });
}

/** Those that have a value. */
function valuesOf(list: readonly (readonly [name: string, read: Getter])[], info: StreamInfo): Json {
  const values: Record<string, string> = {};
  for (const [name, read] of list) {
    const value = read(info);
    if (value !== undefined) values[name] = String(value);
  }
  return values;
}

function requestOf(info: StreamInfo): Json {
  return {
    request_method: METHODS.has(info.method) ? info.method : 'METHOD_UNSPECIFIED',
    authority: info.authority,
    path: info.path,
    user_agent: info.userAgent,
    forwarded_for: info.forwardedFor,
    request_id: info.requestId,
    original_path: info.rewrittenFrom,
    request_headers_bytes: info.requestHeadBytes,
    request_body_bytes: info.bytesReceived,
    upstream_header_bytes_sent: info.upstreamHeadBytes,
    downstream_header_bytes_received: info.requestHeadBytes,
  };
}

function responseOf(info: StreamInfo): Json {
  return {
    ...(info.responseCode === 0 ? {} : { response_code: info.responseCode }),
    response_headers_bytes: info.responseHeadBytes,
    response_body_bytes: info.bytesSent,
    response_code_details: info.responseCodeDetails,
    upstream_header_bytes_received: info.upstreamResponseHeadBytes,
    downstream_header_bytes_sent: info.responseHeadBytes,
  };
}

/** `AccessLogCommon`. Times are counted from the stream's start; those that never came are left out. */
function commonOf(info: StreamInfo): Json {
  const { connection } = info;
  return {
    downstream_remote_address: socket(connection.remoteAddress, connection.remotePort),
    downstream_direct_remote_address: socket(connection.directAddress, connection.directPort),
    downstream_local_address: socket(connection.originalAddress, connection.originalPort),
    ...tlsOf(connection.serverName, connection.tls),
    start_time: timestamp(info.startTimeMs),
    ...(isLast(info) ? { duration: seconds(Math.max(0, info.endMs - info.startMs)) } : { intermediate_log_entry: true }),
    ...timesOf(info),
    ...upstreamOf(info),
    route_name: info.routeName,
    upstream_request_attempt_count: info.attempts,
    connection_termination_details: info.connectionTerminationDetails,
    ...(info.flags === 0 ? {} : { response_flags: flagsOf(info.flags) }),
    ...metadataOf(info),
    stream_id: info.protocol === 'tcp' ? randomUUID() : info.requestId,
    downstream_wire_bytes_received: info.requestHeadBytes + info.bytesReceived,
    downstream_wire_bytes_sent: info.responseHeadBytes + info.bytesSent,
    access_log_type: info.logType,
  };
}

function metadataOf({ dynamicMetadata }: StreamInfo): Json {
  const told = [...(dynamicMetadata ?? [])].filter(([namespace]) => !OWN_NAMESPACES.has(namespace));
  return told.length === 0 ? {} : { metadata: { filter_metadata: Object.fromEntries(told) } };
}

function timesOf(info: StreamInfo): Json {
  const { requestEndMs, upstreamStartMs, upstreamFirstByteMs, upstreamEndMs } = info;
  const endMs = isLast(info) ? info.endMs : 0;
  const sent = upstreamStartMs === 0 || requestEndMs === 0 ? 0 : Math.max(upstreamStartMs, requestEndMs);
  // What comes from the upstream goes on at once; an answer of the proxy's own is made whole at the end.
  const answered = upstreamFirstByteMs === 0 && info.responseCode > 0 ? endMs : upstreamFirstByteMs;
  const times: readonly (readonly [string, number])[] = [
    ['time_to_last_rx_byte', requestEndMs],
    ['time_to_first_upstream_tx_byte', info.protocol === 'tcp' ? 0 : upstreamStartMs],
    ['time_to_last_upstream_tx_byte', sent],
    ['time_to_first_upstream_rx_byte', info.protocol === 'tcp' ? 0 : upstreamFirstByteMs],
    ['time_to_last_upstream_rx_byte', upstreamEndMs],
    ['time_to_first_downstream_tx_byte', info.protocol === 'tcp' ? 0 : answered],
    ['time_to_last_downstream_tx_byte', info.responseCode > 0 ? endMs : 0],
  ];
  return Object.fromEntries(times.flatMap(([name, at]) => (at === 0 ? [] : [[name, seconds(Math.max(0, at - info.startMs))]])));
}

function upstreamOf(info: StreamInfo): Json {
  const remote = addressOf(info.upstreamRemote);
  const local = addressOf(info.upstreamLocal);
  return {
    ...(remote === undefined ? {} : { upstream_remote_address: remote, upstream_cluster: info.clusterName }),
    ...(local === undefined ? {} : { upstream_local_address: local }),
    upstream_wire_bytes_sent: local === undefined ? 0 : info.upstreamHeadBytes + info.bytesReceived,
    upstream_wire_bytes_received: local === undefined ? 0 : info.upstreamResponseHeadBytes + info.bytesSent,
    upstream_transport_failure_reason: info.upstreamTransportFailureReason,
  };
}

function socket(address: string, port: number): Json {
  return { socket_address: { address, port_value: port } };
}

/** `127.0.0.1:80`, `[::1]:80`, or the path of a Unix socket. */
function addressOf(text: string): Json | undefined {
  if (text === '') return undefined;
  const found = /^\[?(.*?)\]?:(\d+)$/.exec(text);
  return found === null ? { pipe: { path: text } } : socket(found[1] ?? '', Number(found[2]));
}

function flagsOf(flags: number): Json {
  const fields: Record<string, unknown> = {};
  for (const [index, { flag, field }] of RESPONSE_FLAG_TABLE.entries()) {
    if ((flags & (1 << index)) === 0 || field === undefined) continue;
    fields[field[1]] = flag === 'UAEX' ? { reason: 'EXTERNAL_SERVICE' } : true;
  }
  return fields;
}

function tlsOf(serverName: string, tls: TlsInfo | undefined): Json {
  if (tls === undefined) return serverName === '' ? {} : { tls_properties: { tls_sni_hostname: serverName } };
  const suite = CIPHER_SUITES[tls.cipher];
  const named = (uri: string): Json => (uri === '' ? {} : { subject_alt_name: [{ uri }] });
  return {
    tls_properties: {
      tls_version: TLS_VERSIONS[tls.version] ?? 'VERSION_UNSPECIFIED',
      ...(suite === undefined ? {} : { tls_cipher_suite: suite }),
      tls_sni_hostname: serverName,
      local_certificate_properties: named(tls.localUri),
      peer_certificate_properties: { ...named(tls.peerUri), subject: tls.peerSubject, issuer: distinguishedName(tls.certificate?.issuer) },
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(6)}s`;
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
