import type { StringMatch } from './common.ts';

/** `type.matcher.v3.ValueMatcher`. */
export type ValueMatch =
  | { readonly t: 'null' }
  | { readonly t: 'number'; readonly start: number; /** Exclusive; equal to `start` = that number exactly. */ readonly end: number }
  | { readonly t: 'string'; readonly match: StringMatch }
  | { readonly t: 'bool'; readonly value: boolean }
  | { readonly t: 'present'; readonly value: boolean }
  /** Some element of a list. */
  | { readonly t: 'list'; readonly match: ValueMatch }
  | { readonly t: 'or'; readonly matches: readonly ValueMatch[] };

/** `type.matcher.v3.MetadataMatcher`: a value inside a filter's metadata. */
export interface MetadataMatch {
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}
