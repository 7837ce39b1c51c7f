/**
 * Reads `envoy.service.accesslog.v3.StreamAccessLogsMessage`: only what metrics and spans need, by hand, because every request of the
 * workload comes through here. Field numbers are those of als.proto and accesslog.proto.
 */
import { ProtoReader } from '@meltemi/base';
import { RESPONSE_FLAG_TABLE } from '@meltemi/telemetry/recording';

/** What the access log says of one request or connection; empty text and 0 where it says nothing. */
export interface LogEntry {
  protocol: 'http' | 'tcp';
  /** IP addresses; the direct one is the machine at the other end of the connection, whatever headers say. */
  directRemote: string;
  remote: string;
  /** `address:port`. */
  upstream: string;
  upstreamCluster: string;
  /** Told only of what no service is asked for. */
  virtualHost: string;
  flags: string;
  durationMs: number;
  /** URI names of verified certificates on the client's connection. */
  peerUri: string;
  localUri: string;
  authority: string;
  requestBytes: number;
  responseBytes: number;
  responseCode: number;
  grpc: boolean;
  /** Undefined when there was none. */
  grpcStatus: number | undefined;
  /** Bytes from and to the client, of TCP. */
  received: number;
  sent: number;
  /** `AccessLogType`: 1 connected, 2 periodic, 3 connection ended, 4 request started, 5 periodic, 6 request ended, 0 unknown. */
  type: number;
  streamId: string;
}

/** One message of the stream; the log's name comes with the first. */
export interface LogMessage {
  readonly logName: string | undefined;
  readonly entries: readonly LogEntry[];
}

/** Throws `protobuf/malformed`. */
export function decodeLogMessage(bytes: Uint8Array): LogMessage {
  const reader = new ProtoReader(bytes);
  let logName: string | undefined;
  const entries: LogEntry[] = [];
  each(reader, (field, at) => {
    if (field === 1) each(at.message(), (inner, part) => (inner === 2 ? ((logName = part.string()), true) : false));
    else if (field === 2) each(at.message(), (inner, part) => (inner === 1 ? (entries.push(httpEntry(part.message())), true) : false));
    else if (field === 3) each(at.message(), (inner, part) => (inner === 1 ? (entries.push(tcpEntry(part.message())), true) : false));
    else return false;
    return true;
  });
  return { logName, entries };
}

/** Walks the fields of a message; `read` answers false for those it does not take. */
export function each(reader: ProtoReader, read: (field: number, at: ProtoReader) => boolean): void {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) if (!read(tag >>> 3, reader)) reader.skip(tag);
}

function newEntry(protocol: 'http' | 'tcp'): LogEntry {
  return {
    protocol,
    directRemote: '',
    remote: '',
    upstream: '',
    upstreamCluster: '',
    virtualHost: '',
    flags: '',
    durationMs: 0,
    peerUri: '',
    localUri: '',
    authority: '',
    requestBytes: 0,
    responseBytes: 0,
    responseCode: 0,
    grpc: false,
    grpcStatus: undefined,
    received: 0,
    sent: 0,
    type: 0,
    streamId: '',
  };
}

function httpEntry(reader: ProtoReader): LogEntry {
  const entry = newEntry('http');
  each(reader, (field, at) => {
    if (field === 1) common(at.message(), entry);
    else if (field === 3) httpRequest(at.message(), entry);
    else if (field === 4) httpResponse(at.message(), entry);
    else return false;
    return true;
  });
  return entry;
}

