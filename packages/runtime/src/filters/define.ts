import type { Reader } from '../decode/reader.ts';
import type { FilterInput, FilterOverride, FilterVerdict, HttpFilter } from './types.ts';

/** One kind of HTTP filter: the whole of what the runtime knows about it. */
export interface FilterKind {
  readonly t: HttpFilter['t'];
  /** Message types of its configuration, without the URL prefix. */
  readonly types: readonly string[];
  decode(config: Reader, name: string, disabled: boolean): HttpFilter;
  /** `typed_per_filter_config`. */
  decodeOverride(config: Reader): FilterOverride;
  /** Does it do nothing where a route does not say otherwise? Then such routes pass it by. */
  isIdle(filter: HttpFilter): boolean;
  /** undefined = go on. Pure: chance comes in by `input.thread`. */
  decide(filter: HttpFilter, input: FilterInput): FilterVerdict | undefined;
}
