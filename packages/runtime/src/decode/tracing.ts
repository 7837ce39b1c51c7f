import type {
  HttpService,
  HttpTracing,
  OtelSampler,
  OtelTracer,
  ResourceDetector,
  RouteTracing,
  Sampling,
  Share,
  TracingProvider,
  ZipkinTracer,
} from '../types/tracing.ts';
import { fraction } from './access-log-filter.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { decodeCustomTags } from './custom-tag.ts';
import { decodeGrpcService } from './grpc-service.ts';
import { decodeHttpService } from './http-service.ts';
import { asObject, type Reader } from './reader.ts';

const DEFAULT_PATH_LENGTH = 256;
const DEFAULT_OTEL_SERVICE = 'unknown_service:envoy';

const PROVIDERS: ExtensionTable<TracingProvider> = {
  'envoy.config.trace.v3.OpenTelemetryConfig': decodeOtel,
  'envoy.config.trace.v3.ZipkinConfig': decodeZipkin,
};

const DETECTORS: ExtensionTable<ResourceDetector> = {
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.EnvironmentResourceDetectorConfig': () => ({ t: 'environment' }),
  'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig': (config) => ({
    t: 'static',
    attributes: Object.fromEntries(Object.entries(asObject(config.raw('attributes')) ?? {}).map(([key, value]) => [key, String(value)])),
  }),
};

const SAMPLERS: ExtensionTable<OtelSampler> = {
  'envoy.extensions.tracers.opentelemetry.samplers.v3.AlwaysOnSamplerConfig': () => ({ t: 'always' }),
  'envoy.extensions.tracers.opentelemetry.samplers.v3.TraceIdRatioBasedSamplerConfig': (config) => {
    const { numerator, denominator } = fraction(config.message('sampling_percentage'));
    return { t: 'ratio', ratio: Math.min(1, numerator / denominator) };
  },
  'envoy.extensions.tracers.opentelemetry.samplers.v3.ParentBasedSamplerConfig': (config) => {
    const wrapped = config.message('wrapped_sampler');
    if (wrapped === undefined) config.fail('wrapped_sampler', 'missing');
    const root = wrapped === undefined ? undefined : decodeExtension(wrapped, SAMPLERS);
    return root === undefined ? undefined : { t: 'parent', root };
  },
};

/** `HttpConnectionManager.Tracing`. */
export function decodeTracing(reader: Reader): HttpTracing {
  const found = reader.message('provider');
  const provider = found === undefined ? undefined : decodeExtension(found, PROVIDERS);
  reader.require('verbose', !reader.bool('verbose'), 'annotations of each step are not supported by this proxy');
  return {
    sampling: {
      client: percent(reader.message('client_sampling')),
      random: percent(reader.message('random_sampling')),
      overall: percent(reader.message('overall_sampling')),
    },
    customTags: decodeCustomTags(reader),
    maxPathTagLength: reader.number('max_path_tag_length', DEFAULT_PATH_LENGTH),
    spawnUpstreamSpan: reader.bool('spawn_upstream_span'),
    ...(provider === undefined ? {} : { provider }),
  };
}

/** `route.v3.Tracing`. */
export function decodeRouteTracing(reader: Reader): RouteTracing {
  const share = (name: string): Share => (reader.has(name) ? fraction(reader.message(name)) : ALL);
  const sampling: Sampling = { client: share('client_sampling'), random: share('random_sampling'), overall: share('overall_sampling') };
  return { sampling, customTags: decodeCustomTags(reader) };
}

const ALL: Share = { numerator: 10_000, denominator: 10_000 };

/** `type.v3.Percent`, in the steps that Envoy counts in. */
function percent(reader: Reader | undefined): Share {
  return reader === undefined ? ALL : { numerator: Math.floor(reader.number('value', 0) * 100), denominator: 10_000 };
}

function decodeOtel(config: Reader): OtelTracer {
  const grpc = config.message('grpc_service');
  const http = config.message('http_service');
  config.require('grpc_service', (grpc === undefined) !== (http === undefined), 'exactly one of grpc_service and http_service must be set');
  const sampler = config.message('sampler');
  const decoded = sampler === undefined ? undefined : decodeExtension(sampler, SAMPLERS);
  return {
    t: 'opentelemetry',
    service:
      http === undefined
        ? { t: 'grpc', grpc: grpc === undefined ? { cluster: '', authority: '', timeoutMs: 0, metadata: [] } : decodeGrpcService(grpc, 0) }
        : { t: 'http', http: decodeHttpService(http) },
    serviceName: config.string('service_name') === '' ? DEFAULT_OTEL_SERVICE : config.string('service_name'),
    detectors: config
      .messages('resource_detectors')
      .map((item) => decodeExtension(item, DETECTORS))
      .filter((item) => item !== undefined),
    ...(decoded === undefined ? {} : { sampler: decoded }),
  };
}

function decodeZipkin(config: Reader): ZipkinTracer {
  const service = config.message('collector_service');
  config.oneOf('collector_endpoint_version', { HTTP_JSON: 2 }, 2);
  config.require('collector_endpoint_version', config.has('collector_endpoint_version'), 'only HTTP_JSON is supported by this proxy');
  return {
    t: 'zipkin',
    service: service === undefined ? decodeCollector(config) : decodeHttpService(service),
    traceId128: config.bool('trace_id_128bit'),
    sharedSpanContext: config.bool('shared_span_context', true),
    splitSpans: config.bool('split_spans_for_request'),
    w3c: config.oneOf('trace_context_option', { USE_B3: false, USE_B3_WITH_W3C_PROPAGATION: true }, false),
  };
}

/** The spelling before `collector_service`, in three fields. */
function decodeCollector(config: Reader): HttpService {
  const cluster = config.string('collector_cluster');
  const path = config.string('collector_endpoint');
  config.require('collector_cluster', cluster !== '', 'missing');
  config.require('collector_endpoint', path !== '', 'missing');
  return { cluster, host: config.string('collector_hostname'), path, timeoutMs: 5_000, headers: [] };
}
