import type { CompiledChain, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { ConnectionInfo, TlsInfo } from '../types.ts';
import type { Exchange } from './exchange.ts';
import type { HttpPlan } from './http-plan.ts';
import type { LocalReply } from './local-reply.ts';
import type { BodySink } from './payload.ts';
import type { RequestTimers } from './request-timers.ts';

/**
 * The two ends of an exchange, whatever protocol they speak: an HTTP/1.1 connection (one request at a time), or a stream of an HTTP/2
 * connection. Heads are HTTP/1.1 bytes on both seams: HTTP/2 translates at its edge, so that routing, filters and header operations
 * exist once.
 */
export type StreamProtocol = 'http1' | 'http2';

/** How the body of a response reaches the client: none, as it came (between HTTP/1.1 connections), or as payload that the writer frames. */
export type ResponseBody = 'none' | 'raw' | 'payload';

/**
 * How a request's body goes to the upstream: there is none and no `end` follows; as it is, by its own length or chunks; in chunks of our
 * own (HTTP/1.1); there is none and its length 0 is to be told (HTTP/1.1).
 */
export type RequestFraming = 'none' | 'raw' | 'chunked' | 'empty';

/** Values that repeat from request to request on a connection: the same string is used again. */
export interface LastSeen {
  authority: string;
  userAgent: string;
}

/** The client's side of an exchange. `write` and `end` take the response's body in the form that `writeHead` was told. */
export interface DownstreamStream extends BodySink {
  readonly protocol: StreamProtocol;
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly connection: ConnectionInfo;
  readonly timers: RequestTimers;
  readonly last: LastSeen;
  /** Has the request a body, be it one that has not come yet? */
  readonly hasBody: boolean;
  /** Payload bytes of the request's body so far. */
  readonly receivedBytes: number;
  /** Passes on the head that the worker's response scanner has just read. A `write` or `end` in the same event goes out with it. */
  writeHead(x: Exchange, read: HeadRead, body: ResponseBody): void;
  /** Head and body bytes `read.bytes[read.after, next)` as they are, in one write. Only between HTTP/1.1 connections. */
  writeRaw(x: Exchange, read: HeadRead, next: number): boolean;
  /** The last piece of the body and its end, in one frame where the protocol has that. */
  writeLast(bytes: Uint8Array, start: number, end: number): void;
  /** Ends the exchange with an answer of our own; a response that has begun is cut. */
  reply(x: Exchange, reply: LocalReply): void;
  /** Passes on the interim head (1xx) that the worker's response scanner has just read; without one, says `100 Continue`. */
  sendInterim(x: Exchange, read: HeadRead | undefined): void;
  /** The response cannot be completed, and the client must see that. */
  cut(x: Exchange): void;
  /** Stops (true) or resumes taking the request's body; the peer is slowed down. */
  pause(paused: boolean): void;
  /** The upstream has switched protocols, and its head is with the client: bytes from here on (`write`, `upstream.write`). */
  startTunnel(x: Exchange): void;
  /** The upstream will send nothing more through the tunnel. */
  tunnelHalfClosed(x: Exchange): void;
  closeTunnel(x: Exchange): void;
  /** Its handling has failed: ends at once, without a word to the exchange. */
  shed(): void;
}

/** Where a response's head lies: in `bytes[start, after)`; `end` bounds what was read. One per connection, filled anew each time. */
export interface HeadRead {
  bytes: Uint8Array;
  start: number;
  after: number;
  end: number;
  /** No body follows. */
  ended: boolean;
}

/** Why an upstream stream was lost: its connection broke, its bytes were nonsense, it was reset or refused; `unprocessed` = the connection goes away and nobody has looked at it. */
export type LostCause = 'closed' | 'protocol' | 'reset' | 'refused' | 'unprocessed';

/** Whom an upstream stream serves: an exchange, or a second attempt of one (mirror, hedge). All calls concern the present request. */
export interface UpstreamUser {
  /** The request is HEAD: its response has no body. */
  readonly isHead: boolean;
  /** Of the request: what `:scheme` says where there is one. */
  readonly scheme: 'http' | 'https';
  /** The protocol that the request asks to change to, '' = none. */
  readonly upgrade: string;
  /** The exchange that this attempt belongs to, when it is not the user itself. */
  readonly owner?: Exchange;
  /** An interim head, likewise; the response is still to come. Left out: nobody wants it. */
  onInterim?(read: HeadRead): void;
  /**
   * The response's head (never an interim one but for 101) is in the worker's response scanner and lies where `read` says. The user
   * may say `takeRaw` or `takePayload`, and answers how far the bytes are dealt with (`read.after`, or what `takeRaw` said); -1 when it
   * gave the stream up.
   */
  onResponse(stream: UpstreamStream, read: HeadRead): number;
  /** Body bytes: as they came, chunk framing included, or after `takePayload` the payload. */
  onResponseBody(bytes: Uint8Array, start: number, end: number): void;
  /** The last piece and the end, in place of the two calls; only from protocols that tell both at once. */
  onResponseLast(bytes: Uint8Array, start: number, end: number, payloadBytes: number): void;
  /** The response is whole; the stream serves the user no longer. `trailers` as in `BodySink.end`, known only after `takePayload`. */
  onResponseEnd(payloadBytes: number, trailers: Uint8Array | undefined): void;
  onTunnelData(bytes: Uint8Array, start: number, end: number): void;
  onTunnelEnd(): void;
  /** What was written has not all gone: produce no more until `onUpstreamDrain`. */
  onUpstreamSlow(): void;
  /** There is room again for what `write` refused more of. */
  onUpstreamDrain(): void;
  /** The stream is lost. `reason`: a word of the transport or codec, '' = none. */
  onUpstreamLost(stream: UpstreamStream, cause: LostCause, reason: string): void;
}

/** The upstream's side of an attempt. `write` and `end` take the request's body in the form that the head was sent with. */
export interface UpstreamStream extends BodySink {
  readonly protocol: StreamProtocol;
  readonly cluster: CompiledCluster;
  readonly host: Host;
  /** `address:port` of this end. */
  readonly local: string;
  readonly tls: TlsInfo | undefined;
  /** Requests on the connection so far, this one included. */
  readonly requests: number;
  /** Payload bytes of the response's body so far. */
  readonly payloadBytes: number;
  /** Has a byte of the response come? */
  readonly answering: boolean;
  /** Bytes that were written and wait for the peer to take more. */
  readonly queuedBytes: number;
  /** Whom it serves; may be exchanged while no call to it is under way. */
  user: UpstreamUser | undefined;
  /** Begins an exchange: the head follows. */
  begin(user: UpstreamUser): void;
  /**
   * Sends the head that `buildRequestHead` left in `bytes[0, length)` (HTTP/1.1 form; over HTTP/1.1 the first of the body may stand
   * behind it). The body follows by `write` and `end`.
   */
  writeHead(bytes: Buffer, length: number, framing: RequestFraming): boolean;
  /** The last piece of the body and its end, in one frame where the protocol has that. */
  writeLast(bytes: Uint8Array, start: number, end: number): void;
  /** Takes as much of the body as lies behind the head, untouched. Only for HTTP/1.1 on both sides. -1 = refused. */
  takeRaw(read: HeadRead): number;
  /** The user wants the payload without its framing. */
  takePayload(): void;
  /** Bytes in both directions from here on. */
  startTunnel(): void;
  /** No more bytes through the tunnel from the client. */
  endWriting(): void;
  /** Stops or resumes the response, as the client takes it. */
  pause(paused: boolean): void;
  /** Gives the attempt up without a word to its user. HTTP/1.1: the connection goes; HTTP/2: RST_STREAM(CANCEL). */
  abandon(): void;
  /** The same at the head of the response, from within `onResponse`: a connection of HTTP/1.1 is kept if the response is whole by then. */
  dismiss(): void;
}
