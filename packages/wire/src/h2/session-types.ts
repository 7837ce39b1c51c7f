import type { HeadScanner } from '../head-scanner.ts';

/** Why a head could not be taken though the protocol was kept: answer 431 (or 502 for a response) and go on, or reset. */
export type H2HeadRefusal = 'head-too-large' | 'too-many-headers';

/**
 * A decoded head (or trailer section) as HTTP/1.1 bytes: `bytes[start, end)`. Valid during the call that shows it only.
 * - request: `POST /path HTTP/1.1\r\nhost: a\r\n…\r\n\r\n`, `host` first and taken from `:authority` (else from `host`), names lower
 *   case, cookie crumbs joined in one line, CONNECT as `CONNECT host:port HTTP/1.1`; extended CONNECT (RFC 8441) as
 *   `GET /path` with `connection: upgrade` and `upgrade: <:protocol>` and `extended` set.
 * - response: `HTTP/1.1 200 \r\n…\r\n\r\n` (empty reason).
 * - trailers: the lines alone, `name: value\r\n` each, without the empty line.
 */
export interface H2Head {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Of `:scheme`, '' when it is something else or absent. */
  readonly scheme: 'http' | 'https' | '';
  /** An extended CONNECT request. */
  readonly extended: boolean;
  /** Of responses: the status, else 0. */
  readonly status: number;
  /** Two heads of one session with the same serial are the same bytes: what was worked out for one holds for the other. */
  readonly serial: number;
  /** Fills the scanner with this head, as `scanner.request` (server) or `scanner.response` (client) on the bytes would, but cheaper. False = refused, see `scanner.error`. Not for trailers. */
  load(scanner: HeadScanner): boolean;
}

/** Payload of a DATA frame or of a part of one, padding removed: `bytes[start, end)`. The session uses one object for all. */
export interface H2Data {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The message ends with it. */
  readonly endStream: boolean;
}

/**
 * A head to send: `bytes[start, end)` is an HTTP/1.1 head with its empty line, as the proxy builds it (any case; hop-by-hop lines,
 * `host` and the version are left out or turned into pseudo-fields). The consumer may use one object for all.
 */
export interface H2Outgoing {
  bytes: Uint8Array;
  start: number;
  end: number;
  endStream: boolean;
  /** Of requests: `:scheme`. */
  scheme: 'http' | 'https';
  /** Of requests: a head with `upgrade: <protocol>` goes as an extended CONNECT (RFC 8441); only when `session.canConnect`. */
  extended: boolean;
}

/** One stream. The session owns all fields but `owner`. */
export interface H2Stream<Owner> {
  readonly id: number;
  /** The consumer's object for this stream; undefined until set. */
  owner: Owner | undefined;
  /** Bytes that the peer still allows on this stream; the connection has its own, `sendable` counts both. */
  readonly sendWindow: number;
  /** This end has sent, respectively the peer has sent, END_STREAM. */
  readonly localEnded: boolean;
  readonly remoteEnded: boolean;
  /** Reset by either side, or ended on both: nothing can be sent or will be heard any more. */
  readonly closed: boolean;
}

/**
 * What a session tells its consumer, during `receive` (or another call that causes it). The consumer may call the session's
 * methods from within. Heads and data are valid during the call only.
 */
