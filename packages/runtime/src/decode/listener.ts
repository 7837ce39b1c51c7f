import { decodeProxyProtocolFilter } from './proxy-protocol.ts';
import { decodeNetworkRbac } from '../rbac/network.ts';
import type { FilterChain, FilterChainMatch, FilterChainTerminal, ListenerFilter, NetworkFilter, RuntimeListener } from '../types/listener.ts';
import type { SocketAddress } from '../types/common.ts';
import { decodeAccessLogs } from './access-log.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { decodeCidrs, decodeOrigin, decodeSocketAddress } from './common.ts';
import { decodeDnsCache } from './dns-cache.ts';
import { decodeHttpConnectionManager } from './http.ts';
import { CONNECTION_INPUTS, decodeMatcher } from '../matcher/decode.ts';
import type { Reader } from './reader.ts';
import { disabledFor } from './port-predicate.ts';
import { decodeTcpProxy } from './tcp.ts';
import { decodeDownstreamTransport } from './tls.ts';
import { decodeUpstreamAlpn } from './upstream-alpn.ts';

/** What this proxy and Envoy take of a client hello. */
const MAX_HELLO_BYTES = 16_384;

const LISTENER_FILTERS = {
  'envoy.extensions.filters.listener.original_dst.v3.OriginalDst': (): ListenerFilter => ({ t: 'original-dst' }),
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': (config: Reader, extension: Reader): ListenerFilter => {
    // JA3/JA4 fingerprints are read by no matcher here; the buffer grows as far as a client hello may.
    config.harmless('enable_ja3_fingerprinting', 'enable_ja4_fingerprinting', 'initial_read_buffer_size');
    const most = config.number('max_client_hello_size', MAX_HELLO_BYTES);
    config.require('max_client_hello_size', most === MAX_HELLO_BYTES, `${most} is not supported by this proxy: its limit is ${MAX_HELLO_BYTES}`);
    return { t: 'tls-inspector', ...disabledFor(extension) };
  },
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': (_: Reader, extension: Reader): ListenerFilter => ({
    t: 'http-inspector',
    ...disabledFor(extension),
  }),
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol': (config: Reader): ListenerFilter => ({
    t: 'proxy-protocol',
    proxyProtocol: decodeProxyProtocolFilter(config),
  }),
};

/** The last filter of a chain, or one before it. */
type Decoded = { readonly terminal: FilterChainTerminal } | { readonly before: NetworkFilter };

const NETWORK_FILTERS: ExtensionTable<Decoded> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': (config) => ({
    terminal: { t: 'http', http: decodeHttpConnectionManager(config) },
  }),
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': (config) => ({ terminal: { t: 'tcp', tcp: decodeTcpProxy(config) } }),
  'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit': (config) => {
    const enabled = config.message('runtime_enabled')?.bool('default_value', true) ?? true;
    // A key of Envoy's runtime, which this proxy has none of: its default counts.
    config.message('runtime_enabled')?.harmless('runtime_key');
    config.require('max_connections', config.has('max_connections'), 'missing');
    const max = config.number('max_connections', 0);
    config.require('max_connections', max >= 1, 'must be at least 1');
    return {
      before: {
        t: 'connection-limit',
        statPrefix: config.string('stat_prefix'),
        maxConnections: enabled ? max : Infinity,
        delayMs: config.duration('delay', 0),
      },
    };
  },
  'envoy.extensions.filters.network.rbac.v3.RBAC': (config) => ({ before: decodeNetworkRbac(config) }),
  'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig': (config) => {
    const port = config.number('port_value', 443);
    config.require('port_value', port > 0 && port <= 65_535, `${port} is no port`);
    return { before: { t: 'sni-forward-proxy', cache: decodeDnsCache(config), port } };
  },
  'envoy.extensions.filters.network.set_filter_state.v3.Config': (config) => ({ before: decodeUpstreamAlpn(config) }),
};

