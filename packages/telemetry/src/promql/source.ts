import type { Labels } from '../metrics/registry.ts';
import type { LabelMatcher } from './ast.ts';

/** Raw samples of one series, ascending in time, milliseconds since the epoch. `labels` has `__name__`. */
export interface SeriesData {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** The series ended here (its sender is gone): an instant selector finds nothing from then on, though five minutes are not over. */
  readonly staleAtMs?: number | undefined;
}

/** Where an evaluator takes series from. */
export interface SeriesSource {
  /** All series that match every matcher, with their samples in `(startMs, endMs]`; series without any sample there may be left out. */
  select(matchers: readonly LabelMatcher[], startMs: number, endMs: number): readonly SeriesData[];
}
