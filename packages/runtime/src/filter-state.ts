import type { MetadataStruct, MetadataValue } from './types/struct.ts';

/** Where the state of a stream is kept among its metadata: a name that no configuration can say. */
export const FILTER_STATE = ' filter state';

/** Envoy's factory of texts that hash policies take. */
export const HASHABLE = 'envoy.hashable_string';

/** One object: `{ value, hashable }`. */
export function readState(state: MetadataStruct | undefined, key: string): MetadataStruct | undefined {
  const found: MetadataValue | undefined = state !== undefined && Object.hasOwn(state, key) ? state[key] : undefined;
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as MetadataStruct) : undefined;
}
