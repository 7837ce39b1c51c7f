/**
 * The seams inside the proxy: what the connection state machines (net, http, tcp, pool) need from the compiled configuration,
 * and what they hand to metrics, spans and logs. Compiled configuration itself is `@meltemi/runtime`'s.
 */
import type { OverloadFigures } from './core/overload.ts';
import type { X509Certificate } from 'node:crypto';
import type { Clock, Log, Random, Timers } from '@meltemi/base';
import type { Node } from '@meltemi/protos-types';
import type { EngineOrder } from './main/engine.ts';
import type { StatScope } from './stats/scopes.ts';
import type { TapTrace } from './tap/trace.ts';
import type { HostEvent } from './health/host-events.ts';
import type { DrainOrder, DrainReport } from './core/drain.ts';
import type { AccessLogType, CompiledChain, CompiledCluster, CompiledRoute, Host, MetadataStruct, RuntimeChange } from '@meltemi/runtime';
import { RESPONSE_FLAG_TABLE, RESPONSE_FLAGS, type ResponseFlag } from '@meltemi/telemetry/recording';
import type { ProxyTlv } from '@meltemi/wire';

// ---------------------------------------------------------------------------------------------------------------- transport

/**
 * One TCP or TLS connection. `write` takes `bytes[start, end)`, which must lie in the thread's shared buffers (they may be filled
 * again as soon as it returns) or never be changed afterwards. It answers false when the peer is slower than we are: stop
 * producing until `onDrain`. Small pieces may wait for the end of the event loop's turn, but for those that have been `gathered` that long
 * already. Nothing throws; failures arrive as `onClose`.
 */
export interface Transport {
  write(bytes: Uint8Array, start: number, end: number, gathered?: boolean): boolean;
  /** Stops (true) or resumes (false) the delivery of `onData`; the kernel then pushes back on the peer. */
  pause(paused: boolean): void;
  /** Sends what is queued, then FIN. */
  end(): void;
  /** Bytes that were written and have not been handed to the system yet: the peer takes them slowly. */
  readonly queuedBytes: number;
  /** The last `gathered` write still needs the bytes that it was given; absent: as long as bytes are queued. */
  readonly borrows?: boolean;
  /** Drops the connection now; with `reset` the peer sees RST rather than FIN. */
  destroy(reset?: boolean): void;
}

/** What a connection's owner hears. The bytes of `onData` are valid only until it returns. */
export interface TransportHandler {
  onData(bytes: Uint8Array, start: number, end: number): void;
  /** The peer sent FIN. */
  onEnd(): void;
  onDrain(): void;
  /** Once, after everything else. `error` is the operating system's or TLS' reason when it was no clean close. */
  onClose(error?: string): void;
}

/** Facts about one accepted or dialled connection; fixed once it is established. */
export interface ConnectionInfo {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Who is on the other end of the socket: another than `remoteAddress` when a header of the PROXY protocol told of the client. */
  readonly directAddress: string;
  readonly directPort: number;
  /** Where the client wanted to go before a redirect; equal to the local address without one. */
  readonly originalAddress: string;
  readonly originalPort: number;
  /** `address:port` of the original destination and of the peer, IPv6 in brackets: what logs show as local and remote address. */
  readonly local: string;
  readonly remote: string;
  /** SNI of the client hello, also when TLS goes through untouched; '' = none. */
  readonly serverName: string;
  readonly tls: TlsInfo | undefined;
  /** What the header of the PROXY protocol told beyond addresses; undefined = no such header, or nothing more. */
  readonly told: ToldByProxy | undefined;
}

/** Extensions of a header of the PROXY protocol. */
export interface ToldByProxy {
  /** For upstreams. */
  readonly tlvs: readonly ProxyTlv[];
  /** As metadata of the connection, by namespace. */
  readonly metadata: ReadonlyMap<string, MetadataStruct>;
}

/** One subject alternative name of a certificate. */
export interface AltName {
  readonly type: 'uri' | 'dns' | 'email' | 'ip' | 'other';
  readonly value: string;
}

