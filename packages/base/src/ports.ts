/** Time as a port. `now` is wall-clock milliseconds since the epoch, `monotonic` milliseconds since an unspecified start. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** A timer as a port; `cancel` is idempotent. */
export interface Timers {
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Randomness as a port. `next` is uniform in [0, 1). */
export interface Random {
  next(): number;
}

/** A structured, levelled log. Values must never hold a secret. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log that says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