export function decodeListenerMessage(reader: Reader): RuntimeListener {
  harmlessFields(reader);
  const defaultChain = reader.message('default_filter_chain');
  const chains = reader.messages('filter_chains');
  const origin = decodeOrigin(reader);
  reader.require('filter_chains', chains.length > 0 || defaultChain !== undefined, 'no filter chain');
  const filterChains = chains.map(decodeChain);
  const tree = reader.message('filter_chain_matcher');
  const chainTree = tree === undefined ? undefined : decodeMatcher(tree, { inputs: CONNECTION_INPUTS, actions: CHAIN_NAMES });
  checkDuplicates(reader, filterChains, tree !== undefined);
  const internal = reader.message('internal_listener') !== undefined;
  if (internal) checkInternal(reader, filterChains);
  const accessLogs = decodeAccessLogs(reader.messages('access_log'));
  return {
    name: reader.string('name'),
    statPrefix: reader.string('stat_prefix'),
    addresses: internal ? [] : decodeAddresses(reader),
    internal,
    bindToPort: !internal && reader.bool('bind_to_port', reader.message('deprecated_v1')?.bool('bind_to_port', true) ?? true),
    ...decodeBacklog(reader),
    drainsWhenFailing: reader.oneOf('drain_type', { DEFAULT: true, MODIFY_ONLY: false }, true),
    useOriginalDst: reader.bool('use_original_dst'),
    ignoreGlobalLimit: reader.bool('ignore_global_conn_limit'),
    direction: reader.oneOf<RuntimeListener['direction']>(
      'traffic_direction',
      { UNSPECIFIED: 'unspecified', INBOUND: 'inbound', OUTBOUND: 'outbound' },
      'unspecified',
    ),
    listenerFilters: reader
      .messages('listener_filters')
      .map((item) => decodeExtension<ListenerFilter>(item, LISTENER_FILTERS))
      .filter((item) => item !== undefined),
    listenerFiltersTimeoutMs: reader.duration('listener_filters_timeout', 15_000),
    continueOnTimeout: reader.bool('continue_on_listener_filters_timeout'),
    filterChains,
    ...(chainTree === undefined ? {} : { chainTree }),
    ...(defaultChain === undefined ? {} : { defaultFilterChain: decodeChain(defaultChain, chains.length) }),
    ...(accessLogs.length === 0 ? {} : { accessLogs }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Why each is harmless stands beside it. */
function harmlessFields(reader: Reader): void {
  // How balanced between threads: this proxy has one way.
  reader.harmless('reuse_port', 'enable_reuse_port', 'connection_balance_config');
  // Nothing is buffered beyond what one write leaves over: a slow side stops the other at once.
  reader.harmless('per_connection_buffer_limit_bytes');
  // Accepts are not batched.
  reader.harmless('max_connections_to_accept_per_socket_event');
}

function decodeBacklog(reader: Reader): Pick<RuntimeListener, 'backlog'> {
  if (!reader.has('tcp_backlog_size')) return {};
  const backlog = reader.number('tcp_backlog_size', 0);
  reader.require('tcp_backlog_size', backlog > 0, '0 is not supported by this proxy');
  return { backlog };
}

/** Chains are called by their names. */
const CHAIN_NAMES: ExtensionTable<string> = {
  'google.protobuf.StringValue': (config) => config.string('value'),
};

/** Envoy refuses chains that nothing tells apart: there would be no saying which one serves. */
function checkDuplicates(reader: Reader, chains: readonly FilterChain[], byName: boolean): void {
  const seen = new Map<string, string>();
  chains.forEach(({ match, name }, index) => {
    const key = byName ? name : JSON.stringify(match);
    const other = seen.get(key);
    if (other !== undefined)
      reader.fail(`filter_chains[${index}]`, `filter chain "${name}" has the same ${byName ? 'name' : 'matching rules'} as "${other}"`);
    seen.set(key, name);
  });
}

/** What an internal listener has no use for; TLS ends where connections come in. */
function checkInternal(reader: Reader, chains: readonly FilterChain[]): void {
  reader.require('address', !reader.has('address'), 'an internal listener has no address');
  reader.harmless('address');
  const tls = chains.findIndex((chain) => chain.tls !== undefined);
  reader.require(`filter_chains[${tls}].transport_socket`, tls < 0, 'TLS on an internal listener is not supported by this proxy');
}

function decodeAddresses(reader: Reader): readonly SocketAddress[] {
  const first = decodeSocketAddress(reader.message('address'));
  reader.require('address', first !== undefined, 'expected a socket address');
  const more = reader.messages('additional_addresses').map((item) => decodeSocketAddress(item.message('address')));
  return [first, ...more].filter((address) => address !== undefined);
}

function decodeChain(reader: Reader, index: number): FilterChain {
  const filters = reader.messages('filters');
  const name = reader.string('name', `#${index}`);
  const origin = decodeOrigin(reader);
  const tls = decodeDownstreamTransport(reader.message('transport_socket'));
  const decoded = filters.map((filter) => decodeExtension(filter, NETWORK_FILTERS));
  const end = decoded.findIndex((filter) => filter !== undefined && 'terminal' in filter);
  const last = decoded[end];
  const terminal = last !== undefined && 'terminal' in last ? last.terminal : undefined;
  // A filter that is not known has been named already, and might have been the last one.
  const ends = terminal !== undefined || decoded.includes(undefined);
  reader.require('filters', filters.length > 0 && ends, 'a filter chain must end in an HTTP connection manager or a TCP proxy');
  if (end >= 0) for (const extra of filters.slice(end + 1)) extra.fail('', 'comes after a terminal filter');
  return {
    name,
    match: decodeMatch(reader.message('filter_chain_match')),
    ...(tls === undefined ? {} : { tls }),
    transportConnectTimeoutMs: reader.duration('transport_socket_connect_timeout', 15_000),
    networkFilters: decoded.flatMap((filter) => (filter !== undefined && 'before' in filter ? [filter.before] : [])),
    // The fault that made it undefined is on record: this value never leaves.
    terminal: terminal ?? {
      t: 'tcp',
      tcp: {
        statPrefix: '',
        clusters: [],
        idleTimeoutMs: 0,
        maxDownstreamConnectionDurationMs: 0,
        maxConnectAttempts: 1,
        hashesSource: false,
        accessLogs: [],
      },
    },
    ...(origin === undefined ? {} : { origin }),
  };
}

const MATCH_ALL: FilterChainMatch = {
  prefixRanges: [],
  serverNames: [],
  applicationProtocols: [],
  directSourcePrefixRanges: [],
  sourceType: 'any',
  sourcePrefixRanges: [],
  sourcePorts: [],
};

function decodeMatch(reader: Reader | undefined): FilterChainMatch {
  if (reader === undefined) return MATCH_ALL;
  const port = reader.has('destination_port') ? reader.number('destination_port', 0) : undefined;
  const transport = reader.string('transport_protocol');
  return {
    ...(port === undefined ? {} : { destinationPort: port }),
    prefixRanges: decodeCidrs(reader.messages('prefix_ranges')),
    serverNames: reader.strings('server_names').map((name, index) => serverName(reader, name, index)),
    ...(transport === '' ? {} : { transportProtocol: transport }),
    applicationProtocols: reader.strings('application_protocols'),
    directSourcePrefixRanges: decodeCidrs(reader.messages('direct_source_prefix_ranges')),
    sourceType: reader.oneOf<FilterChainMatch['sourceType']>(
      'source_type',
      { ANY: 'any', SAME_IP_OR_LOOPBACK: 'local', EXTERNAL: 'external' },
      'any',
    ),
    sourcePrefixRanges: decodeCidrs(reader.messages('source_prefix_ranges')),
    sourcePorts: reader.numbers('source_ports'),
  };
}

/** `*.example.com` becomes `.example.com`; a star anywhere else is refused, as Envoy does. */
function serverName(reader: Reader, name: string, index: number): string {
  const lower = name.toLowerCase();
  const bare = lower.startsWith('*.') ? lower.slice(1) : lower;
  reader.require(`server_names[${index}]`, !bare.includes('*'), `"${name}": a wildcard is only allowed as the whole first label`);
  return bare;
}