/** The TLS facts of a connection. URIs are SPIFFE IDs of VERIFIED certificates, '' when there was none. */
export interface TlsInfo {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly alpn: string;
  readonly peerUri: string;
  readonly localUri: string;
  /** SHA-256 of the peer certificate's DER, lower-case hex; computed when first read. */
  readonly peerHash: string;
  /** Subject of the peer certificate in RFC 2253 order. */
  readonly peerSubject: string;
  /** DNS names of the peer certificate. */
  readonly peerDns: readonly string[];
  /** The peer certificate; made when first read. */
  readonly peerPem: string;
  /** The peer's certificate itself and its names; undefined = it showed none that holds. */
  readonly certificate: X509Certificate | undefined;
  readonly peerNames: readonly AltName[];
}

// ---------------------------------------------------------------------------------------------------------------- stream info

/** Envoy's response flags; `StreamInfo.flags` is a bit set of `1 << index`. Order is Envoy's printing order. */
export { RESPONSE_FLAGS, type ResponseFlag };

/** Bit of a response flag inside `StreamInfo.flags`. */
export function flagBit(flag: ResponseFlag): number {
  return 1 << RESPONSE_FLAGS.indexOf(flag);
}

/** `UF,URX`, or `-` for none: the text of `%RESPONSE_FLAGS%`. */
export function formatFlags(flags: number, exhaustedFirst = false): string {
  if (flags === 0) return '-';
  const names = RESPONSE_FLAGS.filter((_, index) => (flags & (1 << index)) !== 0);
  if (!exhaustedFirst || names.length === 1 || !names.includes('URX')) return names.join(',');
  return ['URX', ...names.filter((name) => name !== 'URX')].join(',');
}

/** `UpstreamConnectionFailure,UpstreamRetryLimitExceeded`, or `-`: the text of `%RESPONSE_FLAGS_LONG%`. */
export function formatLongFlags(flags: number, exhaustedFirst = false): string {
  const short = formatFlags(flags, exhaustedFirst);
  if (short === '-') return short;
  return short
    .split(',')
    .map((flag) => RESPONSE_FLAG_TABLE.find((item) => item.flag === flag)?.long)
    .join(',');
}

/** The trace context of one request; ids are lower-case hex. */
export interface TraceContext {
  readonly traceId: string;
  /** The span that this hop made. */
  readonly spanId: string;
  /** The caller's span, '' for a root. */
  readonly parentSpanId: string;
  readonly sampled: boolean;
  /** This proxy, or one before it, has chosen the request for tracing; `sampled` may say otherwise where the caller does. */
  readonly traced: boolean;
}

/**
 * One mutable record per HTTP request or TCP connection, handed to `StreamSink.onStreamEnd` at its end and never touched
 * afterwards. Times are `Clock.monotonic()` milliseconds, 0 when it never happened; `startTimeMs` is wall clock. Objects of the
 * configuration (`chain`, `route`, `cluster`, `host`) are references into it, so that label sets can be interned by identity.
 */
export interface StreamInfo {
  readonly protocol: 'http' | 'tcp';
  readonly startTimeMs: number;
  readonly startMs: number;
  readonly connection: ConnectionInfo;
  /** The filter chain (its listener is `chain.listener`). */
  readonly chain: CompiledChain;
  route: CompiledRoute | undefined;
  cluster: CompiledCluster | undefined;
  /** The upstream host of the last attempt; its `endpoint.workload` is the destination's peer. */
  host: Host | undefined;
  routeName: string;
  virtualHost: string;
  clusterName: string;

  httpVersion: 'HTTP/1.1' | 'HTTP/1.0' | 'HTTP/2' | '';
  method: string;
  /** As the client sent it; `path` is what went upstream. */
  originalPath: string;
  /** The path that a route's rewrite replaced; '' = none did. */
  rewrittenFrom: string;
  path: string;
  authority: string;
  requestId: string;
  userAgent: string;
  forwardedFor: string;
  /** Values of the request and response headers that some access log or tag asked for, in the order of `capture` lists. */
  capturedRequest: readonly (string | undefined)[];
  capturedResponse: readonly (string | undefined)[];
  capturedTrailers: readonly (string | undefined)[];
  /** What a log of it is told as. */
  logType: AccessLogType;
  /** gRPC calls are told by `content-type: application/grpc…`; `grpcStatus` is '' until seen. */
  grpc: boolean;
  grpcStatus: string;

