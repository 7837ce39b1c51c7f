import type { FilterPeer, PeerIdentity } from '@meltemi/runtime';
import type { Accepted, Worker } from '../core/worker.ts';
import type { ConnectionInfo } from '../types.ts';

/** Why the filters before a chain's terminal one refuse a connection; undefined = they do not. */
export function refusalOf(worker: Worker, { chain, connection }: Accepted): string | undefined {
  if (chain.admit === undefined) return undefined;
  return chain.admit(connectionPeer(connection), worker.counters);
}

/** The peer as a policy sees it before there is a request: no header names another client. */
function connectionPeer(connection: ConnectionInfo): FilterPeer {
  const { directAddress, directPort, remoteAddress, originalAddress, originalPort, serverName, tls, told } = connection;
  return {
    connection,
    directAddress,
    directPort,
    sourceAddress: remoteAddress,
    remoteAddress,
    localAddress: originalAddress,
    localPort: originalPort,
    serverName: serverName === '' ? (tls?.serverName ?? '') : serverName,
    tls: tls satisfies PeerIdentity | undefined,
    connectionMetadata: told?.metadata,
  };
}
