import { decodeHttpFilters } from '../filters/index.ts';
import type { ClientCertDetails, ForwardClientCert, Http1Options, HttpConnectionManager, RouteSource } from '../types/http.ts';
import { decodeAccessLogs } from './access-log.ts';
import { decodeLogMoments } from './log-moments.ts';
import { decodeLocalReplies } from './local-reply.ts';
import { decodeHttp2 } from './http2.ts';
import { decodeCidrs } from './common.ts';
import type { Reader } from './reader.ts';
import { decodeUpgradeType } from './upgrade-type.ts';
import { decodeRouteConfigMessage } from './route.ts';
import { decodeAdsSource } from './tls.ts';
import { decodeTracing } from './tracing.ts';

const FORWARD_CERT: Readonly<Record<string, ForwardClientCert>> = {
  SANITIZE: 'sanitize',
  FORWARD_ONLY: 'forward-only',
  APPEND_FORWARD: 'append-forward',
  SANITIZE_SET: 'sanitize-set',
  ALWAYS_FORWARD_ONLY: 'always-forward-only',
};

export function decodeHttpConnectionManager(reader: Reader): HttpConnectionManager {
  harmlessFields(reader);
  const common = reader.message('common_http_protocol_options');
  const tracing = reader.message('tracing');
  const replies = reader.message('local_reply_config');
  const stripAny = reader.bool('strip_any_host_port');
  const stripMatching = reader.bool('strip_matching_host_port');
  return {
    codec: reader.oneOf<HttpConnectionManager['codec']>('codec_type', { AUTO: 'auto', HTTP1: 'http1', HTTP2: 'http2' }, 'auto'),
    statPrefix: reader.string('stat_prefix'),
    routes: decodeRouteSource(reader),
    filters: decodeHttpFilters(reader),
    ...identity(reader),
    internalAddresses: decodeInternal(reader.message('internal_address_config')),
    serverName: reader.string('server_name', 'envoy'),
    serverHeader: reader.oneOf<HttpConnectionManager['serverHeader']>(
      'server_header_transformation',
      { OVERWRITE: 'overwrite', APPEND_IF_ABSENT: 'append-if-absent', PASS_THROUGH: 'pass-through' },
      'overwrite',
    ),
    via: reader.string('via'),
    ...pathOptions(reader),
    stripPort: stripAny ? 'any' : stripMatching ? 'matching' : 'none',
    stripTrailingHostDot: reader.bool('strip_trailing_host_dot'),
    ...timeouts(reader, common),
    maxRequestsPerConnection: common?.number('max_requests_per_connection', 0) ?? 0,
    maxRequestHeadersBytes: reader.number('max_request_headers_kb', 60) * 1024,
    proxy100Continue: reader.bool('proxy_100_continue'),
    maxHeadersCount: common?.number('max_headers_count', 100) ?? 100,
    headersWithUnderscores:
      common?.oneOf<HttpConnectionManager['headersWithUnderscores']>(
        'headers_with_underscores_action',
        { ALLOW: 'allow', REJECT_REQUEST: 'reject', DROP_HEADER: 'drop' },
        'allow',
      ) ?? 'allow',
    http1: decodeHttp1(reader.message('http_protocol_options')),
    http2: decodeHttp2(reader.message('http2_protocol_options')),
    upgrades: reader
      .messages('upgrade_configs')
      .map(upgrade)
      .filter((type) => type !== ''),
    ...(tracing === undefined ? {} : { tracing: decodeTracing(tracing) }),
    ...(replies === undefined ? {} : { localReplies: decodeLocalReplies(replies) }),
    accessLogs: decodeAccessLogs(reader.messages('access_log')),
    ...decodeLogMoments(reader, 'flush_access_log_on_new_request'),
  };
}

function decodeInternal(reader: Reader | undefined): HttpConnectionManager['internalAddresses'] {
  // Nobody connects by a Unix socket here.
  reader?.harmless('unix_sockets');
  return decodeCidrs(reader?.messages('cidr_ranges') ?? []);
}

/** Why each is harmless stands beside it. */
function harmlessFields(reader: Reader): void {
  // Settings of a codec that this proxy does not offer.
  reader.harmless('http3_protocol_options');
  // What a health check of its own would be told; nothing here asks for it.
  reader.harmless('add_proxy_protocol_connection_state');
  const mapped = reader.bool('represent_ipv4_remote_address_as_ipv4_mapped_ipv6');
  reader.require('represent_ipv4_remote_address_as_ipv4_mapped_ipv6', !mapped, 'not supported by this proxy');
  // HTTP/1.1 errors always close the connection, since the rest of the bytes cannot be trusted.
  reader.harmless('stream_error_on_invalid_http_message');
}

function identity(
  reader: Reader,
): Pick<
  HttpConnectionManager,
  | 'generateRequestId'
  | 'preserveExternalRequestId'
  | 'alwaysSetRequestIdInResponse'
  | 'useRemoteAddress'
  | 'xffNumTrustedHops'
  | 'skipXffAppend'
  | 'appendForwardedPort'
  | 'forwardClientCert'
  | 'clientCertDetails'
