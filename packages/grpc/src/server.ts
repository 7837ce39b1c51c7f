import type { Log } from '@meltemi/base';
import type { MethodHandler } from './server-call.ts';
import type { Bound, GrpcLimits, ListenTarget, TlsServerOptions } from './types.ts';

export interface GrpcServerOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: Readonly<Record<string, MethodHandler>>;
  /** Absent: plain text. */
  readonly tls?: TlsServerOptions;
  readonly limits?: GrpcLimits;
  readonly log?: Log;
}

/** A gRPC server over HTTP/2. One server listens on one target. */
export interface GrpcServer extends AsyncDisposable {
  /** Throws MeshError `grpc/listen` when the address is taken or not ours. */
  listen(target: ListenTarget): Promise<Bound>;
  /** New connections get this certificate; existing ones stay. Throws MeshError `grpc/tls` for a key that does not fit. */
  setSecureContext(tls: TlsServerOptions): void;
  /** Calls open now. */
  readonly openCalls: number;
  /** No new calls; waits up to `graceMs` (default 0) for open ones, then cuts. All sockets are gone when it resolves. */
  close(graceMs?: number): Promise<void>;
}

/** A server that is not listening yet. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  throw new Error(`in work ${String(options)}`);
}
