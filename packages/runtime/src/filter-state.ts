import type { MetadataStruct, MetadataValue } from './types/struct.ts';

/** Where the state of a stream is kept among its metadata: a name that no configuration can say. */
export const FILTER_STATE = ' filter state';

/** Where the filter of stateful sessions leaves the host that the client's session names. */
export const OVERRIDE_HOST = 'envoy.lb.override_host';

/** What filters and router tell each other by way of metadata: for nobody outside of the proxy. */
export const OWN_NAMESPACES: ReadonlySet<string> = new Set([FILTER_STATE, OVERRIDE_HOST]);

/** Envoy's factory of texts that hash policies take. */
export const HASHABLE = 'envoy.hashable_string';

/** One object: `{ value, hashable }`. */
export function readState(state: MetadataStruct | undefined, key: string): MetadataStruct | undefined {
  const found: MetadataValue | undefined = state !== undefined && Object.hasOwn(state, key) ? state[key] : undefined;
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as MetadataStruct) : undefined;
}
