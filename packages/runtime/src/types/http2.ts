/** Settings of HTTP/2 connections (Envoy's Http2ProtocolOptions), as far as this proxy honours them. Sizes are bytes. */
export interface Http2Options {
  /** Dynamic table that the peer's encoder may use. */
  readonly headerTableSize: number;
  /** Streams at once: what clients are told, and what is asked of an upstream at most. */
  readonly maxConcurrentStreams: number;
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Extended CONNECT (RFC 8441). */
  readonly allowConnect: boolean;
  readonly maxOutboundControlFrames: number;
  readonly maxEmptyFrames: number;
  readonly maxPriorityFramesPerStream: number;
  readonly maxWindowUpdatesPerDataFrame: number;
  /** Absent = the peer is not asked whether it lives. */
  readonly keepalive?: Http2Keepalive;
}

/** PINGs to see whether the peer lives. */
export interface Http2Keepalive {
  /** 0 = not at intervals. */
  readonly intervalMs: number;
  /** A PING that is not answered within this time ends the connection. */
  readonly timeoutMs: number;
  /** So much of the interval is added at random, 0..1. */
  readonly jitter: number;
  /** After so long without a byte, the next request waits for nobody but asks first whether the peer lives; 0 = never. */
  readonly idleIntervalMs: number;
}
