import { metadataAt, type CustomTag, type MetadataValue } from '@meltemi/runtime';
import { upstreamServiceMs } from '../core/stream-info.ts';
import { hostPort } from '../net/addresses.ts';
import { formatFlags, formatLongFlags, type StreamInfo } from '../types.ts';

/** A value of a finished stream; undefined or '' = there is none. */
export type Getter = (info: StreamInfo) => string | number | undefined;

/** Which headers must be remembered until the stream ends; the index into `capturedRequest`/`capturedResponse` is the list's. */
export interface CaptureList {
  readonly request: string[];
  readonly response: string[];
  readonly trailers: string[];
  /** For the body of an answer: what the proxy would say. */
  readonly localBody?: () => string;
}

const withoutPort = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
const since = (info: StreamInfo, at: number): number | undefined => (at === 0 ? undefined : Math.floor(at - info.startMs));

/** Spaces separate fields. Most texts have none, which `includes` tells cheaper than replacing does. */
const oneWord = (text: string): string => (text.includes(' ') ? text.replaceAll(' ', '_') : text);

/** The substitution operators that a stream answers without the messages themselves. */
export const STREAM_OPERATORS: Readonly<Record<string, Getter>> = {
  METHOD: (info) => info.method,
  PROTOCOL: (info) => info.httpVersion,
  RESPONSE_CODE: (info) => info.responseCode,
  RESPONSE_CODE_DETAILS: (info) => oneWord(info.responseCodeDetails),
  RESPONSE_FLAGS: (info) => formatFlags(info.flags, info.protocol === 'http'),
  RESPONSE_FLAGS_LONG: (info) => formatLongFlags(info.flags, info.protocol === 'http'),
  CONNECTION_TERMINATION_DETAILS: (info) => oneWord(info.connectionTerminationDetails),
  UPSTREAM_TRANSPORT_FAILURE_REASON: (info) => oneWord(info.upstreamTransportFailureReason),
  BYTES_RECEIVED: (info) => info.bytesReceived,
  BYTES_SENT: (info) => info.bytesSent,
  DURATION: (info) => since(info, info.endMs) ?? 0,
  REQUEST_DURATION: (info) => since(info, info.requestEndMs),
  RESPONSE_DURATION: (info) => since(info, info.upstreamFirstByteMs),
  RESPONSE_TX_DURATION: (info) => (info.upstreamFirstByteMs === 0 ? undefined : Math.floor(info.endMs - info.upstreamFirstByteMs)),
  UPSTREAM_HOST: (info) => info.upstreamRemote,
  UPSTREAM_REMOTE_ADDRESS: (info) => info.upstreamRemote,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.upstreamRemote),
  UPSTREAM_LOCAL_ADDRESS: (info) => info.upstreamLocal,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (info) => withoutPort(info.upstreamLocal),
  UPSTREAM_CLUSTER: (info) => info.clusterName,
  UPSTREAM_CLUSTER_RAW: (info) => info.clusterName,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (info) => info.attempts,
  UPSTREAM_PEER_URI_SAN: (info) => info.upstreamTls?.peerUri,
  DOWNSTREAM_LOCAL_ADDRESS: (info) => info.connection.local,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (info) => info.connection.originalAddress,
  DOWNSTREAM_LOCAL_PORT: (info) => info.connection.originalPort,
  DOWNSTREAM_REMOTE_ADDRESS: (info) => info.connection.remote,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => info.connection.remoteAddress,
  DOWNSTREAM_REMOTE_PORT: (info) => info.connection.remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ connection }) => hostPort(connection.directAddress, connection.directPort),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (info) => info.connection.directAddress,
  DOWNSTREAM_TLS_VERSION: (info) => info.connection.tls?.version,
  DOWNSTREAM_TLS_CIPHER: (info) => info.connection.tls?.cipher,
  DOWNSTREAM_PEER_URI_SAN: (info) => info.connection.tls?.peerUri,
  DOWNSTREAM_LOCAL_URI_SAN: (info) => info.connection.tls?.localUri,
  DOWNSTREAM_PEER_SUBJECT: (info) => info.connection.tls?.peerSubject,
  DOWNSTREAM_PEER_FINGERPRINT_256: (info) => info.connection.tls?.peerHash,
  REQUESTED_SERVER_NAME: (info) => info.connection.serverName,
  ROUTE_NAME: (info) => info.routeName,
  TRACE_ID: (info) => info.trace?.traceId,
  GRPC_STATUS: (info) => info.grpcStatus,
  GRPC_STATUS_NUMBER: (info) => (info.grpcStatus === '' ? undefined : Number(info.grpcStatus)),
};

/** Operators whose text this proxy makes itself: no quote of a peer's can be in it. */
export const UNQUOTED: ReadonlySet<string> = new Set([
  'START_TIME',
  'PROTOCOL',
  'RESPONSE_FLAGS',
  'RESPONSE_FLAGS_LONG',
  'UPSTREAM_HOST',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'TRACE_ID',
]);

