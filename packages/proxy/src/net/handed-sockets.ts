import type { Server } from 'node:net';
import { hostPort } from './addresses.ts';

/** A listening socket as Node hands it from process to process; `close` gives this process's part of it up. */
export interface SocketHandle {
  close(): void;
}

/**
 * Listening sockets between a proxy and its successor. Both then accept from one queue, so that none is lost when the first one closes its part; where several
 * sockets can share a port and the kernel moves waiting connections between them, that is done instead. A process has one set of descriptors, hence one of these.
 */
const given = new Map<string, SocketHandle>();
const bound = new Map<string, Server>();

/** A socket of the predecessor, under the address that it was bound by. */
export function keepGiven(key: string, handle: SocketHandle): void {
  given.set(key, handle);
}

/** What the configuration has no more use for. */
export function dropGiven(): void {
  for (const handle of given.values()) handle.close();
  given.clear();
}

/** The sockets that this process listens on, for its successor. */
export function socketsToGive(): readonly (readonly [key: string, handle: SocketHandle])[] {
  return [...bound].flatMap(([key, server]) => {
    const { _handle: handle } = server as Server & { readonly _handle?: SocketHandle | null };
    return handle === undefined || handle === null ? [] : [[key, handle] as const];
  });
}

export interface ListenPlace {
  readonly address: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly backlog?: number;
}

/** Listens with the socket that was given for this address, else with one of its own. */
export function listenAt(server: Server, { address, port, reusePort, backlog }: ListenPlace, listening: () => void): void {
  const key = hostPort(address, port);
  if (port !== 0) {
    bound.set(key, server);
    server.once('close', () => {
      if (bound.get(key) === server) bound.delete(key);
    });
  }
  const handle = given.get(key);
  given.delete(key);
  if (handle !== undefined) server.listen(handle, listening);
  else server.listen({ host: address, port, ...(backlog === undefined ? {} : { backlog }), ...(reusePort ? { reusePort } : {}) }, listening);
}
