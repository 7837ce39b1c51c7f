import type { Clock, Timer, Timers } from './ports.ts';

/** Times of the wall clock, in milliseconds since 1970. */
export interface WallSpan {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** So late is it noticed that the clock was set, or that the machine slept. */
const LOOK_EVERY_MS = 10_000;

/**
 * Runs once when the wall clock is no longer within the span: timers stand still while a machine sleeps, and know nothing of a clock that is set. Looks at it
 * for the first time after a wait, so that a span that is over already makes no busy loop.
 */
export function onceOutside(
  { clock, timers }: { readonly clock: Pick<Clock, 'now'>; readonly timers: Timers },
  span: WallSpan,
  run: () => void,
): Timer {
  const wait = (): Timer => timers.after(Math.min(LOOK_EVERY_MS, Math.max(1000, span.untilMs - clock.now())), look);
  const look = (): void => {
    const nowMs = clock.now();
    if (nowMs < span.fromMs || nowMs >= span.untilMs) run();
    else timer = wait();
  };
  let timer = wait();
  return { cancel: () => timer.cancel() };
}
