import type { AccessLog, CustomTag } from './access-log.ts';
import type { Any, ConfigSource, Duration, Percent, SubstitutionFormat, TypedExtensionConfig } from './common.ts';
import type { HeaderMatcher, RouteConfiguration } from './route.ts';

/** `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`. */
export interface HttpConnectionManager {
  readonly codec_type?: 'AUTO' | 'HTTP1' | 'HTTP2' | 'HTTP3';
  readonly stat_prefix?: string;
  /** Exactly one of `rds` and `route_config` is set. */
  readonly rds?: Rds;
  readonly route_config?: RouteConfiguration;
  readonly http_filters?: readonly HttpFilter[];
  readonly access_log?: readonly AccessLog[];
  readonly access_log_options?: { readonly access_log_flush_interval?: Duration; readonly flush_access_log_on_new_request?: boolean };
  readonly tracing?: HttpTracing;
  readonly common_http_protocol_options?: HttpConnectionOptions;
  readonly http_protocol_options?: Http1ProtocolOptions;
  readonly http2_protocol_options?: Http2ProtocolOptions;
  readonly server_name?: string;
  readonly server_header_transformation?: 'OVERWRITE' | 'APPEND_IF_ABSENT' | 'PASS_THROUGH';
  readonly add_user_agent?: boolean;
  readonly max_request_headers_kb?: number;
  readonly stream_idle_timeout?: Duration;
  readonly request_timeout?: Duration;
  readonly request_headers_timeout?: Duration;
  readonly drain_timeout?: Duration;
  readonly delayed_close_timeout?: Duration;
  /** The connection's address is the client's; `x-forwarded-for` is appended to, never believed. */
  readonly use_remote_address?: boolean;
  readonly xff_num_trusted_hops?: number;
  readonly skip_xff_append?: boolean;
  readonly append_x_forwarded_port?: boolean;
  readonly internal_address_config?: {
    readonly unix_sockets?: boolean;
    readonly cidr_ranges?: readonly { readonly address_prefix?: string; readonly prefix_len?: number }[];
  };
  readonly via?: string;
  readonly generate_request_id?: boolean;
  readonly preserve_external_request_id?: boolean;
  readonly always_set_request_id_in_response?: boolean;
  readonly request_id_extension?: { readonly typed_config?: Any };
  readonly forward_client_cert_details?: 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';
  readonly set_current_client_cert_details?: {
    readonly subject?: boolean;
    readonly cert?: boolean;
    readonly chain?: boolean;
    readonly dns?: boolean;
    readonly uri?: boolean;
  };
  readonly proxy_100_continue?: boolean;
  readonly upgrade_configs?: readonly UpgradeConfig[];
  readonly normalize_path?: boolean;
  readonly merge_slashes?: boolean;
  readonly path_with_escaped_slashes_action?: PathWithEscapedSlashesAction;
  readonly strip_any_host_port?: boolean;
  readonly strip_matching_host_port?: boolean;
  readonly stream_error_on_invalid_http_message?: boolean;
  readonly local_reply_config?: LocalReplyConfig;
  readonly early_header_mutation_extensions?: readonly TypedExtensionConfig[];
}

export type PathWithEscapedSlashesAction =
  | 'IMPLEMENTATION_SPECIFIC_DEFAULT'
  | 'KEEP_UNCHANGED'
  | 'REJECT_REQUEST'
  | 'UNESCAPE_AND_REDIRECT'
  | 'UNESCAPE_AND_FORWARD';

export interface Rds {
  readonly config_source?: ConfigSource;
  readonly route_config_name?: string;
}

/** One HTTP filter; the router is last. */
export interface HttpFilter {
  readonly name: string;
  readonly typed_config?: Any;
  readonly is_optional?: boolean;
  readonly disabled?: boolean;
}

