/** `google.protobuf.Duration` in ProtoJSON: seconds with up to nine fraction digits and the suffix `s` ("5s", "0.025s"). */
export type Duration = string;
/** `google.protobuf.Timestamp` in ProtoJSON: RFC 3339, always UTC ("2026-01-02T03:04:05Z"). */
export type Timestamp = string;
/** A 64-bit integer: a number while it is safe, else its decimal digits. */
export type Int64 = number | string;
/** Bytes as standard base64. */
export type Bytes = string;

/** Any JSON value; what `google.protobuf.Value` becomes. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** What `google.protobuf.Struct` becomes. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** `google.protobuf.Any`, expanded: the message's fields beside `@type`. An unknown type keeps its bytes as base64 in `value`. */
export type Any<T extends object = object> = { readonly '@type': string } & T;

/** A named extension (`envoy.config.core.v3.TypedExtensionConfig`). */
export interface TypedExtensionConfig {
  readonly name: string;
  readonly typed_config?: Any;
}

export interface Locality {
  readonly region?: string;
  readonly zone?: string;
  readonly sub_zone?: string;
}

/** Who asks for configuration (`envoy.config.core.v3.Node`). */
export interface Node {
  readonly id?: string;
  readonly cluster?: string;
  readonly metadata?: JsonObject;
  readonly locality?: Locality;
  readonly user_agent_name?: string;
  readonly user_agent_version?: string;
  readonly client_features?: readonly string[];
}

export interface SocketAddress {
  readonly protocol?: 'TCP' | 'UDP';
  readonly address?: string;
  readonly port_value?: number;
  readonly named_port?: string;
  readonly resolver_name?: string;
  readonly ipv4_compat?: boolean;
}

export interface Pipe {
  readonly path?: string;
  readonly mode?: number;
}

/** Exactly one member is set. */
export interface Address {
  readonly socket_address?: SocketAddress;
  readonly pipe?: Pipe;
  readonly envoy_internal_address?: { readonly server_listener_name?: string; readonly endpoint_id?: string };
}

export interface CidrRange {
  readonly address_prefix?: string;
  readonly prefix_len?: number;
}

/** Where an upstream connection leaves from (`envoy.config.core.v3.BindConfig`). */
export interface BindConfig {
  readonly source_address?: SocketAddress;
  readonly freebind?: boolean;
}

/** Filter metadata by reverse-DNS filter name; ours is `meltemi.io`, Istio's `istio`. */
export interface Metadata {
  readonly filter_metadata?: { readonly [filter: string]: JsonObject };
  readonly typed_filter_metadata?: { readonly [filter: string]: Any };
}

/** Text or bytes given in place or by a file of the proxy's machine. PEM is always `inline_string`. */
export interface DataSource {
  readonly filename?: string;
  readonly inline_string?: string;
  readonly inline_bytes?: Bytes;
  readonly environment_variable?: string;
}

/** Where a resource is fetched from; in this mesh always `{ ads: {}, resource_api_version: 'V3' }`. */
export interface ConfigSource {
  readonly ads?: Record<string, never>;
  readonly self?: Record<string, never>;
  readonly path_config_source?: { readonly path?: string };
  readonly api_config_source?: ApiConfigSource;
  readonly initial_fetch_timeout?: Duration;
  readonly resource_api_version?: 'AUTO' | 'V2' | 'V3';
}

export interface ApiConfigSource {
  readonly api_type?: 'GRPC' | 'DELTA_GRPC' | 'AGGREGATED_GRPC' | 'AGGREGATED_DELTA_GRPC' | 'REST';
  readonly transport_api_version?: 'V3';
  readonly grpc_services?: readonly GrpcService[];
  readonly set_node_on_first_message_only?: boolean;
}

/** A gRPC service the proxy calls (`envoy.config.core.v3.GrpcService`). */
export interface GrpcService {
  readonly envoy_grpc?: { readonly cluster_name?: string; readonly authority?: string };
  readonly timeout?: Duration;
  readonly initial_metadata?: readonly HeaderValue[];
}

export interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
  readonly raw_value?: Bytes;
}

export interface HeaderValueOption {
  readonly header?: HeaderValue;
  readonly append_action?: 'APPEND_IF_EXISTS_OR_ADD' | 'ADD_IF_ABSENT' | 'OVERWRITE_IF_EXISTS_OR_ADD' | 'OVERWRITE_IF_EXISTS';
  readonly keep_empty_value?: boolean;
}

/** The four header operations that routes, virtual hosts, weighted clusters and route configurations share. */
export interface HeaderOperations {
  readonly request_headers_to_add?: readonly HeaderValueOption[];
  readonly request_headers_to_remove?: readonly string[];
  readonly response_headers_to_add?: readonly HeaderValueOption[];
  readonly response_headers_to_remove?: readonly string[];
}

export interface RegexMatcher {
  /** RE2 syntax; matches the whole value. */
  readonly regex?: string;
}

/** Exactly one pattern member is set. */
export interface StringMatcher {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly safe_regex?: RegexMatcher;
  readonly ignore_case?: boolean;
}

export interface RegexMatchAndSubstitute {
  readonly pattern?: RegexMatcher;
  readonly substitution?: string;
}

export interface FractionalPercent {
  readonly numerator?: number;
  readonly denominator?: 'HUNDRED' | 'TEN_THOUSAND' | 'MILLION';
}

export interface RuntimeFractionalPercent {
  readonly default_value?: FractionalPercent;
  readonly runtime_key?: string;
}

/** 0 to 100. */
export interface Percent {
  readonly value?: number;
}

export interface Int64Range {
  readonly start?: Int64;
  readonly end?: Int64;
}

export interface TransportSocket {
  readonly name: string;
  readonly typed_config?: Any;
}

export interface TcpKeepalive {
  readonly keepalive_probes?: number;
  /** Seconds. */
  readonly keepalive_time?: number;
  /** Seconds. */
  readonly keepalive_interval?: number;
}

/** Values of `%FLAG%` formats: exactly one member is set. */
export interface SubstitutionFormat {
  readonly text_format_source?: DataSource;
  readonly json_format?: JsonObject;
  readonly omit_empty_values?: boolean;
  readonly content_type?: string;
}
