import type { BytesPort } from '../bytes.ts';
import type { H2Handler } from './session-types.ts';

/** Bounds of one connection; what Envoy has too carries its name and default in the comment. */
export interface H2Limits {
  /** Decoded head or trailer section, counted as RFC 9113 section 6.5.2 does (name + value + 32 a field). Told to the peer. Envoy: `max_request_headers_kb` 60. */
  readonly maxHeaderListBytes: number;
  /** Lines of a head or trailer section, at most 254. Envoy: `max_headers_count` 100. */
  readonly maxHeaders: number;
  /** CONTINUATION frames of one block; more is a connection error. */
  readonly maxContinuations: number;
  /** DATA, HEADERS and CONTINUATION frames in a row that carry nothing and end nothing. Envoy: `max_consecutive_inbound_frames_with_empty_payload` 1. */
  readonly maxEmptyFrames: number;
  /** PRIORITY frames per stream opened (and one more for the connection). Envoy: `max_inbound_priority_frames_per_stream` 100. */
  readonly maxPriorityFramesPerStream: number;
  /** WINDOW_UPDATE frames per DATA frame sent, beside 5 + 2 per stream. Envoy: `max_inbound_window_update_frames_per_data_frame_sent` 10. */
  readonly maxWindowUpdatesPerDataFrame: number;
  /** PING acks, SETTINGS acks and RST_STREAMs written and not yet taken by the socket (`flushed`). Envoy: `max_outbound_control_frames` 1000. */
  readonly maxOutboundControlFrames: number;
  /** SETTINGS and GOAWAY frames that may come at once; ten a second are allowed on top for ever. Envoy has only the bound above. */
  readonly maxControlBurst: number;
  /** From this many closed streams on, a peer that made more than half of them end early (reset by it, or by its errors, within `prematureResetMs`) is sent away. Envoy: `premature_reset_total_stream_count` 500. */
  readonly prematureResetStreams: number;
  /** Envoy: `premature_reset_min_stream_lifetime_seconds` 1. */
  readonly prematureResetMs: number;
}

/** Envoy's defaults where it has them. */
export const DEFAULT_H2_LIMITS: H2Limits = {
  maxHeaderListBytes: 60 * 1024,
  maxHeaders: 100,
  maxContinuations: 12,
  maxEmptyFrames: 1,
  maxPriorityFramesPerStream: 100,
  maxWindowUpdatesPerDataFrame: 10,
  maxOutboundControlFrames: 1000,
  maxControlBurst: 1000,
  prematureResetStreams: 500,
  prematureResetMs: 1000,
};

/** What this end tells in its SETTINGS (RFC 9113 section 6.5.2), and the connection's own window. */
export interface H2LocalSettings {
  /** Bytes of the dynamic table that the peer may use. */
  readonly headerTableSize: number;
  /** Streams that the peer may have open; matters for servers. */
  readonly maxConcurrentStreams: number;
  /** Receive window of a stream, in bytes. Envoy: `initial_stream_window_size`. */
  readonly initialWindowSize: number;
  /** Receive window of the connection, in bytes, at least 65535. Envoy: `initial_connection_window_size`. */
  readonly connectionWindowSize: number;
  /** Largest frame payload taken, 16384 to 16777215. */
  readonly maxFrameSize: number;
  /** Extended CONNECT (RFC 8441) is offered. Envoy: `allow_connect`. */
  readonly enableConnectProtocol: boolean;
}

/** Envoy's defaults. */
export const DEFAULT_H2_SETTINGS: H2LocalSettings = {
  headerTableSize: 4096,
  maxConcurrentStreams: 1024,
  initialWindowSize: 16 * 1024 * 1024,
  connectionWindowSize: 24 * 1024 * 1024,
  maxFrameSize: 16384,
  enableConnectProtocol: false,
};

/** Where a session writes its frames. The consumer owns it: one object per connection, or whatever its pools make of it. */
export interface H2Output {
  bytes: Uint8Array;
  /** Bytes in use; frames are appended here. */
  length: number;
  /** Makes room for `size` bytes after `length`; may replace `bytes` (keeping what is in use). */
  reserve(size: number): void;
  /** Appends `from[start, end)`; the host copies faster than a loop does. */
  add(from: Uint8Array, start: number, end: number): void;
}

/** What a session is made of. */
export interface H2SessionOptions<Owner> {
  readonly role: 'server' | 'client';
  readonly port: BytesPort;
  readonly output: H2Output;
  readonly settings: H2LocalSettings;
  readonly limits: H2Limits;
  /** Milliseconds, steadily growing; asked when streams open and close and when control frames come. */
  readonly nowMs: () => number;
  readonly handler: H2Handler<Owner>;
}
