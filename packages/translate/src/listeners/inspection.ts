import { ANY_TYPE, EXTENSION_NAME, packAny, type FilterChain, type ListenerFilter } from '@meltemi/protos-types';

/** The address of the client, from a proxy in front. */
export const PROXY_PROTOCOL: ListenerFilter = { name: EXTENSION_NAME.proxyProtocol, typed_config: packAny(ANY_TYPE.proxyProtocol, {}) };

/** Does any chain depend on the first bytes? Where none does, protocols in which the server speaks first need not wait for them. */
export function needsInspection(chains: readonly FilterChain[]): boolean {
  return chains.some(
    ({ filter_chain_match: match }) =>
      match?.transport_protocol !== undefined || match?.server_names !== undefined || match?.application_protocols !== undefined,
  );
}
