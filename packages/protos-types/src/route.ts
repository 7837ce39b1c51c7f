import type {
  Any,
  DataSource,
  Duration,
  HeaderOperations,
  Int64Range,
  Metadata,
  RegexMatcher,
  RuntimeFractionalPercent,
  StringMatcher,
} from './common.ts';
import type { RetryPolicy, RouteAction } from './route-action.ts';

/** `envoy.config.route.v3.RouteConfiguration`. */
export interface RouteConfiguration extends HeaderOperations {
  readonly name?: string;
  readonly virtual_hosts?: readonly VirtualHost[];
  readonly validate_clusters?: boolean;
  readonly most_specific_header_mutations_wins?: boolean;
  readonly max_direct_response_body_size_bytes?: number;
  readonly ignore_port_in_host_matching?: boolean;
  readonly ignore_path_parameters_in_path_matching?: boolean;
  readonly typed_per_filter_config?: PerFilterConfig;
  readonly metadata?: Metadata;
}

/** Overrides of HTTP filters by filter name (`envoy.filters.http.fault`). */
export interface PerFilterConfig {
  readonly [filter: string]: Any;
}

export interface VirtualHost extends HeaderOperations {
  readonly name: string;
  /** `*`, `*.suffix`, `prefix.*` or an exact host, with or without port. */
  readonly domains: readonly string[];
  readonly routes?: readonly Route[];
  readonly require_tls?: 'NONE' | 'EXTERNAL_ONLY' | 'ALL';
  readonly retry_policy?: RetryPolicy;
  readonly typed_per_filter_config?: PerFilterConfig;
  readonly include_request_attempt_count?: boolean;
  readonly include_attempt_count_in_response?: boolean;
  readonly include_is_timeout_retry_header?: boolean;
  readonly metadata?: Metadata;
}

/** First match wins. Exactly one of `route`, `redirect`, `direct_response` and `non_forwarding_action` is set. */
export interface Route extends HeaderOperations {
  readonly name?: string;
  readonly match: RouteMatch;
  readonly route?: RouteAction;
  readonly redirect?: RedirectAction;
  readonly direct_response?: DirectResponseAction;
  readonly non_forwarding_action?: Record<string, never>;
  readonly decorator?: { readonly operation?: string; readonly propagate?: boolean };
  readonly typed_per_filter_config?: PerFilterConfig;
  readonly metadata?: Metadata;
  readonly stat_prefix?: string;
}

/** Exactly one path specifier is set; all other members must match too. */
export interface RouteMatch {
  readonly prefix?: string;
  readonly path?: string;
  readonly safe_regex?: RegexMatcher;
  readonly path_separated_prefix?: string;
  readonly connect_matcher?: Record<string, never>;
  readonly path_match_policy?: { readonly name: string; readonly typed_config?: Any };
  /** Default true. */
  readonly case_sensitive?: boolean;
  readonly runtime_fraction?: RuntimeFractionalPercent;
  readonly headers?: readonly HeaderMatcher[];
  readonly query_parameters?: readonly QueryParameterMatcher[];
  readonly grpc?: Record<string, never>;
  /** What filters before have noted of the request. */
  readonly dynamic_metadata?: readonly MetadataMatcher[];
  readonly tls_context?: { readonly presented?: boolean; readonly validated?: boolean };
}

/** `envoy.type.matcher.v3.MetadataMatcher`. */
export interface MetadataMatcher {
  readonly filter: string;
  readonly path: readonly { readonly key: string }[];
  readonly value: ValueMatcher;
  readonly invert?: boolean;
}

/** `envoy.type.matcher.v3.ValueMatcher`. */
export interface ValueMatcher {
  readonly present_match?: boolean;
  readonly string_match?: StringMatcher;
  readonly list_match?: { readonly one_of: ValueMatcher };
  readonly or_match?: { readonly value_matchers: readonly ValueMatcher[] };
}

/** `envoy.config.route.v3.HeaderMatcher`; pseudo headers `:method`, `:authority`, `:scheme` are matched like any other. */
export interface HeaderMatcher {
  readonly name: string;
  readonly string_match?: StringMatcher;
  readonly present_match?: boolean;
  readonly range_match?: Int64Range;
  readonly exact_match?: string;
  readonly prefix_match?: string;
  readonly suffix_match?: string;
  readonly contains_match?: string;
  readonly safe_regex_match?: RegexMatcher;
  readonly invert_match?: boolean;
  readonly treat_missing_header_as_empty?: boolean;
}

export interface QueryParameterMatcher {
  readonly name: string;
  readonly string_match?: StringMatcher;
  readonly present_match?: boolean;
}

export interface RedirectAction {
  readonly https_redirect?: boolean;
  readonly scheme_redirect?: string;
  readonly host_redirect?: string;
  readonly port_redirect?: number;
  readonly path_redirect?: string;
  readonly prefix_rewrite?: string;
  readonly regex_rewrite?: { readonly pattern?: RegexMatcher; readonly substitution?: string };
  readonly response_code?: 'MOVED_PERMANENTLY' | 'FOUND' | 'SEE_OTHER' | 'TEMPORARY_REDIRECT' | 'PERMANENT_REDIRECT';
  readonly strip_query?: boolean;
}

export interface DirectResponseAction {
  readonly status: number;
  readonly body?: DataSource;
}

/** `envoy.extensions.filters.http.cors.v3.CorsPolicy`: per route under `envoy.filters.http.cors`. */
export interface CorsPolicy {
  readonly allow_origin_string_match?: readonly StringMatcher[];
  /** Comma-separated. */
  readonly allow_methods?: string;
  readonly allow_headers?: string;
  readonly expose_headers?: string;
  /** Seconds, as text. */
  readonly max_age?: string;
  readonly allow_credentials?: boolean;
  readonly filter_enabled?: RuntimeFractionalPercent;
  readonly shadow_enabled?: RuntimeFractionalPercent;
  readonly allow_private_network_access?: boolean;
  /** Default true. */
  readonly forward_not_matching_preflights?: boolean;
}

/** `envoy.extensions.filters.http.fault.v3.HTTPFault`: per route under `envoy.filters.http.fault`. */
export interface HttpFault {
  readonly delay?: FaultDelay;
  readonly abort?: FaultAbort;
  readonly upstream_cluster?: string;
  readonly headers?: readonly HeaderMatcher[];
  readonly downstream_nodes?: readonly string[];
  readonly max_active_faults?: number;
  readonly disable_downstream_cluster_stats?: boolean;
}

export interface FaultDelay {
  readonly fixed_delay?: Duration;
  readonly header_delay?: Record<string, never>;
  readonly percentage?: RuntimeFractionalPercent['default_value'];
}

export interface FaultAbort {
  readonly http_status?: number;
  readonly grpc_status?: number;
  readonly header_abort?: Record<string, never>;
  readonly percentage?: RuntimeFractionalPercent['default_value'];
}
