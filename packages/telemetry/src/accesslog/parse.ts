import { parseUtc } from '../utc.ts';
import type { AccessLogEntry } from './entry.ts';

const QUOTED = '"([^"]*)"';
const WORD = '(\\S+)';
const TEXT_LINE = new RegExp(
  `^\\[([^\\]]+)\\] "(\\S+) (.*?) (\\S+)" (\\d+) ${WORD} (.+?) (\\S+) ${QUOTED} (\\d+) (\\d+) (\\d+) ${WORD} ${QUOTED} ${QUOTED} ${QUOTED} ${QUOTED} ${QUOTED} ${WORD} ${WORD} ${WORD} ${WORD} ${WORD} ${WORD}\\s*$`,
);
/** Longer lines are shown as they are: no pattern runs over them. */
const MAX_LINE = 16_384;

/** A line of Istio's default text or JSON format as an entry; undefined when it is neither (an application's line, another format). */
export function parseAccessLogLine(line: string): AccessLogEntry | undefined {
  if (line.length > MAX_LINE) return undefined;
  return line.startsWith('{') ? parseJson(line) : parseText(line);
}

function parseText(line: string): AccessLogEntry | undefined {
  const match = TEXT_LINE.exec(line);
  if (match === null) return undefined;
  const startTimeMs = parseUtc(match[1] ?? '');
  if (startTimeMs === undefined) return undefined;
  const text = (index: number): string | undefined => {
    const value = match[index];
    return value === undefined || value === '-' || value === '' ? undefined : unescape(value);
  };
  return {
    startTimeMs,
    method: text(2),
    path: text(3),
    protocol: text(4),
    responseCode: Number(match[5]),
    responseFlags: text(6),
    responseCodeDetails: text(7),
    connectionTerminationDetails: text(8),
    upstreamTransportFailureReason: text(9),
    bytesReceived: Number(match[10]),
    bytesSent: Number(match[11]),
    durationMs: Number(match[12]),
    upstreamServiceTime: text(13),
    forwardedFor: text(14),
    userAgent: text(15),
    requestId: text(16),
    authority: text(17),
    upstreamHost: text(18),
    upstreamCluster: text(19),
    upstreamLocalAddress: text(20),
    downstreamLocalAddress: text(21),
    downstreamRemoteAddress: text(22),
    requestedServerName: text(23),
    routeName: text(24),
  };
}

function unescape(value: string): string {
  return value.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function parseJson(line: string): AccessLogEntry | undefined {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const text = (key: string): string | undefined => {
    const value = record[key];
    return typeof value === 'string' && value !== '' && value !== '-' ? value : undefined;
  };
  const number = (key: string): number => {
    const value = Number(record[key]);
    return Number.isFinite(value) ? value : 0;
  };
  const startTimeMs = parseUtc(text('start_time') ?? '');
  if (startTimeMs === undefined || record['response_code'] === undefined) return undefined;
  return {
    startTimeMs,
    method: text('method'),
    path: text('path'),
    protocol: text('protocol'),
    responseCode: number('response_code'),
    responseFlags: text('response_flags'),
    responseCodeDetails: text('response_code_details'),
    connectionTerminationDetails: text('connection_termination_details'),
    upstreamTransportFailureReason: text('upstream_transport_failure_reason'),
    bytesReceived: number('bytes_received'),
    bytesSent: number('bytes_sent'),
    durationMs: number('duration'),
    upstreamServiceTime: text('upstream_service_time'),
    forwardedFor: text('x_forwarded_for'),
    userAgent: text('user_agent'),
    requestId: text('request_id'),
    authority: text('authority'),
    upstreamHost: text('upstream_host'),
    upstreamCluster: text('upstream_cluster'),
    upstreamLocalAddress: text('upstream_local_address'),
    downstreamLocalAddress: text('downstream_local_address'),
    downstreamRemoteAddress: text('downstream_remote_address'),
    requestedServerName: text('requested_server_name'),
    routeName: text('route_name'),
  };
}
