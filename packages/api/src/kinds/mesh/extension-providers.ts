import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { duration, nonEmpty, opt, portNumber, req, text, uint32 } from '../../schema/fields.ts';
import { controlFault, headerNameFault } from '../../schema/formats.ts';
import { logFormatLabels, logFormatText } from '../../schema/log-format.ts';
import { oneOf } from '../../schema/one-of.ts';

const anything = z.record(z.string(), z.unknown());

const serviceName = text((value) =>
  /^(?:[a-z0-9-]+\/)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value) ? undefined : `"${value}" is no host of a service, with or without "namespace/"`,
);
const service = {
  service: req(serviceName, 'Host of the service that takes them; with "namespace/" before it, that of this namespace.'),
  port: req(portNumber, 'Its port.'),
};
const printable = text(controlFault);
const headers = z.array(
  oneOf(
    z.strictObject({
      name: req(text(headerNameFault), 'Name.'),
      value: opt(printable, 'Value.'),
      envName: opt(nonEmpty, 'Environment variable of the proxy that holds the value.'),
    }),
    ['value', 'envName'],
    { required: true },
  ),
);
const names = z.array(nonEmpty);
const path = text((value) => (value === '' ? 'must not be empty' : controlFault(value)));
const logName = opt(nonEmpty, 'Name that the service knows the log by.');
const logFormat = opt(
  z.strictObject({ text: opt(logFormatText, 'Format of lines.'), labels: opt(logFormatLabels, 'Formats by key.') }),
  'What is said; the usual when left out.',
);

const grpcLog = z.strictObject({
  ...service,
  logName,
  filterStateObjectsToLog: opt(names, 'Objects of filters.'),
  additionalRequestHeadersToLog: opt(names, 'Request headers that are told besides.'),
  additionalResponseHeadersToLog: opt(names, 'Response headers that are told besides.'),
  additionalResponseTrailersToLog: opt(names, 'Trailers that are told besides.'),
});

const zipkin = z.strictObject({
  ...service,
  maxTagLength: opt(uint32, 'Longest path in a tag; default 256.'),
  enable64bitTraceId: opt(z.boolean(), 'Trace ids of 64 bits; default 128.'),
  path: opt(path, 'Path of the service; default /api/v2/spans.'),
  traceContextOption: opt(z.enum(['USE_B3', 'USE_B3_WITH_W3C_PROPAGATION']), 'Headers that hand traces on; default USE_B3.'),
  timeout: opt(duration, 'Longest wait for the service; default 5s.'),
  headers: opt(headers, 'Headers for the service.'),
});

const opentelemetry = z.strictObject({
  ...service,
  maxTagLength: opt(uint32, 'Longest path in a tag; default 256.'),
  http: opt(
    z.strictObject({
      path: opt(path, 'Path of the service; default /v1/traces.'),
      timeout: opt(duration, 'Longest wait for the service; default 5s.'),
      headers: opt(headers, 'Headers for the service.'),
    }),
    'OTLP over HTTP; default is gRPC.',
  ),
  grpc: opt(
    z.strictObject({
      timeout: opt(duration, 'Longest wait for the service; default 5s.'),
      initialMetadata: opt(headers, 'Metadata for the service.'),
    }),
    'OTLP over gRPC.',
  ),
  resourceDetectors: opt(
    z.strictObject({ environment: opt(anything, 'OTEL_RESOURCE_ATTRIBUTES of the proxy.'), dynatrace: opt(anything, 'Dynatrace.') }),
    'Where attributes of the workload come from; the environment is always asked.',
  ),
  serviceAttributeEnrichment: opt(z.enum(['ISTIO_CANONICAL', 'OTEL_SEMANTIC_CONVENTIONS']), 'How workloads are named.'),
  dynatraceSampler: opt(anything, 'Dynatrace.'),
});

const KINDS = [
  'envoyExtAuthzHttp',
  'envoyExtAuthzGrpc',
  'zipkin',
  'lightstep',
  'datadog',
  'stackdriver',
  'opencensus',
  'skywalking',
  'opentelemetry',
  'prometheus',
  'envoyFileAccessLog',
  'envoyHttpAls',
  'envoyTcpAls',
  'envoyOtelAls',
  'sds',
] as const;

/** One of `extensionProviders`: a service outside the mesh's own that proxies work with. */
export const extensionProvider = oneOf(
  z.strictObject({
    name: req(nonEmpty, 'Name by which defaultProviders speaks of it.'),
    envoyExtAuthzHttp: opt(anything, 'Authorization over HTTP.'),
    envoyExtAuthzGrpc: opt(anything, 'Authorization over gRPC.'),
    zipkin: opt(zipkin, 'Spans for Zipkin.'),
    lightstep: opt(anything, 'Lightstep.'),
    datadog: opt(anything, 'Datadog.'),
    stackdriver: opt(anything, 'Stackdriver.'),
    opencensus: opt(anything, 'OpenCensus.'),
    skywalking: opt(anything, 'SkyWalking.'),
    opentelemetry: opt(opentelemetry, 'Spans as OTLP.'),
    prometheus: opt(anything, 'Metrics for Prometheus.'),
    envoyFileAccessLog: opt(
      z.strictObject({
        path: opt(nonEmpty, 'File; default /dev/stdout.'),
        logFormat,
        omitEmptyValues: opt(z.boolean(), 'Leave out what there is not.'),
      }),
      'Access log into a file.',
    ),
    envoyHttpAls: opt(grpcLog, "Access log of HTTP for Envoy's log service."),
    envoyTcpAls: opt(
      z.strictObject({ ...service, logName, filterStateObjectsToLog: opt(names, 'Objects of filters.') }),
      "Access log of TCP for Envoy's log service.",
    ),
    envoyOtelAls: opt(z.strictObject({ ...service, logName, logFormat }), 'Access log as OTLP.'),
    sds: opt(anything, 'Secrets.'),
  }),
  KINDS,
  { required: true },
);

/** A provider that is in force. */
export type ExtensionProvider = DeepReadonly<z.output<typeof extensionProvider>>;

const AUTHORIZATION = 'authorization by a service of your own (action CUSTOM) is not built yet';
const TRACERS = 'spans go to zipkin or opentelemetry';
const OBJECTS = 'filters of the mesh leave no objects';

/** What of providers is not in force. */
export const PROVIDER_UNSUPPORTED: Readonly<Record<string, string>> = {
  envoyExtAuthzHttp: AUTHORIZATION,
  envoyExtAuthzGrpc: AUTHORIZATION,
  lightstep: TRACERS,
  datadog: TRACERS,
  stackdriver: TRACERS,
  opencensus: TRACERS,
  skywalking: TRACERS,
  sds: 'secrets come from the control plane',
  'opentelemetry.resourceDetectors.dynatrace': 'attributes come from the environment of the proxy',
  'opentelemetry.serviceAttributeEnrichment!=ISTIO_CANONICAL': 'workloads are named by their canonical service',
  'opentelemetry.dynatraceSampler': 'sampling is that of the mesh',
  'envoyHttpAls.filterStateObjectsToLog': OBJECTS,
  'envoyTcpAls.filterStateObjectsToLog': OBJECTS,
};

/** Kinds of providers that traces and logs may go to. */
export const TRACING_KINDS = ['zipkin', 'opentelemetry'] as const;
export const LOGGING_KINDS = ['envoyFileAccessLog', 'envoyHttpAls', 'envoyTcpAls', 'envoyOtelAls'] as const;
/** A provider that needs no definition: lines on standard output. */
export const BUILT_IN_LOG = 'envoy';