function tcpEntry(reader: ProtoReader): LogEntry {
  const entry = newEntry('tcp');
  each(reader, (field, at) => {
    if (field === 1) common(at.message(), entry);
    else if (field === 2) {
      each(at.message(), (inner, part) => {
        if (inner === 1) entry.received = Number(part.uint64());
        else if (inner === 2) entry.sent = Number(part.uint64());
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  return entry;
}

type Setter = (entry: LogEntry, at: ProtoReader) => void;

/** `AccessLogCommon` by field number. */
const COMMON: Readonly<Record<number, Setter>> = {
  2: (entry, at) => (entry.remote = socketAddress(at.message()).address),
  4: (entry, at) => tlsProperties(at.message(), entry),
  12: (entry, at) => (entry.durationMs ||= duration(at.message())),
  13: (entry, at) => {
    const { address, port } = socketAddress(at.message());
    entry.upstream = address === '' ? '' : `${address}:${port}`;
  },
  15: (entry, at) => (entry.upstreamCluster = at.string()),
  16: (entry, at) => (entry.flags = responseFlags(at.message())),
  20: (entry, at) => (entry.directRemote = socketAddress(at.message()).address),
  23: (entry, at) => (entry.durationMs = duration(at.message())),
  22: (entry, at) => customTag(at.message(), entry),
  26: (entry, at) => (entry.streamId = at.string()),
  33: (entry, at) => (entry.type = at.uint32()),
};

function common(reader: ProtoReader, entry: LogEntry): void {
  each(reader, (field, at) => {
    const set = COMMON[field];
    set?.(entry, at);
    return set !== undefined;
  });
}

function customTag(reader: ProtoReader, entry: LogEntry): void {
  const [name, value] = pair(reader);
  if (name === 'virtual_host') entry.virtualHost = value;
}

function httpRequest(reader: ProtoReader, entry: LogEntry): void {
  each(reader, (field, at) => {
    if (field === 3) entry.authority = at.string();
    else if (field === 12) entry.requestBytes = Number(at.uint64());
    else if (field === 13) {
      const [name, value] = pair(at.message());
      if (name === 'content-type' && value.startsWith('application/grpc')) entry.grpc = true;
    } else return false;
    return true;
  });
}

function httpResponse(reader: ProtoReader, entry: LogEntry): void {
  each(reader, (field, at) => {
    if (field === 1) each(at.message(), (inner, part) => (inner === 1 ? ((entry.responseCode = part.uint32()), true) : false));
    else if (field === 3) entry.responseBytes = Number(at.uint64());
    else if (field === 4 || field === 5) {
      const [name, value] = pair(at.message());
      if (name === 'grpc-status') entry.grpcStatus = Number(value);
    } else return false;
    return true;
  });
}

function pair(reader: ProtoReader): [string, string] {
  let [key, value] = ['', ''];
  each(reader, (field, at) => {
    if (field === 1) key = at.string();
    else if (field === 2) value = at.string();
    else return false;
    return true;
  });
  return [key, value];
}

/** `envoy.config.core.v3.Address` with a socket address; anything else is empty. */
export function socketAddress(reader: ProtoReader): { address: string; port: number } {
  let [address, port] = ['', 0];
  each(reader, (field, at) => {
    if (field !== 1) return false;
    each(at.message(), (inner, part) => {
      if (inner === 2) address = part.string();
      else if (inner === 3) port = part.uint32();
      else return false;
      return true;
    });
    return true;
  });
  return { address, port };
}

/** `google.protobuf.Duration` in milliseconds. */
function duration(reader: ProtoReader): number {
  let [seconds, nanos] = [0, 0];
  each(reader, (field, at) => {
    if (field === 1) seconds = Number(at.int64());
    else if (field === 2) nanos = at.int32();
    else return false;
    return true;
  });
  return seconds * 1000 + nanos / 1e6;
}

function tlsProperties(reader: ProtoReader, entry: LogEntry): void {
  each(reader, (field, at) => {
    if (field === 4) entry.localUri = firstUri(at.message());
    else if (field === 5) entry.peerUri = firstUri(at.message());
    else return false;
    return true;
  });
}

function firstUri(reader: ProtoReader): string {
  let uri = '';
  each(reader, (field, at) => {
    if (field !== 1) return false;
    each(at.message(), (inner, part) => (inner === 1 ? ((uri ||= part.string()), true) : false));
    return true;
  });
  return uri;
}

/** Envoy's short names by field number of `ResponseFlags`, which is also the order in which Envoy prints them. */
const FLAGS: readonly string[] = RESPONSE_FLAG_TABLE.reduce<string[]>((names, { flag, field }) => {
  if (field !== undefined) names[field[0]] = flag;
  return names;
}, []);
const UNAUTHORIZED = 13;

function responseFlags(reader: ProtoReader): string {
  const set: number[] = [];
  each(reader, (field, at) => {
    if (field === UNAUTHORIZED) at.message();
    else if (!at.bool()) return true;
    set.push(field);
    return true;
  });
  return set
    .sort((a, b) => a - b)
    .map((field) => FLAGS[field] ?? '')
    .filter((name) => name !== '')
    .join(',');
}