  responseCode: number;
  responseCodeDetails: string;
  flags: number;
  connectionTerminationDetails: string;
  upstreamTransportFailureReason: string;
  attempts: number;

  /** Body bytes for HTTP, payload bytes for TCP. */
  bytesReceived: number;
  bytesSent: number;
  /** Head bytes as they were on the wire of the downstream. */
  requestHeadBytes: number;
  responseHeadBytes: number;
  /** Head bytes of the last attempt, in the form of HTTP/1.1. */
  upstreamHeadBytes: number;
  upstreamResponseHeadBytes: number;

  requestEndMs: number;
  /** When the present attempt began to look for a connection. */
  attemptStartMs: number;
  upstreamStartMs: number;
  upstreamFirstByteMs: number;
  upstreamEndMs: number;
  endMs: number;

  upstreamProtocol: 'HTTP/1.1' | 'HTTP/2' | '';
  upstreamRemote: string;
  /** Hosts of the attempts before the last one; undefined = there was none. */
  hostsBefore: string[] | undefined;
  upstreamLocal: string;
  upstreamTls: TlsInfo | undefined;
  trace: TraceContext | undefined;
  /** What filters have left for logs, by namespace; undefined = nothing. */
  dynamicMetadata: Map<string, MetadataStruct> | undefined;
}

/** Hears about streams. Both calls are on the request path: no I/O, no throwing. */
export interface StreamSink {
  /** A TCP connection was opened and its filter chain chosen; `onStreamEnd` follows with the same object. HTTP has no start. */
  onTcpOpen(info: StreamInfo): void;
  onStreamEnd(info: StreamInfo): void;
}

/** Where finished access-log lines go. One call per flush; `bytes` may be reused when it returns. */
export interface LogSink {
  write(path: string, bytes: Uint8Array): void;
}

// ---------------------------------------------------------------------------------------------------------------- data plane

/** What the data plane needs from outside. */
export interface DataPlanePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly streams: StreamSink;
  readonly accessLog: LogSink;
  /** Who this proxy is, for collectors. */
  readonly node?: Node;
  /** What a tap of this number has seen. */
  onTrace?(tap: number, trace: TapTrace): void;
}

/** How a listener is doing, for the admin endpoint. */
export interface ListenerStatus {
  readonly name: string;
  /** `127.0.0.1:15001`, with the real port when 0 was asked for. */
  readonly addresses: readonly string[];
  readonly state: 'active' | 'draining' | 'failed';
  readonly error: string;
  /** Accepted and still open. */
  readonly connections: number;
}

/**
 * Owns sockets; `createDataPlane` in `data-plane.ts` makes one. Call `apply` with every `RuntimeChange` right after `state.apply`. It
 * resolves when every listener that should be bound is bound or has failed, and answers the failures (name → reason), for the NACK.
 */
export interface DataPlane extends AsyncDisposable {
  apply(change: RuntimeChange, found?: readonly HostEvent[]): Promise<ReadonlyMap<string, string>>;
  /** What another thread has found out about a host. */
  adopt(event: HostEvent): void;
  /** What the active checks of this thread know. */
  checked(): readonly HostEvent[];
  listeners(): readonly ListenerStatus[];
  /** Open downstream connections and requests in flight, and how loaded the thread is. */
  readonly activity: { readonly connections: number; readonly requests: number; readonly overload: OverloadFigures };
  /** What was counted, under Envoy's names. */
  stats(): readonly StatScope[];
  order(order: EngineOrder): void;
  /** One step of a drain. Answers what had to be ended so far because its time was up. */
  drain(order: DrainOrder): Promise<DrainReport>;
  /** Closes everything now. */
  close(): Promise<void>;
}
