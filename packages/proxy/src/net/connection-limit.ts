import type { Socket } from 'node:net';
import type { CompiledChain } from '@meltemi/runtime';
import { createDeadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';

/** Whether a connection of a chain with limits is within all of them; one that is not is closed after the delay its filter asks for. */
export function withinLimits({ counters, wheel }: Worker, limits: NonNullable<CompiledChain['limits']>, socket: Socket): boolean {
  const count = (statPrefix: string, what: string, by: number): void => {
    const name = `connection_limit.${statPrefix}.${what}`;
    counters.set(name, (counters.get(name) ?? 0) + by);
  };
  const over = limits.find(({ active, config }) => active >= config.maxConnections);
  if (over === undefined) {
    for (const limit of limits) {
      limit.active++;
      count(limit.config.statPrefix, 'active_connections', 1);
    }
    socket.once('close', () => {
      for (const limit of limits) {
        limit.active--;
        count(limit.config.statPrefix, 'active_connections', -1);
      }
    });
    return true;
  }
  const { statPrefix, delayMs } = over.config;
  count(statPrefix, 'limited_connections', 1);
  if (delayMs === 0) {
    socket.destroy();
    return false;
  }
  // Not read from meanwhile: whoever is over the limit makes no work.
  socket.pause();
  const deadline = createDeadline(() => socket.destroy());
  socket.once('close', () => wheel.remove(deadline));
  wheel.set(deadline, wheel.now(), delayMs);
  return false;
}
