import type { Clock, Timer, Timers } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { remainingRoutes } from './ending-routes.ts';
import type { ResourceStore } from './resource-store.ts';

/** Takes routes that end by themselves out of what the agent holds when their time comes, whether the control plane is there or not. */
export interface RouteEnds {
  /** These route tables are new, or gone, or older ones count again. */
  changed(names: Iterable<string>): void;
}

export interface RouteEndsOptions {
  readonly store: ResourceStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly timers: Timers;
  /** These tables are others now. */
  readonly onEnded: (names: ReadonlySet<string>) => void;
}

/** The wall clock may be set while one waits. */
const MAX_WAIT_MS = 60_000;

export function createRouteEnds({ store, clock, timers, onEnded }: RouteEndsOptions): RouteEnds {
  const nextMs = new Map<string, number>();
  let timer: Timer | undefined;

  /** True when something in the table has ended. */
  const look = (name: string): boolean => {
    const known = store.lookup(TYPE_URL.route, name);
    const remaining = known.t === 'resource' ? remainingRoutes(known.resource.bytes, clock.now()) : undefined;
    if (known.t !== 'resource' || remaining === undefined) {
      nextMs.delete(name);
      return false;
    }
    if (remaining.nextMs === Infinity) nextMs.delete(name);
    else nextMs.set(name, remaining.nextMs);
    if (remaining.bytes === known.resource.bytes) return false;
    store.replace(TYPE_URL.route, { ...known.resource, bytes: remaining.bytes, version: `${known.resource.version}+ended` });
    return true;
  };
  const arm = (): void => {
    timer?.cancel();
    timer = undefined;
    const first = Math.min(...nextMs.values());
    if (first !== Infinity) timer = timers.after(Math.min(Math.max(first - clock.now(), 1), MAX_WAIT_MS), () => tell(nextMs.keys()));
  };
  const tell = (names: Iterable<string>): void => {
    const ended = new Set([...names].filter(look));
    arm();
    if (ended.size > 0) onEnded(ended);
  };
  return { changed: tell };
}
