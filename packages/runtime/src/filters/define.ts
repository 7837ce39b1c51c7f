import type { Reader } from '../decode/reader.ts';
import type { FilterAction, FilterSite } from './types.ts';

/** One kind of HTTP filter: the whole of what the runtime knows about it. `C` and `O` are plain data that survive a structured clone. */
export interface FilterKind<C = unknown, O = unknown> {
  /** Short name, also that of its half in the proxy. */
  readonly t: string;
  /** Message types of its configuration, without the URL prefix. */
  readonly types: readonly string[];
  /** Message types of its per-route settings; empty = it has none. */
  readonly overrideTypes: readonly string[];
  decode(config: Reader): C;
  /** One entry of `typed_per_filter_config`. Absent where there are no types of settings. */
  decodeOverride?(config: Reader): O;
  /** Does what it does depend on the route's own fields (`rate_limits`), not only on its settings there? */
  readonly readsRoute?: boolean;
  /** What it does on a route; undefined = nothing, and requests of that route pass it by at no cost. Called once per route, when first used. */
  compile(config: C, site: FilterSite<O>): FilterAction | undefined;
}

/** Takes a kind into the table of kinds, which does not know what each one's configuration looks like. */
export function defineFilter<C, O>(kind: FilterKind<C, O>): FilterKind {
  // The table gives each kind only what that kind has decoded.
  return kind as unknown as FilterKind;
}

/** The settings in force where a more specific level replaces the others as a whole. */
export function mostSpecific<C, O extends C>(config: C, site: FilterSite<O>): C {
  return site.overrides.at(-1) ?? config;
}
