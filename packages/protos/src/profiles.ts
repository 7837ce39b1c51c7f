/** Folders of own protos, loaded whole in every profile. */
export const OWN_PACKAGES = ['istio', 'meltemi', 'opentelemetry'] as const;

/**
 * What the embedded sidecar and the agent read and write, as files; what these import comes with them. A filter that the sidecar learns
 * gets its line here.
 */
export const SIDECAR_FILES: readonly string[] = [
  'envoy/service/discovery/v3/discovery.proto',
  'envoy/service/accesslog/v3/als.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/config/common/matcher/v3/matcher.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto',
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto',
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto',
  'envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/network/rbac/v3/rbac.proto',
  'envoy/extensions/filters/network/connection_limit/v3/connection_limit.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/filters/http/rbac/v3/rbac.proto',
  'envoy/extensions/filters/http/cors/v3/cors.proto',
  'envoy/extensions/filters/http/jwt_authn/v3/config.proto',
  'envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto',
  'envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto',
  'envoy/extensions/filters/http/compressor/v3/compressor.proto',
  'envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto',
  'envoy/extensions/common/matching/v3/extension_matcher.proto',
  'envoy/extensions/filters/common/matcher/action/v3/skip_action.proto',
  'envoy/extensions/filters/http/set_metadata/v3/set_metadata.proto',
  'envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.proto',
  'envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.proto',
  'envoy/extensions/filters/http/on_demand/v3/on_demand.proto',
  'envoy/extensions/filters/http/buffer/v3/buffer.proto',
  'envoy/extensions/filters/http/health_check/v3/health_check.proto',
  'envoy/extensions/filters/http/grpc_stats/v3/config.proto',
  'envoy/extensions/filters/http/tap/v3/tap.proto',
  'envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto',
  'envoy/extensions/compression/gzip/compressor/v3/gzip.proto',
  'envoy/extensions/filters/http/decompressor/v3/decompressor.proto',
  'envoy/extensions/compression/gzip/decompressor/v3/gzip.proto',
  'envoy/extensions/compression/brotli/decompressor/v3/brotli.proto',
  'envoy/extensions/compression/zstd/decompressor/v3/zstd.proto',
  'envoy/extensions/compression/brotli/compressor/v3/brotli.proto',
  'envoy/extensions/compression/zstd/compressor/v3/zstd.proto',
  'envoy/extensions/path/match/uri_template/v3/uri_template_match.proto',
  'envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto',
  'envoy/extensions/matching/input_matchers/ip/v3/ip.proto',
  'envoy/type/matcher/v3/http_inputs.proto',
  'xds/type/matcher/v3/ip.proto',
  'envoy/extensions/health_check/event_sinks/file/v3/file.proto',
  'envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.proto',
  'envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto',
  'envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto',
  'envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.proto',
  'envoy/extensions/filters/network/set_filter_state/v3/set_filter_state.proto',
  'envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto',
  'envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver.proto',
  'envoy/service/auth/v3/external_auth.proto',
  'envoy/service/ratelimit/v3/rls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/access_loggers/grpc/v3/als.proto',
  'envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite.proto',
  'envoy/extensions/clusters/aggregate/v3/cluster.proto',
  'envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto',
  'envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto',
  'envoy/extensions/load_balancing_policies/random/v3/random.proto',
  'envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto',
  'envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto',
  'envoy/extensions/load_balancing_policies/subset/v3/subset.proto',
  'envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.proto',
  'envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided.proto',
  'envoy/extensions/filters/http/stateful_session/v3/stateful_session.proto',
  'envoy/extensions/http/stateful_session/cookie/v3/cookie.proto',
  'envoy/extensions/http/stateful_session/header/v3/header.proto',
  'envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto',
  'envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config.proto',
  'envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config.proto',
  'envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config.proto',
  'envoy/extensions/retry/host/omit_canary_hosts/v3/omit_canary_hosts.proto',
  'envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.proto',
  'envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/request_id/uuid/v3/uuid.proto',
  'envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto',
  'envoy/config/trace/v3/opentelemetry.proto',
  'envoy/config/trace/v3/zipkin.proto',
  'envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto',
  'envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector.proto',
  'envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler.proto',
  'xds/type/v3/typed_struct.proto',
  'udpa/type/v1/typed_struct.proto',
];

/** Folders (of v3 files) that make up `all`. */
export const ALL_FOLDERS: readonly string[] = [
  'envoy/admin/v3',
  'envoy/config',
  'envoy/data',
  'envoy/extensions',
  'envoy/service',
  'envoy/type',
  'xds/type',
  'xds/core',
  'udpa/type',
];

