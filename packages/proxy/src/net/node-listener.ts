import { createServer, type Server, type Socket } from 'node:net';
import { MeshError } from '@meltemi/base';
import { hostPort } from './addresses.ts';

/** A bound listening socket. */
export interface BoundSocket {
  readonly address: string;
  readonly port: number;
  /** Stops accepting; connections that are open go on. */
  close(): Promise<void>;
}

/** Binds and listens; `port` 0 takes a free one. Throws MeshError `proxy/listen`. */
export function listen(address: string, port: number, reusePort: boolean, accept: (socket: Socket) => void): Promise<BoundSocket> {
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new MeshError('proxy/listen', `cannot listen on ${hostPort(address, port)}: ${cause.message}`, { cause }));
    });
    server.listen({ host: address, port, backlog: 4096, ...(reusePort ? { reusePort } : {}) }, () => {
      server.removeAllListeners('error');
      // Running out of descriptors must not end the process; the kernel keeps what it cannot hand over.
      server.on('error', () => {});
      const bound = server.address();
      const realPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve({ address, port: realPort, close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}
