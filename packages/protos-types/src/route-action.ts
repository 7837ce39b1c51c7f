import type { Duration, HeaderOperations, Metadata, RegexMatchAndSubstitute, RuntimeFractionalPercent, TypedExtensionConfig } from './common.ts';
import type { HeaderMatcher, PerFilterConfig } from './route.ts';

/** `envoy.config.route.v3.RouteAction`. */
export interface RouteAction {
  /** Exactly one of `cluster`, `weighted_clusters` and `cluster_header` is set. */
  readonly cluster?: string;
  readonly weighted_clusters?: WeightedCluster;
  readonly cluster_header?: string;
  readonly cluster_not_found_response_code?: 'SERVICE_UNAVAILABLE' | 'NOT_FOUND' | 'INTERNAL_SERVER_ERROR';
  readonly metadata_match?: Metadata;
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: RegexMatchAndSubstitute;
  /** At most one `host_rewrite…`/`auto_host_rewrite` is set. */
  readonly host_rewrite_literal?: string;
  readonly auto_host_rewrite?: boolean;
  readonly host_rewrite_header?: string;
  readonly append_x_forwarded_host?: boolean;
  /** Whole request; "0s" switches it off, absent means 15 s. */
  readonly timeout?: Duration;
  readonly max_grpc_timeout?: Duration;
  readonly grpc_timeout_offset?: Duration;
  readonly idle_timeout?: Duration;
  readonly retry_policy?: RetryPolicy;
  readonly request_mirror_policies?: readonly RequestMirrorPolicy[];
  readonly priority?: 'DEFAULT' | 'HIGH';
  readonly hash_policy?: readonly HashPolicy[];
  readonly upgrade_configs?: readonly { readonly upgrade_type?: string; readonly enabled?: boolean }[];
  readonly max_stream_duration?: {
    readonly max_stream_duration?: Duration;
    readonly grpc_timeout_header_max?: Duration;
    readonly grpc_timeout_header_offset?: Duration;
  };
}

export interface WeightedCluster {
  readonly clusters?: readonly WeightedClusterEntry[];
  readonly runtime_key_prefix?: string;
}

export interface WeightedClusterEntry extends HeaderOperations {
  readonly name?: string;
  readonly weight?: number;
  readonly metadata_match?: Metadata;
  readonly host_rewrite_literal?: string;
  readonly typed_per_filter_config?: PerFilterConfig;
}

/** `envoy.config.route.v3.RetryPolicy`. */
export interface RetryPolicy {
  /** Comma-separated conditions (`5xx`, `connect-failure`, `retriable-status-codes`). */
  readonly retry_on?: string;
  readonly num_retries?: number;
  readonly per_try_timeout?: Duration;
  readonly per_try_idle_timeout?: Duration;
  readonly retry_priority?: TypedExtensionConfig;
  readonly retry_host_predicate?: readonly TypedExtensionConfig[];
  readonly host_selection_retry_max_attempts?: number | string;
  readonly retriable_status_codes?: readonly number[];
  readonly retry_back_off?: { readonly base_interval?: Duration; readonly max_interval?: Duration };
  readonly retriable_headers?: readonly HeaderMatcher[];
  readonly retriable_request_headers?: readonly HeaderMatcher[];
}

export interface RequestMirrorPolicy {
  readonly cluster?: string;
  readonly cluster_header?: string;
  readonly runtime_fraction?: RuntimeFractionalPercent;
  readonly trace_sampled?: boolean;
  readonly disable_shadow_host_suffix_append?: boolean;
}

/** Exactly one specifier is set. */
export interface HashPolicy {
  readonly header?: { readonly header_name: string; readonly regex_rewrite?: RegexMatchAndSubstitute };
  readonly cookie?: {
    readonly name: string;
    readonly ttl?: Duration;
    readonly path?: string;
    readonly attributes?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly connection_properties?: { readonly source_ip?: boolean };
  readonly query_parameter?: { readonly name: string };
  readonly terminal?: boolean;
}
