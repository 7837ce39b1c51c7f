import type { MeshConfig, Service, ServicePort } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type FilterChain,
  type FilterChainMatch,
  type Listener,
  type ListenerFilter,
  type NetworkFilter,
} from '@meltemi/protos-types';
import { wireProtocol } from './capabilities.ts';
import { protoDuration } from './duration.ts';
import { CLIENT_ALPN } from './tls.ts';

/** What Envoy's inspector calls HTTP in plain bytes. */
export const PLAIN_HTTP: readonly string[] = ['http/1.0', 'http/1.1', 'h2c'];

/** Looks at the first bytes: TLS, and the server name that it asks for. */
export const TLS_INSPECTOR: ListenerFilter = { name: EXTENSION_NAME.tlsInspector, typed_config: packAny(ANY_TYPE.tlsInspector, {}) };

/** Looks at the first bytes: HTTP, and which version. */
export const HTTP_INSPECTOR: ListenerFilter = { name: EXTENSION_NAME.httpInspector, typed_config: packAny(ANY_TYPE.httpInspector, {}) };

/** A client that waits for the server to speak first shows nothing to look at: after this time it is taken for what it is, plain bytes. */
export function inspection({ protocolDetectionTimeoutMs }: Pick<MeshConfig, 'protocolDetectionTimeoutMs'>) {
  const fields: Pick<Listener, 'listener_filters_timeout' | 'continue_on_listener_filters_timeout'> = {
    listener_filters_timeout: protoDuration(protocolDetectionTimeoutMs),
    continue_on_listener_filters_timeout: true,
  };
  return fields;
}

/** A filter that leaves connections to these ports alone: who waits there for the server to speak first need not wait for us. */
export function exceptOn(ports: readonly number[], filter: ListenerFilter): ListenerFilter {
  const [first, ...more] = ports.map((port) => ({ destination_port_range: { start: port, end: port + 1 } }));
  if (first === undefined) return filter;
  return { ...filter, filter_disabled: more.length === 0 ? first : { or_match: { rules: [first, ...more] } } };
}

/** Before each chain of bytes one with the same conditions for what turns out to be HTTP: that of the service, with its name and its origin. */
export function withHttp(chains: readonly FilterChain[], http: Pick<FilterChain, 'name' | 'filters' | 'metadata'>): readonly FilterChain[] {
  return chains.flatMap((chain, index) => [
    {
      name: `${http.name ?? ''}-http${index === 0 ? '' : `-${index}`}`,
      filter_chain_match: { ...chain.filter_chain_match, application_protocols: PLAIN_HTTP },
      filters: http.filters ?? [],
      ...(http.metadata === undefined ? {} : { metadata: http.metadata }),
    },
    chain,
  ]);
}

/**
 * Where server names are looked for too, TLS clients that offer `http/1.1` would be taken for plain HTTP: the chains of what was sniffed then say that it is
 * plain. What is TLS goes the way of bytes.
 */
export function apartFromTls(chains: readonly FilterChain[]): readonly FilterChain[] {
  const keyOf = (match: FilterChainMatch = {}): string => JSON.stringify({ ...match, application_protocols: undefined });
  const sniffed = new Set(chains.flatMap(({ filter_chain_match: match }) => (match?.application_protocols === undefined ? [] : [keyOf(match)])));
  return chains.flatMap((chain): readonly FilterChain[] => {
    const { filter_chain_match: match = {} } = chain;
    if (!sniffed.has(keyOf(match))) return [chain];
    const plain: FilterChain = { ...chain, filter_chain_match: { ...match, transport_protocol: 'raw_buffer' } };
    if (match.application_protocols !== undefined) return [plain];
    return [plain, { ...chain, name: `${chain.name ?? ''}-tls`, filter_chain_match: { ...match, transport_protocol: 'tls' } }];
  });
}

/**
 * Before the proxy of bytes to a sniffed port: its cluster's TLS says that HTTP comes (a request has no say in what TLS offers), and this takes that back. Only
 * where it is TLS of the mesh: other servers know none of its names.
 */
export function offersBytes(service: Service | undefined, port: ServicePort | undefined, tlsMode: string | undefined): readonly NetworkFilter[] {
  if (service === undefined || port === undefined || wireProtocol(port.protocol) !== 'sniffed') return [];
  if (tlsMode === undefined ? service.external : tlsMode !== 'ISTIO_MUTUAL') return [];
  const config = packAny(ANY_TYPE.networkFilterState, {
    on_new_connection: [
      {
        object_key: 'envoy.network.application_protocols',
        format_string: { text_format_source: { inline_string: CLIENT_ALPN.tcp.join(',') } },
        shared_with_upstream: 'ONCE',
      },
    ],
  });
  return [{ name: EXTENSION_NAME.networkFilterState, typed_config: config }];
}