/** Request headers that every record holds anyway. */
const HELD_REQUEST: Readonly<Record<string, Getter>> = {
  ':method': (info) => info.method,
  ':path': (info) => info.path,
  ':authority': (info) => info.authority,
  host: (info) => info.authority,
  'x-envoy-original-path': (info) => info.rewrittenFrom,
  'user-agent': (info) => info.userAgent,
  'x-request-id': (info) => info.requestId,
  'x-forwarded-for': (info) => info.forwardedFor,
};

/** `%REQ(A?B)%`: the first of the two that is there. */
export function requestHeader(argument: string, capture: CaptureList): Getter {
  const getters = argument
    .toLowerCase()
    .split('?')
    .map((name) => HELD_REQUEST[name] ?? captured(name, capture.request, 'capturedRequest'));
  return firstOf(getters);
}

/** `%RESP(A?B)%`. */
export function responseHeader(argument: string, capture: CaptureList): Getter {
  const getters = argument
    .toLowerCase()
    .split('?')
    .map((name): Getter => {
      if (name === ':status') return (info) => info.responseCode;
      if (name !== 'x-envoy-upstream-service-time') return captured(name, capture.response, 'capturedResponse');
      // A TCP connection has no response that could carry it.
      // As the header's text, which it is where it is sent.
      return (info) => (info.upstreamFirstByteMs === 0 || info.protocol === 'tcp' ? undefined : String(upstreamServiceMs(info)));
    });
  return firstOf(getters);
}

function captured(name: string, list: string[], field: 'capturedRequest' | 'capturedResponse' | 'capturedTrailers'): Getter {
  let index = list.indexOf(name);
  if (index < 0) index = list.push(name) - 1;
  return (info) => info[field][index];
}

/** `%TRAILER(A?B)%`. */
export function responseTrailer(argument: string, capture: CaptureList): Getter {
  return firstOf(
    argument
      .toLowerCase()
      .split('?')
      .map((name) => captured(name, capture.trailers, 'capturedTrailers')),
  );
}

/** The value of a tag; undefined = it is left out. */
export function compileTag({ source }: CustomTag, capture: CaptureList): (info: StreamInfo) => string | undefined {
  const given = (value: unknown, otherwise: string): string | undefined => {
    const text = value === undefined || value === '' ? otherwise : typeof value === 'string' ? value : JSON.stringify(value);
    return text === '' ? undefined : text;
  };
  switch (source.t) {
    case 'literal':
      return () => source.value;
    case 'environment': {
      const value = given(process.env[source.name], source.otherwise);
      return () => value;
    }
    case 'header': {
      const read = requestHeader(source.name, capture);
      return (info) => given(read(info), source.otherwise);
    }
    case 'metadata':
      return ({ dynamicMetadata }) => given(metadataAt(dynamicMetadata?.get(source.namespace), source.path), source.otherwise);
  }
}

function firstOf(getters: readonly Getter[]): Getter {
  const [first = () => undefined, second] = getters;
  if (second === undefined) return first;
  return (info) => {
    const value = first(info);
    return value === undefined || value === '' ? second(info) : value;
  };
}

/** `%DYNAMIC_METADATA(namespace:key:key)%`: the value that filters have left there; undefined = none. */
export function metadataValue(argument: string): (info: StreamInfo) => MetadataValue | undefined {
  const [namespace = '', ...path] = argument.split(':');
  return ({ dynamicMetadata }) => metadataAt(dynamicMetadata?.get(namespace), path);
}

/** The same as text: words as they are, the rest as JSON. */
export function metadataText(argument: string): Getter {
  const read = metadataValue(argument);
  return (info) => {
    const value = read(info);
    return typeof value === 'string' || typeof value === 'number' || value === undefined ? value : JSON.stringify(value);
  };
}

let cachedSecond = -1;
let cachedText = '';

/** `2026-01-02T03:04:05.678Z`; the part up to the second is kept, as most lines of a second share it. */
function isoTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const ms = Math.floor(timeMs - second * 1000);
  return `${cachedText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}

/** `%START_TIME(%Y/%m/%d)%`; specifiers of strftime that logs use, and Envoy's `%3f`, `%6f`, `%s`. */
export function formatTime(timeMs: number, format: string): string {
  if (format === '') return isoTime(timeMs);
  const iso = new Date(timeMs).toISOString();
  const parts: Readonly<Record<string, string>> = {
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    F: iso.slice(0, 10),
    T: iso.slice(11, 19),
    Z: 'UTC',
    z: '+0000',
    s: String(Math.floor(timeMs / 1000)),
    '%': '%',
  };
  return format.replace(/%([1-9]f|[A-Za-z%])/g, (whole, specifier: string) =>
    specifier.endsWith('f') && specifier.length === 2 ? `${iso.slice(20, 23)}000000`.slice(0, Number(specifier[0])) : (parts[specifier] ?? whole),
  );
}