export interface H2Handler<Owner> {
  /** Server: a new stream with its request. Client: the response's head, or an informational one (`head.status` < 200; more follows). */
  head(stream: H2Stream<Owner>, head: H2Head, endStream: boolean): void;
  /** A head or trailer section over the limits. The stream is open still: reply or `reset` it. `endStream` as sent. */
  headRefused(stream: H2Stream<Owner>, reason: H2HeadRefusal, endStream: boolean): void;
  /** Payload, possibly of length 0 when it only ends the stream. Its bytes count against the window until `consumed`. */
  data(stream: H2Stream<Owner>, data: H2Data): void;
  /** The message ends with these trailers. */
  trailers(stream: H2Stream<Owner>, head: H2Head): void;
  /**
   * The stream is over before its end: reset by the peer (`by` 'peer'), refused by its GOAWAY or the end of the connection ('goaway':
   * never processed, safe to try again elsewhere), or reset by the session because the peer broke a rule ('session').
   */
  reset(stream: H2Stream<Owner>, code: number, by: 'peer' | 'goaway' | 'session'): void;
  /** A stream whose `writeData` took less than it was given may go on. */
  writable(stream: H2Stream<Owner>): void;
  /** The peer's SETTINGS came: `session.canOpen` and windows may be different. */
  settings(): void;
  /** The peer drains: open no stream here (`canOpen` is 0 from now on); those it will not process have been told by `reset`. */
  goaway(lastStreamId: number, code: number): void;
  /** The answer to `session.ping`. */
  pong(): void;
  /**
   * The peer broke the connection's rules: a GOAWAY stands in the output; write it out, then close. Every stream was told by `reset`
   * before. `reason` is a stable word for logs and statistics (`http2.<reason>`).
   */
  failed(code: number, reason: string): void;
}

/**
 * One HTTP/2 connection (RFC 9113) without its socket: takes bytes, tells a handler, writes frames into an output. It keeps the states
 * of streams, both flow-control windows, SETTINGS, the content-length of messages and the flood limits. `createH2Session` makes one.
 *
 * A server session writes its SETTINGS at once, a client session its preface too: write the output out after creating it, and after
 * every event loop turn in which something was called; then tell `flushed`.
 */
export interface H2Session<Owner> {
  /** Takes what came from the socket. False = the connection has failed (`handler.failed` was called): nothing more is taken. */
  receive(bytes: Uint8Array, start: number, end: number): boolean;
  /** The socket ended or broke: every open stream hears `reset` (cancel, 'session'). */
  disconnected(): void;
  /** The socket has taken all that was written so far. */
  flushed(): void;

  /** Streams open now. */
  readonly openStreams: number;
  /** Whom they belong to. */
  owners(): Owner[];
  /** Client: how many more streams may be opened now (peer's limit, GOAWAY, ids). */
  readonly canOpen: number;
  /** Client: the peer's first SETTINGS have come. */
  readonly ready: boolean;
  /** Client: the peer offers extended CONNECT. */
  readonly canConnect: boolean;
  /** The connection has failed or `disconnected`. */
  readonly dead: boolean;

  /** Client: opens a stream with a request. `canOpen` must be > 0. */
  request(owner: Owner, head: H2Outgoing): H2Stream<Owner>;
  /** Server: sends a response head; with a status < 200 an informational one. */
  respond(stream: H2Stream<Owner>, head: H2Outgoing): void;
  /** How much `writeData` would take now, in bytes. */
  sendable(stream: H2Stream<Owner>): number;
  /** Sends payload as far as the windows allow; answers how many bytes were taken. When fewer than given, `handler.writable` tells when to go on. */
  writeData(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): number;
  /** The same for the last payload (may be none): when all is taken, the stream is ended with it. */
  writeLast(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): number;
  /** Ends the stream with trailers: `bytes[start, end)` are lines as in `H2Head`, an empty line at the end may be there. */
  writeTrailers(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): void;
  /** `byteCount` of the received payload has gone on: the peer may send as much again. Until then it counts against the windows. */
  consumed(stream: H2Stream<Owner>, byteCount: number): void;
  /** Resets the stream (`H2_ERROR`); the handler is not told. Nothing happens when it is closed. */
  reset(stream: H2Stream<Owner>, code: number): void;

  /** Sends a PING; `handler.pong` tells the answer. */
  ping(): void;
  /** Server: GOAWAY that lets streams under way on the wire still come (last stream id 2^31-1). */
  drain(): void;
  /** GOAWAY with the last stream taken; no new stream of the peer is taken from now on (refused, safe to retry). */
  goaway(code: number): void;
}