> {
  return {
    generateRequestId: reader.bool('generate_request_id', true),
    preserveExternalRequestId: reader.bool('preserve_external_request_id'),
    alwaysSetRequestIdInResponse: reader.bool('always_set_request_id_in_response'),
    useRemoteAddress: reader.bool('use_remote_address'),
    xffNumTrustedHops: reader.number('xff_num_trusted_hops', 0),
    skipXffAppend: reader.bool('skip_xff_append'),
    appendForwardedPort: reader.bool('append_x_forwarded_port'),
    forwardClientCert: reader.oneOf('forward_client_cert_details', FORWARD_CERT, 'sanitize'),
    clientCertDetails: clientCertDetails(reader.message('set_current_client_cert_details')),
  };
}

function clientCertDetails(reader: Reader | undefined): ClientCertDetails {
  reader?.require('chain', !reader.bool('chain'), "handing on the client's whole chain is not supported by this proxy");
  return {
    subject: reader?.bool('subject') ?? false,
    cert: reader?.bool('cert') ?? false,
    dns: reader?.bool('dns') ?? false,
    uri: reader?.bool('uri') ?? false,
  };
}

function pathOptions(reader: Reader): Pick<HttpConnectionManager, 'normalizePath' | 'mergeSlashes' | 'escapedSlashes'> {
  return {
    normalizePath: reader.bool('normalize_path'),
    mergeSlashes: reader.bool('merge_slashes'),
    escapedSlashes: reader.oneOf<HttpConnectionManager['escapedSlashes']>(
      'path_with_escaped_slashes_action',
      {
        IMPLEMENTATION_SPECIFIC_DEFAULT: 'keep',
        KEEP_UNCHANGED: 'keep',
        REJECT_REQUEST: 'reject',
        UNESCAPE_AND_REDIRECT: 'unescape-redirect',
        UNESCAPE_AND_FORWARD: 'unescape-forward',
      },
      'keep',
    ),
  };
}

type Timeouts = Pick<
  HttpConnectionManager,
  | 'delayedCloseMs'
  | 'drainTimeoutMs'
  | 'streamIdleTimeoutMs'
  | 'requestTimeoutMs'
  | 'requestHeadersTimeoutMs'
  | 'idleTimeoutMs'
  | 'maxConnectionDurationMs'
  | 'maxStreamDurationMs'
>;

/** Envoy's defaults: 5 min per stream, 1 h per idle connection. */
function timeouts(reader: Reader, common: Reader | undefined): Timeouts {
  return {
    delayedCloseMs: reader.duration('delayed_close_timeout', 1_000),
    drainTimeoutMs: reader.duration('drain_timeout', 5_000),
    streamIdleTimeoutMs: reader.duration('stream_idle_timeout', 300_000),
    requestTimeoutMs: reader.duration('request_timeout', 0),
    requestHeadersTimeoutMs: reader.duration('request_headers_timeout', 0),
    idleTimeoutMs: common?.duration('idle_timeout', 3_600_000) ?? 3_600_000,
    maxConnectionDurationMs: common?.duration('max_connection_duration', 0) ?? 0,
    maxStreamDurationMs: common?.duration('max_stream_duration', 0) ?? 0,
  };
}

function decodeRouteSource(reader: Reader): RouteSource {
  const rds = reader.message('rds');
  if (rds !== undefined) {
    const source = rds.message('config_source');
    rds.require('config_source', source !== undefined, 'missing');
    if (source !== undefined) decodeAdsSource(source);
    return { t: 'rds', name: rds.string('route_config_name') };
  }
  const inline = reader.message('route_config');
  if (inline === undefined) reader.fail('route_config', 'neither routes by name (rds) nor inline routes');
  return { t: 'inline', routes: inline === undefined ? EMPTY_ROUTES : decodeRouteConfigMessage(inline) };
}

const EMPTY_ROUTES = {
  name: '',
  virtualHosts: [],
  headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
  ignorePort: false,
  mostSpecificHeadersWin: false,
  mirrors: [],
  overrides: {},
};

export function decodeHttp1(reader: Reader | undefined): Http1Options {
  if (reader === undefined) {
    return { allowAbsoluteUrl: true, acceptHttp10: false, defaultHostForHttp10: '' };
  }
  // A message with both content-length and chunked is refused always: passing it on is how requests are smuggled.
  reader.harmless('override_stream_error_on_invalid_http_message', 'use_balsa_parser', 'allow_custom_methods');
  // Trailers are passed on always.
  reader.harmless('enable_trailers');
  checkHeaderCase(reader.message('header_key_format'));
  return {
    allowAbsoluteUrl: reader.bool('allow_absolute_url', true),
    acceptHttp10: reader.bool('accept_http_10'),
    defaultHostForHttp10: reader.string('default_host_for_http_10'),
  };
}

/** Names are passed on as they were written, which is what "preserve" asks for; other formats are refused. */
function checkHeaderCase(reader: Reader | undefined): void {
  if (reader === undefined) return;
  const formatter = reader.message('stateful_formatter');
  // The extension is found by its type.
  formatter?.harmless('name');
  const config = formatter?.message('typed_config');
  const type = config?.type();
  if (type !== 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig') {
    reader.fail('', `header formatter ${type ?? '(proper_case_words)'} is not supported by this proxy`);
  }
  reader.ignoreRest();
  config?.ignoreRest();
}

function upgrade(reader: Reader): string {
  const type = decodeUpgradeType(reader);
  return reader.bool('enabled', true) ? type : '';
}
