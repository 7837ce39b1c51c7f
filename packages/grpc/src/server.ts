import { constants as cryptoConstants } from 'node:crypto';
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { MeshError, silentLog, type Log } from '@meltemi/base';
import { keepAlive } from './keepalive.ts';
import {
  DEFAULT_LIMITS,
  FIRST_STREAM_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  KEEPALIVE_MS,
  KEEPALIVE_TIMEOUT_MS,
  SESSION_MEMORY_MB,
  SERVER_WINDOW_BYTES,
  widenWindow,
} from './limits.ts';
import { listenOn } from './listen.ts';
import { hasExpired, peerOf } from './peer.ts';
import { refuse, serveCall, type MethodHandler, type ServerCall } from './server-call.ts';
import { Status } from './status.ts';
import type { Bound, GrpcLimits, ListenTarget, TlsServerOptions } from './types.ts';

export interface GrpcServerOptions {
  /** By path: `/package.Service/Method`. */
  readonly methods: Readonly<Record<string, MethodHandler>>;
  /** Absent: plain text. */
  readonly tls?: TlsServerOptions;
  readonly limits?: GrpcLimits;
  readonly log?: Log;
}

/** From the end of calls to the end of their sessions, and from there to the end of sockets whose peer says nothing. */
const TRAILERS_MS = 50;
const FAREWELL_MS = 200;

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
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const log = options.log ?? silentLog;
  const sessions = new Set<ServerHttp2Session>();
  const calls = new Set<ServerCall>();
  const sockets = trackSockets();
  let closing: Promise<void> | undefined;
  const server = createHttp2Server(limits, options.tls);

  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('session', (session) => {
    sessions.add(session);
    superviseSession(session);
    session.once('close', () => sessions.delete(session));
  });
  // Broken clients are everyday life: their sockets are gone, nothing else happens.
  server.on('sessionError', (error: Error) => log.debug('gRPC session failed', { error: error.message }));
  server.on('tlsClientError', (error: Error) => log.debug('TLS handshake failed', { error: error.message }));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const path = String(headers[':path']);
    const method = Object.hasOwn(options.methods, path) ? options.methods[path] : undefined;
    const wrong = closing === undefined ? faultOf(headers, method) : { code: Status.UNAVAILABLE, message: 'shutting down' };
    if (wrong !== undefined || method === undefined) return refuse(stream, wrong ?? { code: Status.UNIMPLEMENTED });
    const socket = stream.session?.socket;
    if (socket === undefined || stream.destroyed) return;
    const peer = peerOf(socket as never);
    if (hasExpired(peer)) {
      refuse(stream, { code: Status.UNAVAILABLE, message: 'the certificate of this connection has expired; connect again with the current one' });
      // The client's next call makes a new connection.
      return stream.session?.close();
    }
    const call = serveCall(stream, headers, { peer, handler: method, limits });
    calls.add(call);
    stream.once('close', () => calls.delete(call));
  });

  return {
    listen: (target) => listenOn(server, target),
    setSecureContext(tls) {
      const context = tlsOptions(tls);
      try {
        createSecureContext(context);
      } catch (error) {
        throw new MeshError('grpc/tls', `The certificate or key cannot be used: ${MeshError.from(error, 'grpc/tls').message}`, { cause: error });
      }
      (server as unknown as TlsServer).setSecureContext(context);
    },
    get openCalls() {
      return calls.size;
    },
    close(graceMs = 0) {
      closing ??= closeServer({ server, sessions, calls, sockets }, graceMs);
      return closing;
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}

interface Open {
  readonly server: http2.Http2Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly calls: ReadonlySet<ServerCall>;
  readonly sockets: ReturnType<typeof trackSockets>;
}

async function closeServer({ server, sessions, calls, sockets }: Open, graceMs: number): Promise<void> {
  const gone = new Promise<void>((resolve) => server.close(() => resolve()));
  // server.close() reports an error when it never listened; sessions still have to go.
  for (const session of sessions) session.close();
  const cut = setTimeout(() => {
    for (const call of calls) call.end({ code: Status.UNAVAILABLE, message: 'shutting down' });
    // One turn for the trailers to be written, then no mercy.
    setTimeout(() => {
      for (const session of sessions) session.destroy();
      sockets.destroySoon();
    }, TRAILERS_MS);
  }, graceMs);
  await gone;
  clearTimeout(cut);
  for (const session of sessions) session.destroy();
}

/** A session that is destroyed still waits for its peer to take the last bytes; one that is gone without a word never does. */
function trackSockets(): { add(socket: Socket): void; destroySoon(): void } {
  const sockets = new Set<Socket>();
  return {
    add(socket) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
    destroySoon() {
      setTimeout(() => sockets.forEach((socket) => socket.destroy()), FAREWELL_MS).unref();
    },
  };
}

function createHttp2Server(limits: Required<GrpcLimits>, tls: TlsServerOptions | undefined): http2.Http2Server {
  const common = {
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: {
      enablePush: false,
      initialWindowSize: SERVER_WINDOW_BYTES,
      maxConcurrentStreams: limits.maxStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
    },
    maxHeaderListPairs: 128,
  };
  let server: http2.Http2Server;
  try {
    server =
      tls === undefined
        ? http2.createServer(common)
        : (http2.createSecureServer({ ...common, ...tlsOptions(tls), ...TLS_BEHAVIOUR }) as unknown as http2.Http2Server);
  } catch (error) {
    throw new MeshError('grpc/tls', `The certificate or key cannot be used: ${MeshError.from(error, 'grpc/tls').message}`, { cause: error });
  }
  server.maxConnections = limits.maxConnections;
  return server;
}

// Certificates are asked for and judged per call: a caller without one may still sign in with a token. No session tickets: a resumed
// session would carry an identity that was checked against older roots.
const TLS_BEHAVIOUR = {
  requestCert: true,
  rejectUnauthorized: false,
  ALPNProtocols: ['h2'],
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
};

function tlsOptions(tls: TlsServerOptions): SecureContextOptions {
  return {
    cert: tls.certificateChain,
    key: tls.privateKey,
    ...(tls.trustedCa === undefined ? {} : { ca: tls.trustedCa }),
    minVersion: 'TLSv1.2',
    secureOptions: cryptoConstants.SSL_OP_NO_TICKET,
  };
}

function superviseSession(session: ServerHttp2Session): void {
  session.on('error', () => {});
  widenWindow(session);
  let open = 0;
  /** A turn later: after a long one of ours, what the peer has sent meanwhile is read first. */
  const closeUnused = (): void => void setImmediate(() => open === 0 && session.close());
  // A connection must show a first call soon, and may idle a while between calls.
  let idle: NodeJS.Timeout | undefined = setTimeout(closeUnused, FIRST_STREAM_TIMEOUT_MS);
  session.on('stream', (stream) => {
    clearTimeout(idle);
    open++;
    stream.once('close', () => {
      open--;
      if (open === 0 && !session.closed) {
        clearTimeout(idle);
        idle = setTimeout(() => session.close(), IDLE_TIMEOUT_MS);
        idle.unref();
      }
    });
  });
  session.once('close', () => clearTimeout(idle));
  keepAlive(session, KEEPALIVE_MS, KEEPALIVE_TIMEOUT_MS, () => open > 0);
}

/** Why a request is no call of ours. */
function faultOf(headers: IncomingHttpHeaders, method: MethodHandler | undefined) {
  if (headers[':method'] !== 'POST' || headers['content-type']?.startsWith('application/grpc') !== true) {
    return { code: Status.INTERNAL, message: 'not a gRPC request' };
  }
  if (method === undefined) return { code: Status.UNIMPLEMENTED, message: `unknown method ${String(headers[':path']).slice(0, 200)}` };
  const encoding = headers['grpc-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    return { code: Status.UNIMPLEMENTED, message: `grpc-encoding ${String(encoding)} is not supported` };
  return undefined;
}
