import type { Any, GrpcService, JsonObject, RuntimeFractionalPercent, SubstitutionFormat } from './common.ts';

/** `envoy.config.accesslog.v3.AccessLog`. */
export interface AccessLog {
  readonly name: string;
  readonly filter?: AccessLogFilter;
  readonly typed_config?: Any;
}

/** Exactly one member is set. */
export interface AccessLogFilter {
  readonly status_code_filter?: ComparisonFilter;
  readonly duration_filter?: ComparisonFilter;
  readonly not_health_check_filter?: Record<string, never>;
  readonly traceable_filter?: Record<string, never>;
  readonly runtime_filter?: { readonly runtime_key?: string; readonly percent_sampled?: RuntimeFractionalPercent['default_value'] };
  readonly and_filter?: { readonly filters?: readonly AccessLogFilter[] };
  readonly or_filter?: { readonly filters?: readonly AccessLogFilter[] };
  readonly response_flag_filter?: { readonly flags?: readonly string[] };
  readonly extension_filter?: { readonly name?: string; readonly typed_config?: Any };
}

export interface ComparisonFilter {
  readonly comparison?: { readonly op?: 'EQ' | 'GE' | 'LE'; readonly value?: { readonly default_value?: number; readonly runtime_key?: string } };
}

/** `envoy.extensions.access_loggers.file.v3.FileAccessLog`. */
export interface FileAccessLog {
  readonly path?: string;
  readonly format?: string;
  readonly json_format?: JsonObject;
  readonly typed_json_format?: JsonObject;
  readonly log_format?: SubstitutionFormat;
}

/** `envoy.extensions.access_loggers.stream.v3.StdoutAccessLog` and `StderrAccessLog`. */
export interface StreamAccessLog {
  readonly log_format?: SubstitutionFormat;
}

/** `envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig`. */
export interface CommonGrpcAccessLogConfig {
  readonly log_name?: string;
  readonly grpc_service?: GrpcService;
  readonly transport_api_version?: 'V3';
  readonly buffer_flush_interval?: string;
  readonly buffer_size_bytes?: number;
  readonly filter_state_objects_to_log?: readonly string[];
  readonly custom_tags?: readonly CustomTag[];
}

/** `envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig`. */
export interface HttpGrpcAccessLogConfig {
  readonly common_config?: CommonGrpcAccessLogConfig;
  readonly additional_request_headers_to_log?: readonly string[];
  readonly additional_response_headers_to_log?: readonly string[];
  readonly additional_response_trailers_to_log?: readonly string[];
}

/** `envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`. */
export interface TcpGrpcAccessLogConfig {
  readonly common_config?: CommonGrpcAccessLogConfig;
}

/** A tag of a span or log entry (`envoy.type.tracing.v3.CustomTag`); exactly one source is set. */
export interface CustomTag {
  readonly tag?: string;
  readonly literal?: { readonly value?: string };
  readonly environment?: { readonly name?: string; readonly default_value?: string };
  readonly request_header?: { readonly name?: string; readonly default_value?: string };
  readonly metadata?: CustomTagMetadata;
}

export interface CustomTagMetadata {
  readonly kind?: {
    readonly request?: Record<string, never>;
    readonly route?: Record<string, never>;
    readonly cluster?: Record<string, never>;
    readonly host?: Record<string, never>;
  };
  readonly metadata_key?: { readonly key?: string; readonly path?: readonly { readonly key?: string }[] };
  readonly default_value?: string;
}
