import type { ActiveFilter, FilterVerdict, PayloadTransform } from '@meltemi/runtime';
import type { Exchange } from '../exchange.ts';
import type { StageMaker } from '../payload.ts';

/** What a filter that asks gets to hear, and where its answer goes. */
export interface AskCall {
  readonly x: Exchange;
  readonly filter: ActiveFilter;
  /** Goes on with the request; undefined = as it is. Only the first call counts, and none after the request has ended. */
  done(verdict: FilterVerdict | undefined): void;
}

/** The half of a filter kind that does I/O or works on payloads. The other half, which decides, is the runtime's. */
export interface FilterHalf<Q = unknown> {
  /** The kind. */
  readonly t: string;
  /**
   * Puts the question of a verdict (`verdict.ask`). It may answer before it returns; else it returns what gives the question up, which is
   * called when the request ends first. While it runs, the request's bytes must not be read.
   */
  ask?(question: Q, call: AskCall): (() => void) | undefined;
  /** Makes the stage of a payload transform. */
  transform?(settings: PayloadTransform, x: Exchange): StageMaker;
}

/** Counts what the filter has a statistic for. */
export function count({ x, filter }: AskCall, name: string): void {
  filter.stats?.[name]?.count(x.worker.counters);
}

/** Takes a half into the table, which does not know what each one's questions look like. */
export function defineHalf<Q>(half: FilterHalf<Q>): FilterHalf {
  // A half is asked only what its own kind's verdicts hold.
  return half as FilterHalf;
}
