import { formatUtc } from '../utc.ts';
import type { AccessLogEntry } from './entry.ts';

/** Istio's default format (1.9 and later), one line with its newline. */
export function formatAccessLogText(e: AccessLogEntry): string {
  return (
    `[${formatUtc(e.startTimeMs)}] "${or(e.method)} ${or(e.path)} ${or(e.protocol)}" ${e.responseCode} ${or(e.responseFlags)} ` +
    `${or(e.responseCodeDetails)} ${or(e.connectionTerminationDetails)} "${or(e.upstreamTransportFailureReason)}" ` +
    `${e.bytesReceived} ${e.bytesSent} ${Math.round(e.durationMs)} ${or(e.upstreamServiceTime)} "${or(e.forwardedFor)}" "${or(e.userAgent)}" ` +
    `"${or(e.requestId)}" "${or(e.authority)}" "${or(e.upstreamHost)}" ${or(e.upstreamCluster)} ${or(e.upstreamLocalAddress)} ` +
    `${or(e.downstreamLocalAddress)} ${or(e.downstreamRemoteAddress)} ${or(e.requestedServerName)} ${or(e.routeName)}\n`
  );
}

/** Istio's JSON format (`accessLogEncoding: JSON`), one line with its newline. Absent values are null, numbers stay numbers. */
export function formatAccessLogJson(e: AccessLogEntry): string {
  const record = {
    start_time: formatUtc(e.startTimeMs),
    route_name: e.routeName || null,
    method: e.method || null,
    path: e.path || null,
    protocol: e.protocol || null,
    response_code: e.responseCode,
    response_flags: e.responseFlags || '-',
    response_code_details: e.responseCodeDetails || null,
    connection_termination_details: e.connectionTerminationDetails || null,
    bytes_received: e.bytesReceived,
    bytes_sent: e.bytesSent,
    duration: Math.round(e.durationMs),
    upstream_service_time: e.upstreamServiceTime || null,
    x_forwarded_for: e.forwardedFor || null,
    user_agent: e.userAgent || null,
    request_id: e.requestId || null,
    authority: e.authority || null,
    upstream_host: e.upstreamHost || null,
    upstream_cluster: e.upstreamCluster || null,
    upstream_local_address: e.upstreamLocalAddress || null,
    downstream_local_address: e.downstreamLocalAddress || null,
    downstream_remote_address: e.downstreamRemoteAddress || null,
    requested_server_name: e.requestedServerName || null,
    upstream_transport_failure_reason: e.upstreamTransportFailureReason || null,
  };
  return `${JSON.stringify(record)}\n`;
}

/** Control characters would let a client write log lines of its own, a quote would end its field. */
const UNSAFE = /[\u0000-\u001f"\u007f]/;
const UNSAFE_ALL = /[\u0000-\u001f"\u007f]/g;

function or(value: string | undefined): string {
  if (value === undefined || value === '') return '-';
  return UNSAFE.test(value) ? value.replace(UNSAFE_ALL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`) : value;
}
