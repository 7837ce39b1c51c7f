import type { GrpcStatus } from './status.ts';
import type { GrpcMetadata } from './types.ts';

/** Who calls. */
export interface Peer {
  /** Remote IP address; empty on a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** The URI SAN (SPIFFE ID) of a client certificate that verified against the trusted roots; undefined without one. */
  readonly principal: string | undefined;
  /** When that certificate ends, milliseconds since the epoch. */
  readonly certificateExpiresMs: number | undefined;
}

/** One call on the server. Every call ends exactly once, with `onClose` of its listener. */
export interface ServerCall {
  readonly path: string;
  readonly metadata: GrpcMetadata;
  readonly peer: Peer;
  /**
   * Sends one message; a list of parts is one message, sent without joining them. False: the client reads slowly; wait for `onDrain`
   * (the message is queued all the same). After the end a write is ignored and returns false.
   */
  write(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Calls `run` once, when what was written has gone out; at once when nothing waits. */
  onDrain(run: () => void): void;
  /** Ends the call; default status OK. Idempotent. */
  end(status?: GrpcStatus): void;
}

/** What a method does with a call's events. */
export interface CallListener {
  /** One whole message. Valid after return (not reused). A throw ends the call: MeshError as its `grpc/…` status, others as INTERNAL. */
  onMessage(message: Uint8Array): void;
  /** The client has sent all it will send. */
  onHalfClose?(): void;
  /** The call is over, whatever the reason. Called exactly once. */
  onClose?(): void;
}

/** Called once per call; may end it at once (for example as UNAUTHENTICATED). */
export type MethodHandler = (call: ServerCall) => CallListener;

/** A method with one request and one response. A thrown MeshError of code `grpc/<status name in lower case>` becomes that status. */
export function unaryMethod(run: (request: Uint8Array, call: ServerCall) => Uint8Array | Promise<Uint8Array>): MethodHandler {
  throw new Error(`in work ${String(run)}`);
}
