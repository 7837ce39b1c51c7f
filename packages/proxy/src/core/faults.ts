import type { Log } from '@meltemi/base';
import type { Tallies } from '@meltemi/runtime';

/** Envoy has no such statistic: there a fault of this kind is the end of the process. */
const INTERNAL_ERRORS = 'server.internal_errors';

/** So many faults are logged with all that is known; what comes more often is counted. */
const LOGGED = 100;

/**
 * Errors that nobody expected in the handling of one connection, caught where events of sockets and timers come in: they cost that
 * connection, a line and a count, and not the process with everybody else's connections.
 */
export class Faults {
  readonly #log: Log;
  readonly #counters: Tallies;
  /** Whatever owned the broken connection is forgotten. */
  readonly #forget: (owner: object) => void;

  constructor(log: Log, counters: Tallies, forget: (owner: object) => void) {
    this.#log = log;
    this.#counters = counters;
    this.#forget = forget;
  }

  /** `place`: where it was caught. */
  report(place: string, error: unknown): void {
    const count = ++this.#counters.tally(INTERNAL_ERRORS).value;
    if (count <= LOGGED) this.#log.error('an internal error ended a connection', { place, error: textOf(error) });
  }

  /** Its connection is closed, and it could not even be told. */
  forget(owner: object): void {
    this.#forget(owner);
  }

  /** Runs what an event asks for; `broken` is called when that fails. */
  guard(place: string, run: () => void, broken: () => void): void {
    try {
      run();
    } catch (error) {
      this.report(place, error);
      broken();
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
