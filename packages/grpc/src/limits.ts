import type { Http2Session } from 'node:http2';
import type { GrpcLimits } from './types.ts';

export const DEFAULT_LIMITS: Required<GrpcLimits> = {
  maxMessageBytes: 16 * 1024 * 1024,
  maxHeaderBytes: 16 * 1024,
  maxStreams: 100,
  firstMessageTimeoutMs: 30_000,
  maxConnections: 10_000,
};

/** What one stream, and one connection, may have in flight towards us. */
export const WINDOW_BYTES = 1024 * 1024;

/** What a client may send on a stream before we read it: a server has many of them, and they come all at once. */
export const SERVER_WINDOW_BYTES = 64 * 1024;

/**
 * Lets all streams of a connection together have more in flight than one. Bun (1.4) gives no window back any more once it was told a size:
 * the connection would stand still after that many bytes.
 */
export function widenWindow(session: Http2Session): void {
  if (process.versions['bun'] === undefined) session.setLocalWindowSize(WINDOW_BYTES * 4);
}

/** Node's own bound per HTTP/2 session: room for some large pushes that a slow client has not read yet. */
export const SESSION_MEMORY_MB = 256;

/**
 * TLS, and a connection that opened no stream yet: long enough for hundreds that come at once while we have little CPU. Whom we turn away comes again, and
 * costs as much once more.
 */
export const HANDSHAKE_TIMEOUT_MS = 60_000;
export const FIRST_STREAM_TIMEOUT_MS = 30_000;
/** A connection that has no stream any more. */
export const IDLE_TIMEOUT_MS = 300_000;

/** How often a connection with open calls is probed, and how long an answer may take. */
export const KEEPALIVE_MS = 20_000;
export const KEEPALIVE_TIMEOUT_MS = 10_000;
