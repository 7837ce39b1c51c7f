import type { FailureRefresh } from '@meltemi/runtime';

/** Milliseconds until a name is looked up again that could not be so many times in a row: random, up to a bound that doubles. `random` is below 1. */
export function failureWait({ baseMs, maxMs }: FailureRefresh, failures: number, random: number): number {
  return Math.max(1, random * Math.min(maxMs, baseMs * 2 ** Math.min(failures, 20)));
}
