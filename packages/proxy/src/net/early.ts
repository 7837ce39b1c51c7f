import type { TimerWheel } from '../core/timer-wheel.ts';

/** How long a connection may be looked at before it is one. */
export interface Patience {
  readonly wheel: TimerWheel;
  /** Monotonic ms, for all filters of the listener together; Infinity = without end. */
  readonly untilMs: number;
  /** After that the connection goes on as it is; else it is closed. */
  readonly goesOn: boolean;
  /** Told once when the time is up before it was known what to do. */
  readonly onLate: () => void;
}
