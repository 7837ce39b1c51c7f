import type { CollectorHeader, MeshConfig, SpanProvider, SpanTag } from '@meltemi/model';
import type { Any, CustomTag, GrpcService, HttpTracing, JsonObject } from '@meltemi/protos-types';
import { protoDuration } from '../common/duration.ts';
import { AGENT_CLUSTER } from '../common/names.ts';

const OTEL = 'envoy.tracers.opentelemetry';
const ZIPKIN = 'envoy.tracers.zipkin';
const OTEL_TYPE = 'type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig';
const ZIPKIN_TYPE = 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig';
const ENVIRONMENT_DETECTOR = 'type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3.EnvironmentResourceDetectorConfig';

/** Envoy's own for Zipkin, where nothing else can be said. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** Where a connection manager stands. */
export interface TracingPlace {
  readonly mesh: MeshConfig;
  readonly gateway: boolean;
  readonly dataPlane: 'embedded' | 'envoy';
}

/**
 * Tracing of a connection manager. Spans go to the provider that the mesh names. Without one Envoy hands them to its agent; our own proxy
 * always tells its agent, and needs no tracer for that.
 */
export function tracing({ mesh, gateway, dataPlane }: TracingPlace): HttpTracing {
  const { spans, spanTags, maxPathTagLength } = mesh.telemetry;
  const length = spans?.maxTagLength ?? maxPathTagLength;
  return {
    client_sampling: { value: 100 },
    random_sampling: { value: mesh.tracingSamplingPercent },
    overall_sampling: { value: 100 },
    ...(gateway ? { spawn_upstream_span: true } : {}),
    ...(length === undefined ? {} : { max_path_tag_length: length }),
    ...(spanTags.length === 0 ? {} : { custom_tags: spanTags.map(customTag) }),
    ...providerOf(spans, dataPlane),
  };
}

function providerOf(spans: SpanProvider | undefined, dataPlane: 'embedded' | 'envoy'): Pick<HttpTracing, 'provider'> {
  if (spans?.t === 'zipkin') return { provider: { name: ZIPKIN, typed_config: zipkin(spans) } };
  if (spans?.t === 'opentelemetry') return { provider: { name: OTEL, typed_config: opentelemetry(spans) } };
  return dataPlane === 'envoy' ? { provider: { name: OTEL, typed_config: AGENT_TRACER } } : {};
}

const AGENT_TRACER: Any<{ readonly grpc_service: GrpcService; readonly service_name: string }> = {
  '@type': OTEL_TYPE,
  grpc_service: { envoy_grpc: { cluster_name: AGENT_CLUSTER }, timeout: '5s' },
  service_name: 'meltemi',
};

/** Who a span is of is known in the proxy's environment (OTEL_RESOURCE_ATTRIBUTES): listeners are shared by many workloads. */
function opentelemetry(spans: SpanProvider & { t: 'opentelemetry' }): Any<JsonObject> {
  const { collector, http, timeoutMs, headers } = spans;
  const timeout = protoDuration(timeoutMs);
  const initial = headers.map(({ name, value }) => ({ key: name, value }));
  const service: JsonObject =
    http === undefined
      ? {
          grpc_service: {
            envoy_grpc: { cluster_name: collector.cluster, authority: collector.host },
            timeout,
            ...(initial.length === 0 ? {} : { initial_metadata: initial }),
          },
        }
      : { http_service: httpService(spans, http.path) };
  return {
    '@type': OTEL_TYPE,
    ...service,
    resource_detectors: [{ name: 'envoy.tracers.opentelemetry.resource_detectors.environment', typed_config: { '@type': ENVIRONMENT_DETECTOR } }],
  };
}

/** Zipkin takes the name of the workload from the node. Client and server have a span each, as in Istio. */
function zipkin(spans: SpanProvider & { t: 'zipkin' }): Any<JsonObject> {
  const { collector, path, traceId64, w3c, headers, timeoutMs } = spans;
  return {
    '@type': ZIPKIN_TYPE,
    ...(headers.length === 0 && timeoutMs === DEFAULT_TIMEOUT_MS
      ? { collector_cluster: collector.cluster, collector_endpoint: path, collector_hostname: authorityOf(collector) }
      : { collector_service: httpService(spans, path) }),
    collector_endpoint_version: 'HTTP_JSON',
    ...(traceId64 ? {} : { trace_id_128bit: true }),
    shared_span_context: false,
    ...(w3c ? { trace_context_option: 'USE_B3_WITH_W3C_PROPAGATION' } : {}),
  };
}

function httpService({ collector, timeoutMs, headers }: SpanProvider, path: string): JsonObject {
  return {
    http_uri: {
      uri: `http://${authorityOf(collector)}${path.startsWith('/') ? path : `/${path}`}`,
      cluster: collector.cluster,
      timeout: protoDuration(timeoutMs),
    },
    ...(headers.length === 0 ? {} : { request_headers_to_add: headers.map(headerOption) }),
  };
}

function authorityOf({ host, port }: SpanProvider['collector']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function headerOption({ name, value }: CollectorHeader): JsonObject {
  return { header: { key: name, value } };
}

function customTag({ tag, source }: SpanTag): CustomTag {
  if (source.t === 'literal') return { tag, literal: { value: source.value } };
  const value = { name: source.name, ...(source.defaultValue === '' ? {} : { default_value: source.defaultValue }) };
  return source.t === 'environment' ? { tag, environment: value } : { tag, request_header: value };
}
