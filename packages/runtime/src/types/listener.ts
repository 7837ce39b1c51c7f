import type { AccessLog } from './access-log.ts';
import type { Matcher } from '../matcher/types.ts';
import type { RbacRules } from '../rbac/types.ts';
import type { CidrRange, SocketAddress, TlvChoice } from './common.ts';
import type { DnsCache } from './dns-cache.ts';
import type { HttpConnectionManager } from './http.ts';
import type { DownstreamTls } from './tls.ts';
import type { TcpProxy } from './tcp.ts';

export type ListenerFilter =
  | { readonly t: 'original-dst' }
  | { readonly t: 'tls-inspector'; readonly disabled?: PortPredicate }
  | { readonly t: 'http-inspector'; readonly disabled?: PortPredicate }
  | { readonly t: 'proxy-protocol'; readonly proxyProtocol: ProxyProtocolFilter };

/** Of connections, by the port that they were going to. */
export type PortPredicate =
  | { readonly t: 'any' }
  | { readonly t: 'not'; readonly of: PortPredicate }
  | { readonly t: 'or' | 'and'; readonly of: readonly PortPredicate[] }
  /** From `start` up to, and without, `end`. */
  | { readonly t: 'ports'; readonly start: number; readonly end: number };

/** A header of the PROXY protocol in front of a connection tells whose it is. */
export interface ProxyProtocolFilter {
  /** Connections without a header are served as they are; else they are closed. */
  readonly optional: boolean;
  readonly disallowedVersions: readonly (1 | 2)[];
  /** Extensions that upstreams may be told of. */
  readonly passThrough: TlvChoice;
  /** Extensions that are kept as metadata of the connection. */
  readonly rules: readonly TlvRule[];
}

/** The value of an extension becomes metadata, as text. */
export interface TlvRule {
  readonly type: number;
  readonly namespace: string;
  readonly key: string;
}

/** One socket the proxy listens on, or (with `bindToPort` false) chains for connections handed over by their original destination. */
export interface RuntimeListener {
  readonly name: string;
  /** Its statistics are `listener.<statPrefix>.…`; '' = its address. */
  readonly statPrefix: string;
  readonly addresses: readonly SocketAddress[];
  readonly bindToPort: boolean;
  /** Connections come from inside of the process only. */
  readonly internal: boolean;
  /** Connections that may wait to be accepted; absent = as many as the proxy asks for. */
  readonly backlog?: number;
  /** Connections end with their next response while the proxy is told to fail its health checks. */
  readonly drainsWhenFailing: boolean;
  /** Hand the connection to the listener that matches its original destination (`findListener`). */
  readonly useOriginalDst: boolean;
  /** The limit of all connections of the process does not count for it. */
  readonly ignoreGlobalLimit: boolean;
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
  readonly listenerFilters: readonly ListenerFilter[];
  /** How long the listener filters may wait for bytes; 0 = without end. */
  readonly listenerFiltersTimeoutMs: number;
  /** After that time: go on with what is known (true) or close (false). */
  readonly continueOnTimeout: boolean;
  readonly filterChains: readonly FilterChain[];
  /** Chooses a chain by its name, in place of the chains' own matches. */
  readonly chainTree?: Matcher<string>;
  readonly defaultFilterChain?: FilterChain;
  /** One line for each connection, at its end; absent = none. */
  readonly accessLogs?: readonly AccessLog[];
  readonly origin?: string;
}

/** All set criteria must hold; empty arrays and absent values match anything. */
export interface FilterChainMatch {
  readonly destinationPort?: number;
  readonly prefixRanges: readonly CidrRange[];
  /** Lower-case; `*.example.com` is kept as `.example.com`. */
  readonly serverNames: readonly string[];
  readonly transportProtocol?: string;
  readonly applicationProtocols: readonly string[];
  readonly directSourcePrefixRanges: readonly CidrRange[];
  readonly sourceType: 'any' | 'local' | 'external';
  readonly sourcePrefixRanges: readonly CidrRange[];
  readonly sourcePorts: readonly number[];
}

/** A filter before the terminal one. */
export type NetworkFilter = NetworkRbac | SniForwardProxy | ConnectionLimit | UpstreamAlpn;

/** TLS to the upstream offers these protocols, in place of those of the cluster. */
export interface UpstreamAlpn {
  readonly t: 'upstream-alpn';
  readonly protocols: readonly string[];
}

/** So many connections of the chain at a time; what is more is closed. */
export interface ConnectionLimit {
  readonly t: 'connection-limit';
  /** `connection_limit.<stat_prefix>.` begins the names of its statistics. */
  readonly statPrefix: string;
  readonly maxConnections: number;
  /** How long one that is too many is held before it is closed. */
  readonly delayMs: number;
}

/** Looks up the server name that a client hello asks for; its address is where a dynamic forward proxy connects. */
export interface SniForwardProxy {
  readonly t: 'sni-forward-proxy';
  readonly cache: DnsCache;
  readonly port: number;
}

/** A policy for connections. */
export interface NetworkRbac {
  readonly t: 'rbac';
  /** Absent = nothing is refused. */
  readonly rules?: RbacRules;
  /** On trial: counted, and no more. */
  readonly shadow?: RbacRules;
  /** `<stat_prefix>rbac.` begins the names of its statistics. */
  readonly statPrefix: string;
  readonly shadowPrefix: string;
}

/** A chain ends in exactly one terminal: an HTTP connection manager or a TCP proxy. */
export interface FilterChain {
  readonly name: string;
  readonly match: FilterChainMatch;
  /** Absent = plain bytes. */
  readonly tls?: DownstreamTls;
  readonly transportConnectTimeoutMs: number;
  /** In order. */
  readonly networkFilters: readonly NetworkFilter[];
  readonly terminal: FilterChainTerminal;
  readonly origin?: string;
}

export type FilterChainTerminal = { readonly t: 'http'; readonly http: HttpConnectionManager } | { readonly t: 'tcp'; readonly tcp: TcpProxy };
