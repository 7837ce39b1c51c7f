import type { Any, BindConfig, ConfigSource, Duration, Metadata, Percent, TcpKeepalive, TransportSocket, TypedExtensionConfig } from './common.ts';
import type { ClusterLoadAssignment } from './endpoint.ts';

export type ClusterType = 'STATIC' | 'STRICT_DNS' | 'LOGICAL_DNS' | 'EDS' | 'ORIGINAL_DST';
export type LbPolicy = 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RING_HASH' | 'RANDOM' | 'MAGLEV' | 'CLUSTER_PROVIDED' | 'LOAD_BALANCING_POLICY_CONFIG';

/** `envoy.config.cluster.v3.Cluster`. */
export interface Cluster {
  readonly name: string;
  readonly alt_stat_name?: string;
  /** Exactly one of `type` and `cluster_type` is set. */
  readonly type?: ClusterType;
  readonly cluster_type?: TypedExtensionConfig;
  readonly eds_cluster_config?: { readonly eds_config?: ConfigSource; readonly service_name?: string };
  /** Absent means 5 s. */
  readonly connect_timeout?: Duration;
  readonly per_connection_buffer_limit_bytes?: number;
  readonly lb_policy?: LbPolicy;
  /** For STATIC, STRICT_DNS and LOGICAL_DNS. */
  readonly load_assignment?: ClusterLoadAssignment;
  readonly health_checks?: readonly HealthCheck[];
  readonly max_requests_per_connection?: number;
  readonly circuit_breakers?: CircuitBreakers;
  readonly outlier_detection?: OutlierDetection;
  readonly upstream_bind_config?: BindConfig;
  readonly lb_subset_config?: LbSubsetConfig;
  readonly ring_hash_lb_config?: { readonly minimum_ring_size?: number | string; readonly maximum_ring_size?: number | string };
  readonly maglev_lb_config?: { readonly table_size?: number | string };
  readonly least_request_lb_config?: { readonly choice_count?: number; readonly slow_start_config?: SlowStartConfig };
  readonly round_robin_lb_config?: { readonly slow_start_config?: SlowStartConfig };
  readonly original_dst_lb_config?: {
    readonly use_http_header?: boolean;
    readonly http_header_name?: string;
    readonly upstream_port_override?: number;
  };
  readonly common_lb_config?: CommonLbConfig;
  readonly transport_socket?: TransportSocket;
  /** First match of an endpoint's `envoy.transport_socket_match` metadata wins; `transport_socket` is the fallback. */
  readonly transport_socket_matches?: readonly TransportSocketMatch[];
  /** By extension name; `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`. */
  readonly typed_extension_protocol_options?: { readonly [extension: string]: Any };
  readonly upstream_connection_options?: { readonly tcp_keepalive?: TcpKeepalive };
  readonly dns_refresh_rate?: Duration;
  readonly respect_dns_ttl?: boolean;
  readonly dns_lookup_family?: 'AUTO' | 'V4_ONLY' | 'V6_ONLY' | 'V4_PREFERRED' | 'ALL';
  readonly dns_failure_refresh_rate?: { readonly base_interval?: Duration; readonly max_interval?: Duration };
  readonly cleanup_interval?: Duration;
  readonly close_connections_on_host_health_failure?: boolean;
  readonly ignore_health_on_host_removal?: boolean;
  readonly metadata?: Metadata;
}

export interface TransportSocketMatch {
  readonly name: string;
  /** String members must equal the endpoint's metadata; empty matches all. */
  readonly match?: { readonly [key: string]: string };
  readonly transport_socket?: TransportSocket;
}

export interface CircuitBreakers {
  readonly thresholds?: readonly CircuitBreakerThresholds[];
  readonly per_host_thresholds?: readonly CircuitBreakerThresholds[];
}

export interface CircuitBreakerThresholds {
  readonly priority?: 'DEFAULT' | 'HIGH';
  readonly max_connections?: number;
  readonly max_pending_requests?: number;
  readonly max_requests?: number;
  readonly max_retries?: number;
  readonly track_remaining?: boolean;
  readonly retry_budget?: { readonly budget_percent?: Percent; readonly min_retry_concurrency?: number; readonly budget_interval?: Duration };
}

/** `envoy.config.cluster.v3.OutlierDetection`. */
export interface OutlierDetection {
  readonly consecutive_5xx?: number;
  readonly interval?: Duration;
  readonly base_ejection_time?: Duration;
  readonly max_ejection_percent?: number;
  readonly enforcing_consecutive_5xx?: number;
  readonly enforcing_success_rate?: number;
  readonly consecutive_gateway_failure?: number;
  readonly enforcing_consecutive_gateway_failure?: number;
  readonly split_external_local_origin_errors?: boolean;
  readonly consecutive_local_origin_failure?: number;
  readonly enforcing_consecutive_local_origin_failure?: number;
  readonly enforcing_local_origin_success_rate?: number;
  readonly max_ejection_time?: Duration;
}

export interface HealthCheck {
  readonly timeout?: Duration;
  readonly interval?: Duration;
  readonly unhealthy_threshold?: number;
  readonly healthy_threshold?: number;
  readonly http_health_check?: { readonly host?: string; readonly path?: string };
  readonly tcp_health_check?: Record<string, never>;
}

export interface LbSubsetConfig {
  readonly fallback_policy?: 'NO_FALLBACK' | 'ANY_ENDPOINT' | 'DEFAULT_SUBSET';
  readonly subset_selectors?: readonly { readonly keys?: readonly string[] }[];
}

export interface SlowStartConfig {
  readonly slow_start_window?: Duration;
  readonly aggression?: { readonly default_value?: number; readonly runtime_key?: string };
  readonly min_weight_percent?: Percent;
}

export interface CommonLbConfig {
  readonly healthy_panic_threshold?: Percent;
  readonly zone_aware_lb_config?: { readonly routing_enabled?: { readonly value?: number }; readonly min_cluster_size?: number };
  readonly locality_weighted_lb_config?: Record<string, never>;
  /** In which states an endpoint is taken that a session names. */
  readonly override_host_status?: { readonly statuses: readonly ('UNKNOWN' | 'HEALTHY' | 'DEGRADED' | 'DRAINING')[] };
  readonly update_merge_window?: Duration;
  readonly close_connections_on_host_set_change?: boolean;
  readonly consistent_hashing_lb_config?: { readonly use_hostname_for_hashing?: boolean };
}
