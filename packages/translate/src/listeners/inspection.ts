import { ANY_TYPE, EXTENSION_NAME, packAny, type FilterChain, type ListenerFilter } from '@meltemi/protos-types';

/** Looks at the first bytes: TLS, and the server name that it asks for. */
export const TLS_INSPECTOR: ListenerFilter = { name: EXTENSION_NAME.tlsInspector, typed_config: packAny(ANY_TYPE.tlsInspector, {}) };

/** The address of the client, from a proxy in front. */
export const PROXY_PROTOCOL: ListenerFilter = { name: EXTENSION_NAME.proxyProtocol, typed_config: packAny(ANY_TYPE.proxyProtocol, {}) };

/** A client that waits for the server to speak first shows nothing to look at: after this it is taken for what it is, plain bytes. */
export const INSPECTION = { listener_filters_timeout: '5s', continue_on_listener_filters_timeout: true } as const;

/** Does any chain depend on the first bytes? Where none does, protocols in which the server speaks first need not wait for them. */
export function needsInspection(chains: readonly FilterChain[]): boolean {
  return chains.some(
    ({ filter_chain_match: match }) =>
      match?.transport_protocol !== undefined || match?.server_names !== undefined || match?.application_protocols !== undefined,
  );
}
