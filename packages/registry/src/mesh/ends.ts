import { expiresAtMs, mayExpire, type Config } from '@meltemi/api';
import type { Clock, Timer, Timers } from '@meltemi/base';

/** Time as objects that end by themselves need it; without it they stay. */
export interface InputTime {
  readonly clock: Pick<Clock, 'now'>;
  readonly timers: Timers;
}

/** The objects that end by themselves, and when. */
export function createEnds(time: InputTime | undefined) {
  const at = new Map<string, number>();
  /** For the first that ends, or for one that ended first and was taken back. */
  let due: { readonly atMs: number; readonly timer: Timer } | undefined;
  const ends = {
    onEnd: (_keys: readonly string[]): void => {},
    /** Remembers when the object ends; true = it has ended. */
    isOver(key: string, { kind, meta }: Config): boolean {
      const endMs = time === undefined || !mayExpire(kind) ? undefined : expiresAtMs(meta);
      if (time === undefined || endMs === undefined) {
        at.delete(key);
        return false;
      }
      if (endMs <= time.clock.now()) return true;
      at.set(key, endMs);
      if (due === undefined || endMs < due.atMs) arm(time, endMs);
      return false;
    },
    forget: (key: string): void => void at.delete(key),
    close: (): void => due?.timer.cancel(),
  };
  const arm = (ports: InputTime, atMs: number): void => {
    due?.timer.cancel();
    const timer = ports.timers.after(Math.min(Math.max(atMs - ports.clock.now(), 1), MAX_WAIT_MS), () => look(ports));
    due = { atMs, timer };
  };
  const look = (ports: InputTime): void => {
    due = undefined;
    const now = ports.clock.now();
    const over: string[] = [];
    let next = Infinity;
    for (const [key, endMs] of at) {
      if (endMs <= now) over.push(key);
      else next = Math.min(next, endMs);
    }
    for (const key of over) at.delete(key);
    if (next !== Infinity) arm(ports, next);
    if (over.length > 0) ends.onEnd(over);
  };
  return ends;
}

/** Timers of the host count no further than some weeks; the wall clock may be set meanwhile. */
const MAX_WAIT_MS = 60_000;
