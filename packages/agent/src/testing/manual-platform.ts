import { silentLog } from '@meltemi/base';
import type { Platform } from '../platform.ts';

/** Time that a test moves by hand, for parts that set one timer at a time. */
export interface ManualPlatform {
  readonly platform: Platform;
  /** Resolves with the delay of the timer that is set, or will be set next. */
  armed(): Promise<number>;
  /** Moves the clock to the end of the timer that is set, and runs it. */
  fire(): void;
  /** Moves the clock alone. */
  pass(ms: number): void;
}

/** `random` is what the random port answers. */
export function createManualPlatform(nowMs: number, random = 0.5): ManualPlatform {
  let now = nowMs;
  let timer: { readonly delayMs: number; readonly run: () => void } | undefined;
  let waiting = Promise.withResolvers<number>();
  return {
    platform: {
      clock: { now: () => now, monotonic: () => now },
      timers: {
        after(delayMs, run) {
          const mine = { delayMs, run };
          timer = mine;
          waiting.resolve(delayMs);
          return { cancel: () => void (timer === mine && (timer = undefined)) };
        },
      },
      random: { next: () => random },
      log: silentLog,
    },
    armed: () => (timer === undefined ? waiting.promise : Promise.resolve(timer.delayMs)),
    fire() {
      if (timer === undefined) throw new Error('no timer is set');
      const { delayMs, run } = timer;
      timer = undefined;
      waiting = Promise.withResolvers();
      now += delayMs;
      run();
    },
    pass(ms) {
      now += ms;
    },
  };
}
