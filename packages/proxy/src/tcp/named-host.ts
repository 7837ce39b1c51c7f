import type { CompiledChain, SocketAddress } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { nameCache } from '../dns/caches.ts';
import type { ConnectionInfo } from '../types.ts';

/** Where the server name of a connection leads. */
export interface NamedHost extends SocketAddress {
  readonly hostname: string;
}

/**
 * Looks up the server name that a connection asks for, where its chain has a filter for that. `done(undefined)`: nothing is looked up, or
 * nothing was found, or it may not be named; 'overflow': too many wait. What is returned gives the question up.
 */
export function lookUpServerName(
  worker: Worker,
  chain: CompiledChain,
  { serverName, tls }: ConnectionInfo,
  done: (found: NamedHost | undefined | 'overflow') => void,
): (() => void) | undefined {
  const filter = chain.config.networkFilters.find((item) => item.t === 'sni-forward-proxy');
  const hostname = (serverName === '' ? (tls?.serverName ?? '') : serverName).toLowerCase();
  if (filter === undefined || hostname === '') {
    done(undefined);
    return undefined;
  }
  return nameCache(worker, filter.cache).load(hostname, (answer) => {
    if (answer.t === 'overflow' && answer.of === 'waiting') done('overflow');
    else
      done(answer.t === 'address' && worker.denies?.(answer.address) !== true ? { address: answer.address, port: filter.port, hostname } : undefined);
  });
}
