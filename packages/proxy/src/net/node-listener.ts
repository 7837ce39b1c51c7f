import { createServer, type Server, type Socket } from 'node:net';
import { MeshError } from '@meltemi/base';
import { hostPort } from './addresses.ts';
import { listenAt } from './handed-sockets.ts';

const USUAL_BACKLOG = 4096;

/** A bound listening socket. */
export interface BoundSocket {
  readonly address: string;
  readonly port: number;
  /** How many connections may wait to be accepted, from now on; undefined = as many as usual. */
  waiting(backlog: number | undefined): void;
  /** Stops accepting; connections that are open go on. */
  close(): Promise<void>;
}

/**
 * Whether other sockets may listen on the same addresses (`SO_REUSEPORT`). `own`: none may. `first`: later ones may, but nobody does so now.
 * `shared`: others of ours do so already. `given`: none may, but the predecessor gives its sockets.
 */
export type PortSharing = 'own' | 'first' | 'shared' | 'given';

/** Binds and listens; `port` 0 takes a free one. Throws MeshError `proxy/listen`. */
export async function listen(address: string, port: number, sharing: PortSharing, accept: (socket: Socket) => void): Promise<BoundSocket> {
  if (sharing === 'own' || sharing === 'given' || port === 0) return bind(address, port, false, accept);
  // With sharing the kernel would give half of somebody else's connections to us, and say nothing.
  if (sharing === 'first') await (await bind(address, port, false, (socket) => socket.destroy())).close();
  return bind(address, port, true, accept);
}

function bind(address: string, port: number, reusePort: boolean, accept: (socket: Socket) => void): Promise<BoundSocket> {
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new MeshError('proxy/listen', `cannot listen on ${hostPort(address, port)}: ${cause.message}`, { cause }));
    });
    listenAt(server, { address, port, reusePort, backlog: USUAL_BACKLOG }, () => {
      server.removeAllListeners('error');
      // Running out of descriptors must not end the process; the kernel keeps what it cannot hand over.
      server.on('error', () => {});
      const bound = server.address();
      const realPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      const { _handle: handle } = server as Server & { readonly _handle?: { listen(backlog: number): number } | null };
      // The kernel takes another number from a second call; nobody who waits is lost by it.
      const waiting = (backlog = USUAL_BACKLOG): void => void handle?.listen(backlog);
      resolve({ address, port: realPort, waiting, close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
