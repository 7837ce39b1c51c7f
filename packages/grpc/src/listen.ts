import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, type AddressInfo, type Server } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { MeshError } from '@meltemi/base';
import type { Bound, ListenTarget } from './types.ts';

const SOCKET_MODE = 0o600;

/** Starts a server on its target. Throws MeshError `grpc/listen`. */
export async function listenOn(server: Server, target: ListenTarget): Promise<Bound> {
  if (!('socketPath' in target)) {
    await listen(server, target);
    const { address, port } = server.address() as AddressInfo;
    return { address, port };
  }
  await removeStale(target.socketPath);
  await listen(server, target);
  chmodSync(target.socketPath, SOCKET_MODE);
  return { address: target.socketPath, port: 0 };
}

function listen(server: Server, target: ListenTarget): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error) => reject(new MeshError('grpc/listen', `Cannot listen on ${describe(target)}: ${error.message}`, { cause: error }));
  server.once('error', onError);
  const started = () => {
    server.off('error', onError);
    resolve();
  };
  if (!('socketPath' in target)) server.listen(target.port, target.host, started);
  else {
    // The mode must be right from the moment the socket exists. Workers cannot set it; the chmod after it then has to do.
    const previous = isMainThread ? process.umask(0o777 & ~SOCKET_MODE) : undefined;
    try {
      server.listen(target.socketPath, started);
    } finally {
      if (previous !== undefined) process.umask(previous);
    }
  }
  return promise;
}

/** A socket file that nobody listens on is what a crash left behind. */
async function removeStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect(path);
  probe.once('connect', () => resolve(false));
  probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  const stale = await promise;
  probe.destroy();
  if (stale) rmSync(path, { force: true });
}

/** A target for messages. */
export function describe(target: ListenTarget): string {
  if ('socketPath' in target) return target.socketPath;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}
