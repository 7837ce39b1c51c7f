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
  let timer: Timer | undefined;
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
      arm(time);
      return false;
    },
    forget: (key: string): void => void at.delete(key),
    close: (): void => timer?.cancel(),
  };
  const arm = ({ clock, timers }: InputTime): void => {
    timer?.cancel();
    const next = Math.min(...at.values());
    if (next === Infinity) return;
    timer = timers.after(Math.min(Math.max(next - clock.now(), 1), MAX_WAIT_MS), () => {
      const over = [...at].filter(([, endMs]) => endMs <= clock.now()).map(([key]) => key);
      for (const key of over) at.delete(key);
      if (over.length > 0) ends.onEnd(over);
      arm({ clock, timers });
    });
  };
  return ends;
}

/** Timers of the host count no further than some weeks; the wall clock may be set meanwhile. */
const MAX_WAIT_MS = 60_000;
