import { randomUUID } from 'node:crypto';
import { ENVOY_GRPC_STATUSES } from '@meltemi/runtime';
import { formatFlags, formatLongFlags, type ConnectionInfo, type StreamInfo } from '../types.ts';
import { isLast } from './log-moment.ts';
import { ADDRESS_OPERATORS, bareAddress } from './address-operators.ts';
import { certificateTime, TLS_OPERATORS } from './certificates.ts';
import { commonDuration, formatLocalTime, formatTime, sentMs } from './times.ts';

/** A value of a finished stream; undefined or '' = there is none. */
export type Getter = (info: StreamInfo) => string | number | undefined;

const since = (info: StreamInfo, at: number): number | undefined => (at === 0 ? undefined : Math.floor(at - info.startMs));

/** Spaces separate fields. Most texts have none, which `includes` tells cheaper than replacing does. */
const oneWord = (text: string): string => (text.includes(' ') ? text.replaceAll(' ', '_') : text);

/** Operators without an argument that a stream answers without the messages themselves. */
const PLAIN: Readonly<Record<string, Getter>> = {
  ...ADDRESS_OPERATORS,
  METHOD: (info) => info.method,
  PROTOCOL: (info) => info.httpVersion,
  UPSTREAM_PROTOCOL: (info) => info.upstreamProtocol,
  RESPONSE_CODE: (info) => info.responseCode,
  RESPONSE_FLAGS: (info) => formatFlags(info.flags, info.protocol === 'http'),
  RESPONSE_FLAGS_LONG: (info) => formatLongFlags(info.flags, info.protocol === 'http'),
  CONNECTION_TERMINATION_DETAILS: (info) => oneWord(info.connectionTerminationDetails),
  UPSTREAM_TRANSPORT_FAILURE_REASON: (info) => oneWord(info.upstreamTransportFailureReason),
  BYTES_RECEIVED: (info) => info.bytesReceived,
  BYTES_SENT: (info) => info.bytesSent,
  BYTES_RETRANSMITTED: () => 0,
  PACKETS_RETRANSMITTED: () => 0,
  REQUEST_HEADERS_BYTES: (info) => info.requestHeadBytes,
  RESPONSE_HEADERS_BYTES: (info) => info.responseHeadBytes,
  UPSTREAM_WIRE_BYTES_SENT: (info) => (info.upstreamLocal === '' ? 0 : info.upstreamHeadBytes + info.bytesReceived),
  UPSTREAM_WIRE_BYTES_RECEIVED: (info) => (info.upstreamLocal === '' ? 0 : info.upstreamResponseHeadBytes + info.bytesSent),
  UPSTREAM_HEADER_BYTES_SENT: (info) => info.upstreamHeadBytes,
  UPSTREAM_HEADER_BYTES_RECEIVED: (info) => info.upstreamResponseHeadBytes,
  DOWNSTREAM_WIRE_BYTES_SENT: (info) => info.responseHeadBytes + info.bytesSent,
  DOWNSTREAM_WIRE_BYTES_RECEIVED: (info) => info.requestHeadBytes + info.bytesReceived,
  DOWNSTREAM_HEADER_BYTES_SENT: (info) => info.responseHeadBytes,
  DOWNSTREAM_HEADER_BYTES_RECEIVED: (info) => info.requestHeadBytes,
  DURATION: (info) => since(info, info.endMs) ?? 0,
  REQUEST_DURATION: (info) => since(info, info.requestEndMs),
  REQUEST_TX_DURATION: (info) => since(info, sentMs(info)),
  RESPONSE_DURATION: (info) => since(info, info.upstreamFirstByteMs),
  RESPONSE_TX_DURATION: (info) => (info.upstreamFirstByteMs === 0 || !isLast(info) ? undefined : Math.floor(info.endMs - info.upstreamFirstByteMs)),
  ROUNDTRIP_DURATION: () => undefined,
  UPSTREAM_CONNECTION_POOL_READY_DURATION: ({ upstreamStartMs, attemptStartMs }) =>
    upstreamStartMs === 0 || attemptStartMs === 0 ? undefined : Math.floor(upstreamStartMs - attemptStartMs),
  UPSTREAM_CLUSTER: observedCluster,
  UPSTREAM_CLUSTER_RAW: (info) => info.clusterName,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (info) => info.attempts,
  UPSTREAM_SERVER_NAME: (info) => info.upstreamTls?.serverName,
  FILTER_CHAIN_NAME: ({ chain }) => (chain.config.name.startsWith('#') ? undefined : chain.config.name),
  ACCESS_LOG_TYPE: (info) => info.logType,
  CONNECTION_ID: ({ connection }) => connectionNumber(connection),
  STREAM_ID: (info) => (info.requestId === '' ? streamId(info) : info.requestId),
  UNIQUE_ID: () => randomUUID(),
  // No filter here sets flags of its own, and virtual clusters are not known.
  CUSTOM_FLAGS: () => undefined,
  VIRTUAL_CLUSTER_NAME: () => undefined,
  ROUTE_NAME: (info) => info.routeName,
  TRACE_ID: (info) => info.trace?.traceId,
  SPAN_ID: (info) => info.trace?.spanId,
  GRPC_STATUS_NUMBER: ({ grpc, grpcStatus }) => (!grpc || grpcStatus === '' ? undefined : Number(grpcStatus)),
  HOSTNAME: () => process.env['HOSTNAME'],
};

