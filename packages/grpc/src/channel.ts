import type { GrpcStatus } from './status.ts';
import type { GrpcLimits, GrpcMetadata, ListenTarget, TlsClientOptions } from './types.ts';

export interface ChannelOptions {
  readonly target: ListenTarget;
  /** Absent: plain text. A function is asked at every new connection, so rotated certificates are used from then on. */
  readonly tls?: TlsClientOptions | (() => TlsClientOptions);
  /** Default 5 000. */
  readonly connectTimeoutMs?: number;
  /** HTTP/2 PING after this silence while calls are open; unanswered for `keepaliveTimeoutMs` the connection is dropped. Default 20 000; 0: never. */
  readonly keepaliveMs?: number;
  /** Default 10 000. */
  readonly keepaliveTimeoutMs?: number;
  readonly limits?: Pick<GrpcLimits, 'maxMessageBytes' | 'maxHeaderBytes'>;
  /** `:authority`; default the target's host (`localhost` for a Unix socket). */
  readonly authority?: string;
}

export type ChannelState =
  | { readonly t: 'idle' }
  | { readonly t: 'connecting' }
  | { readonly t: 'ready' }
  | { readonly t: 'failed'; readonly reason: string }
  | { readonly t: 'closed' };

export interface CallOptions {
  readonly metadata?: GrpcMetadata;
  /** Also sent as `grpc-timeout`. Default none for streams, 10 000 for unary. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Events of one call on the client. */
export interface ClientListener {
  onMessage(message: Uint8Array): void;
  /** The call is over; called exactly once, also when the connection failed (UNAVAILABLE). */
  onEnd(status: GrpcStatus, trailers: GrpcMetadata): void;
}

export interface ClientCall {
  /** One message, or parts of one. False: wait for `onDrain`. Ignored after the end. */
  write(message: Uint8Array | readonly Uint8Array[]): boolean;
  onDrain(run: () => void): void;
  /** No more messages from here. */
  halfClose(): void;
  /** Ends the call as CANCELLED. Idempotent. */
  cancel(): void;
}

/** A connection to one server, made when the first call needs it and again when it was lost. It does not back off: callers do. */
export interface Channel extends AsyncDisposable {
  readonly state: ChannelState;
  /** Called at each change of state; returns what stops that. */
  onState(run: (state: ChannelState) => void): () => void;
  /** One request, one response. Throws MeshError `grpc/<status in lower case>` (`grpc/unavailable`) for any status but OK. */
  unary(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  stream(path: string, listener: ClientListener, options?: CallOptions): ClientCall;
  /** The next call opens a new connection; calls on the present one go on. For rotated certificates. */
  refresh(): void;
  close(): Promise<void>;
}

/** A channel in state idle. */
export function createChannel(options: ChannelOptions): Channel {
  throw new Error(`in work ${String(options)}`);
}