/** `envoy.extensions.filters.http.router.v3.Router`. */
export interface Router {
  readonly dynamic_stats?: boolean;
  readonly start_child_span?: boolean;
  readonly suppress_envoy_headers?: boolean;
  readonly upstream_log?: readonly AccessLog[];
  readonly respect_expected_rq_timeout?: boolean;
}

export interface UpgradeConfig {
  /** `websocket`, `CONNECT`. */
  readonly upgrade_type?: string;
  readonly filters?: readonly HttpFilter[];
  readonly enabled?: boolean;
}

/** `HttpConnectionManager.Tracing`. */
export interface HttpTracing {
  readonly client_sampling?: Percent;
  readonly random_sampling?: Percent;
  readonly overall_sampling?: Percent;
  readonly verbose?: boolean;
  readonly max_path_tag_length?: number;
  readonly custom_tags?: readonly CustomTag[];
  readonly provider?: { readonly name: string; readonly typed_config?: Any };
  readonly spawn_upstream_span?: boolean;
}

/** `envoy.config.core.v3.HttpProtocolOptions`. */
export interface HttpConnectionOptions {
  readonly idle_timeout?: Duration;
  readonly max_connection_duration?: Duration;
  readonly max_headers_count?: number;
  readonly max_stream_duration?: Duration;
  readonly headers_with_underscores_action?: 'ALLOW' | 'REJECT_REQUEST' | 'DROP_HEADER';
  readonly max_requests_per_connection?: number;
}

export interface Http1ProtocolOptions {
  readonly allow_absolute_url?: boolean;
  readonly accept_http_10?: boolean;
  readonly default_host_for_http_10?: string;
  readonly header_key_format?: { readonly proper_case_words?: Record<string, never>; readonly stateful_formatter?: TypedExtensionConfig };
  readonly enable_trailers?: boolean;
  readonly override_stream_error_on_invalid_http_message?: boolean;
}

export interface Http2ProtocolOptions {
  readonly max_concurrent_streams?: number;
  readonly initial_stream_window_size?: number;
  readonly initial_connection_window_size?: number;
  readonly allow_connect?: boolean;
  readonly connection_keepalive?: { readonly interval?: Duration; readonly timeout?: Duration };
}

export interface LocalReplyConfig {
  readonly body_format?: SubstitutionFormat;
}

/** `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`, under that name in a cluster's `typed_extension_protocol_options`. */
export interface HttpProtocolOptions {
  readonly common_http_protocol_options?: HttpConnectionOptions;
  /** Exactly one of the next three is set. */
  readonly explicit_http_config?: { readonly http_protocol_options?: Http1ProtocolOptions; readonly http2_protocol_options?: Http2ProtocolOptions };
  readonly use_downstream_protocol_config?: {
    readonly http_protocol_options?: Http1ProtocolOptions;
    readonly http2_protocol_options?: Http2ProtocolOptions;
  };
  readonly auto_config?: { readonly http_protocol_options?: Http1ProtocolOptions; readonly http2_protocol_options?: Http2ProtocolOptions };
  readonly upstream_http_protocol_options?: {
    readonly auto_sni?: boolean;
    readonly auto_san_validation?: boolean;
    readonly override_auto_sni_header?: string;
  };
  /** Which responses count as failures of a host; absent: 5xx. */
  readonly outlier_detection?: { readonly error_matcher?: ResponseMatcher };
  readonly http_filters?: readonly HttpFilter[];
}

/** `envoy.config.common.matcher.v3.MatchPredicate`, as far as responses are told apart by it. */
export interface ResponseMatcher {
  readonly or_match?: { readonly rules?: readonly ResponseMatcher[] };
  readonly http_response_headers_match?: { readonly headers?: readonly HeaderMatcher[] };
}

/** Header names are written as they came (HTTP/1.1); the extension is looked up by its type. */
export const PRESERVE_CASE: NonNullable<Http1ProtocolOptions['header_key_format']> = {
  stateful_formatter: {
    name: 'preserve_case',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig' },
  },
};