/** Operators that an argument makes another. */
const WITH_ARGUMENT: Readonly<Record<string, (argument: string) => Getter>> = {
  START_TIME: (format) => (info) => formatTime(info.startTimeMs, format),
  START_TIME_LOCAL: (format) => (info) => formatLocalTime(info.startTimeMs, format),
  EMIT_TIME: (format) => (info) => formatTime(emitted(info), format),
  EMIT_TIME_LOCAL: (format) => (info) => formatLocalTime(emitted(info), format),
  RESPONSE_CODE_DETAILS: (argument) =>
    argument === 'ALLOW_WHITESPACES' ? (info) => info.responseCodeDetails : (info) => oneWord(info.responseCodeDetails),
  COMMON_DURATION: commonDuration,
  REQUESTED_SERVER_NAME: serverName,
  GRPC_STATUS: grpcStatus,
  ENVIRONMENT: (name) => () => process.env[name],
};

/** What a stream answers to an operator; undefined = that needs the messages themselves. */
export function streamGetter(operator: string, argument: string): Getter | undefined {
  return PLAIN[operator] ?? WITH_ARGUMENT[operator]?.(argument) ?? bareAddress(operator, argument) ?? tlsGetter(operator, argument);
}

/** The name in statistics, where the cluster has one of its own. */
function observedCluster({ cluster, clusterName }: StreamInfo): string {
  const named = cluster?.config.name === clusterName ? cluster.config.statName : clusterName;
  return named === clusterName.replaceAll(':', '_') ? clusterName : named;
}

function emitted(info: StreamInfo): number {
  return info.startTimeMs + info.endMs - info.startMs;
}

function tlsGetter(operator: string, argument: string): Getter | undefined {
  const side = /^(DOWNSTREAM|UPSTREAM)_(.+)$/.exec(operator);
  if (side === null) return undefined;
  const [, whose, what = ''] = side;
  const read =
    what === 'PEER_CERT_V_START' || what === 'PEER_CERT_V_END'
      ? certificateTime(what === 'PEER_CERT_V_START' ? 'validFrom' : 'validTo', argument)
      : TLS_OPERATORS[what];
  if (read === undefined) return undefined;
  return ({ connection, upstreamTls }) => {
    const tls = whose === 'UPSTREAM' ? upstreamTls : connection.tls;
    return tls === undefined ? undefined : read(tls);
  };
}

function serverName(argument: string): Getter {
  const [how = '', whose = ''] = argument.split(':');
  const host = (info: StreamInfo): string => (whose === 'ORIG' ? '' : info.authority);
  if (how === 'HOST_FIRST') return (info) => host(info) || info.connection.serverName;
  if (how === 'SNI_FIRST') return (info) => info.connection.serverName || host(info);
  return (info) => info.connection.serverName;
}

function grpcStatus(form: string): Getter {
  return ({ grpc, grpcStatus: status }) => {
    if (!grpc || status === '') return undefined;
    const name = ENVOY_GRPC_STATUSES[Number(status)];
    if (form === 'NUMBER') return Number(status);
    if (name === undefined) return status;
    return form === 'SNAKE_STRING' || name === 'OK'
      ? name
      : name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  };
}

const numbers = new WeakMap<ConnectionInfo, number>();
let lastNumber = 0;

function connectionNumber(connection: ConnectionInfo): number {
  let number = numbers.get(connection);
  if (number === undefined) numbers.set(connection, (number = ++lastNumber));
  return number;
}

const ids = new WeakMap<StreamInfo, string>();

/** All logs of a stream tell the same. */
function streamId(info: StreamInfo): string {
  let id = ids.get(info);
  if (id === undefined) ids.set(info, (id = randomUUID()));
  return id;
}
