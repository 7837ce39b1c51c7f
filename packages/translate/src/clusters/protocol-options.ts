import type { ConnectionPoolSettings } from '@meltemi/api';
import type { MeshConfig } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  PRESERVE_CASE,
  type Cluster,
  type Http1ProtocolOptions,
  type Http2ProtocolOptions,
  type HttpProtocolOptions,
} from '@meltemi/protos-types';
import type { WireProtocol } from '../common/capabilities.ts';
import { defined, nonZero } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';

/** The protocol an upstream is spoken to with: the port's, unless the policy, or without a word there the mesh, upgrades it. */
export function upstreamProtocol(wire: WireProtocol, pool: ConnectionPoolSettings | undefined, mesh: Pick<MeshConfig, 'h2Upgrade'>): WireProtocol {
  const policy = pool?.http?.h2UpgradePolicy ?? 'DEFAULT';
  return wire === 'http' && (policy === 'UPGRADE' || (policy === 'DEFAULT' && mesh.h2Upgrade)) ? 'http2' : wire;
}

/** What is said beside the limits of the pool: of the server's names (see `upstreamNames`), and which statuses count as failures. */
export interface UpstreamHttp {
  readonly names?: HttpProtocolOptions['upstream_http_protocol_options'] | undefined;
  readonly errorStatuses?: readonly number[] | undefined;
  /** Header names of HTTP/1.1 keep their letters. */
  readonly preserveHeaderCase?: boolean;
}

/** HTTP settings towards the upstream, in the place where Envoy wants them. Nothing for TCP. */
export function protocolOptions(
  protocol: WireProtocol,
  pool: ConnectionPoolSettings | undefined,
  { names, errorStatuses, preserveHeaderCase = false }: UpstreamHttp = {},
): Pick<Cluster, 'typed_extension_protocol_options'> {
  if (protocol === 'tcp') return {};
  const options: HttpProtocolOptions = defined({
    common_http_protocol_options: connectionOptions(pool),
    upstream_http_protocol_options: names,
    outlier_detection: errorMatcher(errorStatuses ?? []),
    ...versionOf(protocol, pool?.http, http1Options(preserveHeaderCase)),
  });
  return { typed_extension_protocol_options: { [EXTENSION_NAME.httpProtocolOptions]: packAny(ANY_TYPE.httpProtocolOptions, options) } };
}

/** Failures by status instead of by the class 5xx. */
function errorMatcher(statuses: readonly number[]): HttpProtocolOptions['outlier_detection'] {
  if (statuses.length === 0) return undefined;
  const rules = statuses.map((status) => ({
    http_response_headers_match: { headers: [{ name: ':status', string_match: { exact: String(status) } }] },
  }));
  return { error_matcher: rules.length === 1 ? (rules[0] ?? {}) : { or_match: { rules } } };
}

/** Limits of single connections; an idle time for TCP is one for HTTP too, unless that has its own. */
function connectionOptions(pool: ConnectionPoolSettings | undefined): HttpProtocolOptions['common_http_protocol_options'] {
  const common = defined({
    idle_timeout: durationOf(pool?.http?.idleTimeout ?? pool?.tcp?.idleTimeout),
    max_connection_duration: durationOf(pool?.tcp?.maxConnectionDuration),
    max_requests_per_connection: nonZero(pool?.http?.maxRequestsPerConnection),
  });
  return Object.keys(common).length === 0 ? undefined : common;
}

function versionOf(
  protocol: WireProtocol,
  http: ConnectionPoolSettings['http'],
  http1: Http1ProtocolOptions,
): Pick<HttpProtocolOptions, 'use_downstream_protocol_config' | 'explicit_http_config'> {
  const http2 = http2Options(http);
  if (http?.useClientProtocol === true || protocol === 'sniffed')
    return { use_downstream_protocol_config: { http_protocol_options: http1, http2_protocol_options: http2 } };
  return { explicit_http_config: protocol === 'http2' ? { http2_protocol_options: http2 } : { http_protocol_options: http1 } };
}

/** As Envoy has them, or with the letters of header names. */
export function http1Options(preserveHeaderCase: boolean): Http1ProtocolOptions {
  return preserveHeaderCase ? { header_key_format: PRESERVE_CASE } : {};
}

function http2Options(http: NonNullable<ConnectionPoolSettings['http']> | undefined): Http2ProtocolOptions {
  const interval = durationOf(http?.http2KeepAlive?.interval);
  return defined({
    max_concurrent_streams: nonZero(http?.maxConcurrentStreams),
    connection_keepalive: interval === undefined ? undefined : { interval, timeout: durationOf(http?.http2KeepAlive?.timeout) ?? '5s' },
  });
}
