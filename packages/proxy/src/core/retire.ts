import { isDeepStrictEqual } from 'node:util';
import type { CompiledChain, RuntimeChange } from '@meltemi/runtime';
import { createDeadline } from './timer-wheel.ts';
import type { Worker } from './worker.ts';

/** Istio's drainDuration: what has not ended by then is ended. */
export const RETIRE_MS = 45_000;

/** A chain without where it comes from: another object of configuration that says the same changes nothing. */
const comparable = ({ origin: _origin, ...chain }: CompiledChain['config']): object => chain;

/**
 * Ends the connections of chains that the configuration no longer has, in good order: those of HTTP with their next response, the others
 * after a while. A rule that got stricter must not be walked around on a connection of before; one whose chain is the same stays.
 */
export function retireConnections(worker: Pick<Worker, 'connections' | 'wheel'>, change: RuntimeChange, retireMs = RETIRE_MS): void {
  const listeners = new Map(change.listeners.map(({ config }) => [config.name, config]));
  const removed = new Set(change.removedListeners);
  if (listeners.size === 0 && removed.size === 0) return;
  const verdicts = new Map<CompiledChain, boolean>();
  const isGone = (chain: CompiledChain): boolean => {
    const { name } = chain.listener;
    const now = listeners.get(name);
    if (now === undefined) return removed.has(name);
    const chains = now.defaultFilterChain === undefined ? now.filterChains : [...now.filterChains, now.defaultFilterChain];
    return !chains.some((candidate) => isDeepStrictEqual(comparable(candidate), comparable(chain.config)));
  };
  const retired = [...worker.connections].filter(({ chain }) => {
    let gone = verdicts.get(chain);
    if (gone === undefined) verdicts.set(chain, (gone = isGone(chain)));
    return gone;
  });
  if (retired.length === 0) return;
  for (const connection of retired) connection.retire();
  const deadline = createDeadline(() => {
    for (const connection of retired) if (worker.connections.has(connection)) connection.destroy();
  });
  worker.wheel.set(deadline, worker.wheel.now(), retireMs);
}