/** Files whose own imports the npm package does not ship (OpenCensus, Prometheus): nothing the mesh needs lies in them. */
export const UNLOADABLE_FILES: ReadonlySet<string> = new Set([
  'envoy/config/trace/v3/opencensus.proto',
  'envoy/service/trace/v3/trace_service.proto',
  'envoy/service/metrics/v3/metrics_service.proto',
]);

/** Imports that only declare options for other tools (validation rules, documentation). */
export function isAnnotationImport(path: string): boolean {
  return /(^|\/)annotations\/|^validate\/|^google\/api\/(?!expr\/)|^google\/protobuf\/descriptor\.proto$/.test(path);
}

const OTEL_LOG = 'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig';
const ZIPKIN = 'envoy.config.trace.v3.ZipkinConfig';
const TRACE_ID_RATIO = 'envoy.extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig';
const PARENT_BASED = 'envoy.extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig';
const HTTP_OUTLIERS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection';
const HEADER_MUTATIONS = 'envoy.extensions.filters.http.header_mutation.v3.Mutations';
const MUTATION = 'envoy.config.common.mutation_rules.v3.HeaderMutation';
const PAIR = 'envoy.config.core.v3.KeyValuePair';
const TLV_ENTRY = 'envoy.config.core.v3.TlvEntry';

/** Messages that are. */
export const YOUNGER_MESSAGES: Readonly<Record<string, readonly (readonly [name: string, number: number, type: string])[]>> = {
  [HTTP_OUTLIERS]: [['error_matcher', 1, '.envoy.config.common.matcher.v3.MatchPredicate']],
  [`${MUTATION}.RemoveOnMatch`]: [['key_matcher', 1, '.envoy.type.matcher.v3.StringMatcher']],
  [PAIR]: [
    ['key', 1, 'string'],
    ['value', 2, '.google.protobuf.Value'],
  ],
  [TLV_ENTRY]: [
    ['type', 1, 'uint32'],
    ['value', 2, 'bytes'],
  ],
  [TRACE_ID_RATIO]: [['sampling_percentage', 1, '.envoy.type.v3.FractionalPercent']],
  [PARENT_BASED]: [['wrapped_sampler', 1, '.envoy.config.core.v3.TypedExtensionConfig']],
};

/** Enums that are. */
export const YOUNGER_ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  [`${ZIPKIN}.TraceContextOption`]: { USE_B3: 0, USE_B3_WITH_W3C_PROPAGATION: 1 },
};

/** Fields of Envoy that are younger than the shipped files: message, name, number, type. */
export const YOUNGER_FIELDS: readonly (readonly [message: string, name: string, number: number, type: string, rule?: 'repeated'])[] = [
  [HEADER_MUTATIONS, 'query_parameter_mutations', 3, '.envoy.config.core.v3.KeyValueMutation', 'repeated'],
  [HEADER_MUTATIONS, 'response_trailers_mutations', 4, `.${MUTATION}`, 'repeated'],
  [HEADER_MUTATIONS, 'request_trailers_mutations', 5, `.${MUTATION}`, 'repeated'],
  [MUTATION, 'remove_on_match', 3, `.${MUTATION}.RemoveOnMatch`],
  ['envoy.config.core.v3.KeyValueAppend', 'record', 3, `.${PAIR}`],
  ['envoy.config.core.v3.ProxyProtocolConfig', 'added_tlvs', 3, `.${TLV_ENTRY}`, 'repeated'],
  ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', 'auto_host_sni', 6, 'bool'],
  ['envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', 'auto_sni_san_validation', 7, 'bool'],
  ['envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget', 'budget_interval', 3, '.google.protobuf.Duration'],
  ['envoy.extensions.upstreams.http.v3.HttpProtocolOptions', 'outlier_detection', 8, `.${HTTP_OUTLIERS}`],
  [OTEL_LOG, 'http_service', 8, '.envoy.config.core.v3.HttpService'],
  [OTEL_LOG, 'grpc_service', 9, '.envoy.config.core.v3.GrpcService'],
  [OTEL_LOG, 'log_name', 10, 'string'],
  [OTEL_LOG, 'buffer_flush_interval', 11, '.google.protobuf.Duration'],
  [OTEL_LOG, 'buffer_size_bytes', 12, '.google.protobuf.UInt32Value'],
  [ZIPKIN, 'trace_context_option', 8, `.${ZIPKIN}.TraceContextOption`],
  [ZIPKIN, 'collector_service', 9, '.envoy.config.core.v3.HttpService'],
];
