import type { AccessLog } from './access-log.ts';
import type { Address, Any, CidrRange, Duration, Metadata, TransportSocket } from './common.ts';

/** `envoy.config.listener.v3.Listener`. */
export interface Listener {
  readonly name: string;
  readonly address?: Address;
  readonly additional_addresses?: readonly { readonly address?: Address }[];
  readonly filter_chains?: readonly FilterChain[];
  readonly default_filter_chain?: FilterChain;
  readonly listener_filters?: readonly ListenerFilter[];
  readonly listener_filters_timeout?: Duration;
  readonly continue_on_listener_filters_timeout?: boolean;
  /** Redirected connections are handed to the listener of their original destination, when there is one. */
  readonly use_original_dst?: boolean;
  readonly bind_to_port?: boolean;
  readonly traffic_direction?: TrafficDirection;
  readonly transparent?: boolean;
  readonly freebind?: boolean;
  readonly enable_reuse_port?: boolean;
  readonly tcp_backlog_size?: number;
  readonly per_connection_buffer_limit_bytes?: number;
  readonly drain_type?: 'DEFAULT' | 'MODIFY_ONLY';
  readonly connection_balance_config?: { readonly exact_balance?: Record<string, never> };
  /** Present for listeners of proxyless gRPC clients only: an HttpConnectionManager. */
  readonly api_listener?: { readonly api_listener?: Any };
  readonly access_log?: readonly AccessLog[];
  readonly stat_prefix?: string;
  readonly metadata?: Metadata;
  readonly ignore_global_conn_limit?: boolean;
}

export type TrafficDirection = 'UNSPECIFIED' | 'INBOUND' | 'OUTBOUND';

/** One of the listener filters: `original_dst`, `tls_inspector`, `http_inspector`, `proxy_protocol`. */
export interface ListenerFilter {
  readonly name: string;
  readonly typed_config?: Any;
  /** Connections for which the filter is skipped. */
  readonly filter_disabled?: ListenerFilterChainMatchPredicate;
}

/** Exactly one member is set. */
export interface ListenerFilterChainMatchPredicate {
  readonly or_match?: { readonly rules?: readonly ListenerFilterChainMatchPredicate[] };
  readonly and_match?: { readonly rules?: readonly ListenerFilterChainMatchPredicate[] };
  readonly not_match?: ListenerFilterChainMatchPredicate;
  readonly any_match?: boolean;
  readonly destination_port_range?: { readonly start?: number; readonly end?: number };
}

/** `envoy.extensions.filters.listener.original_dst.v3.OriginalDst`. */
export type OriginalDst = Record<string, never>;
/** `envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector`. */
export interface TlsInspector {
  readonly enable_ja3_fingerprinting?: boolean;
}
/** `envoy.extensions.filters.listener.http_inspector.v3.HttpInspector`. */
export type HttpInspector = Record<string, never>;
/** `envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol`. */
export interface ProxyProtocol {
  readonly allow_requests_without_proxy_protocol?: boolean;
  readonly pass_through_tlvs?: { readonly match_type?: 'INCLUDE_ALL' | 'INCLUDE'; readonly tlv_type?: readonly number[] };
}

/** `envoy.extensions.filters.network.set_filter_state.v3.Config`. */
export interface SetFilterState {
  readonly on_new_connection?: readonly {
    readonly object_key: string;
    readonly format_string?: { readonly text_format_source?: { readonly inline_string?: string } };
    readonly shared_with_upstream?: 'NONE' | 'ONCE' | 'TRANSITIVE';
  }[];
}

/** `envoy.config.listener.v3.FilterChain`. */
export interface FilterChain {
  readonly name?: string;
  readonly filter_chain_match?: FilterChainMatch;
  readonly filters?: readonly NetworkFilter[];
  readonly transport_socket?: TransportSocket;
  readonly transport_socket_connect_timeout?: Duration;
  readonly metadata?: Metadata;
}

/** Most specific match wins, field by field in the order of Envoy's documentation (destination port first). */
export interface FilterChainMatch {
  readonly destination_port?: number;
  readonly prefix_ranges?: readonly CidrRange[];
  readonly direct_source_prefix_ranges?: readonly CidrRange[];
  readonly source_type?: 'ANY' | 'SAME_IP_OR_LOOPBACK' | 'EXTERNAL';
  readonly source_prefix_ranges?: readonly CidrRange[];
  readonly source_ports?: readonly number[];
  readonly server_names?: readonly string[];
  readonly transport_protocol?: '' | 'tls' | 'raw_buffer';
  readonly application_protocols?: readonly string[];
}

/** A network filter; the last one terminates (HttpConnectionManager or TcpProxy). */
export interface NetworkFilter {
  readonly name: string;
  readonly typed_config?: Any;
}
