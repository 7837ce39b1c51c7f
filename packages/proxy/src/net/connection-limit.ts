import type { Socket } from 'node:net';
import type { ActiveLimit, CompiledChain, Tally } from '@meltemi/runtime';
import { createDeadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';

/** A limit where this thread counts by it. */
interface Place {
  readonly active: Tally;
  readonly limited: Tally;
  /** Counts a connection in; false = there is no room. */
  take(): boolean;
  leave(): void;
}

const places = new WeakMap<ActiveLimit, Place>();

/** Whether a connection of a chain with limits is within all of them, at all threads; one that is not is closed after the delay its filter asks for. */
export function withinLimits(worker: Worker, { chain, limits }: { chain: CompiledChain; limits: readonly ActiveLimit[] }, socket: Socket): boolean {
  const taken: Place[] = [];
  const leave = (): void => {
    for (const place of taken) place.leave();
  };
  for (const [index, limit] of limits.entries()) {
    const place = placeOf(worker, chain, { limit, index });
    if (!place.take()) {
      place.limited.value++;
      leave();
      refuse(worker, limit.config.delayMs, socket);
      return false;
    }
    taken.push(place);
  }
  socket.once('close', leave);
  return true;
}

function refuse({ wheel }: Worker, delayMs: number, socket: Socket): void {
  if (delayMs === 0) {
    socket.destroy();
    return;
  }
  // Not read from meanwhile: whoever is over the limit makes no work.
  socket.pause();
  const deadline = createDeadline(() => socket.destroy());
  socket.once('close', () => wheel.remove(deadline));
  wheel.set(deadline, wheel.now(), delayMs);
}

function placeOf(worker: Worker, chain: CompiledChain, of: { readonly limit: ActiveLimit; readonly index: number }): Place {
  let place = places.get(of.limit);
  if (place === undefined) places.set(of.limit, (place = makePlace(worker, chain, of)));
  return place;
}

function makePlace(
  { counters, shared }: Worker,
  { config: chain, listener }: CompiledChain,
  { limit, index }: { readonly limit: ActiveLimit; readonly index: number },
): Place {
  const { statPrefix, maxConnections } = limit.config;
  const active = counters.gauge(`connection_limit.${statPrefix}.active_connections`);
  const limited = counters.tally(`connection_limit.${statPrefix}.limited_connections`);
  // Threads have no other name for it in common.
  const name = `limit|${listener.name}|${listener.filterChains.indexOf(chain)}|${index}|${JSON.stringify(limit.config)}`;
  const together = shared?.numbers.place(name);
  const add = (by: number): number => {
    if (together !== undefined) return together.add(0, by);
    limit.active += by;
    return limit.active - by;
  };
  return {
    active,
    limited,
    take() {
      if (add(1) >= maxConnections) {
        add(-1);
        return false;
      }
      active.value++;
      return true;
    },
    leave() {
      add(-1);
      active.value--;
    },
  };
}
