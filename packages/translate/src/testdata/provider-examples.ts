/** Settings of MeshConfig for every field of its providers, by path: each with what it would be without. */
const AT = 'service: web.shop.svc.cluster.local, port: 80';

/** A provider that is in use. */
function provider(use: 'tracing' | 'accessLogging', kind: string, fields: string): string {
  return `{ extensionProviders: [{ name: own, ${kind}: { ${fields} } }], defaultProviders: { ${use}: [own] } }`;
}

const served = (use: 'tracing' | 'accessLogging', kind: string, fields = ''): string => provider(use, kind, fields === '' ? AT : `${AT}, ${fields}`);
const zipkin = (fields = ''): string => served('tracing', 'zipkin', fields);
const otel = (fields = ''): string => served('tracing', 'opentelemetry', fields);
const log = (kind: string, fields = ''): string => served('accessLogging', kind, fields);
const file = (fields: string): string => provider('accessLogging', 'envoyFileAccessLog', fields);

const tag = (text: string): string => `{ defaultConfig: { tracing: { customTags: { a: { ${text} } } } } }`;

const SERVICE = '{ enableEnvoyAccessLogService: true, defaultConfig: { envoyAccessLogService: { address: "logs.example:9000" } } }';
const HEADER = '{ name: x-key, value: secret }';
const FROM_ENVIRONMENT = '{ name: x-key, envName: KEY }';

/** By the field that they show. */
export const PROVIDER_EXAMPLES: Readonly<Record<string, string>> = {
  enableEnvoyAccessLogService: SERVICE,
  'defaultConfig.envoyAccessLogService.address': SERVICE,
  'defaultConfig.tracing.zipkin.address': '{ defaultConfig: { tracing: { zipkin: { address: "10.9.9.9:9411" } } } }',
  'defaultConfig.tracing.customTags': tag('literal: { value: b }'),
  'defaultConfig.tracing.customTags.*.literal.value': tag('literal: { value: b }'),
  'defaultConfig.tracing.customTags.*.environment.name': tag('environment: { name: ZONE }'),
  'defaultConfig.tracing.customTags.*.environment.defaultValue': tag('environment: { name: ZONE, defaultValue: b }'),
  'defaultConfig.tracing.customTags.*.header.name': tag('header: { name: x-b }'),
  'defaultConfig.tracing.customTags.*.header.defaultValue': tag('header: { name: x-b, defaultValue: b }'),
  'defaultConfig.tracing.maxPathTagLength': '{ defaultConfig: { tracing: { maxPathTagLength: 9 } } }',
  extensionProviders: zipkin(),
  'extensionProviders[].name': zipkin(),
  'extensionProviders[].zipkin.service': zipkin(),
  'extensionProviders[].zipkin.port': zipkin(),
  'extensionProviders[].zipkin.maxTagLength': zipkin('maxTagLength: 9'),
  'extensionProviders[].zipkin.enable64bitTraceId': zipkin('enable64bitTraceId: true'),
  'extensionProviders[].zipkin.path': zipkin('path: /spans'),
  'extensionProviders[].zipkin.traceContextOption': zipkin('traceContextOption: USE_B3_WITH_W3C_PROPAGATION'),
  'extensionProviders[].zipkin.timeout': zipkin('timeout: 2s'),
  'extensionProviders[].zipkin.headers': zipkin(`headers: [${HEADER}]`),
  'extensionProviders[].zipkin.headers[].name': zipkin(`headers: [${HEADER}]`),
  'extensionProviders[].zipkin.headers[].value': zipkin(`headers: [${HEADER}]`),
  'extensionProviders[].zipkin.headers[].envName': zipkin(`headers: [${FROM_ENVIRONMENT}]`),
  'extensionProviders[].opentelemetry.service': otel(),
  'extensionProviders[].opentelemetry.port': otel(),
  'extensionProviders[].opentelemetry.maxTagLength': otel('maxTagLength: 9'),
  'extensionProviders[].opentelemetry.http.path': otel('http: { path: /traces }'),
  'extensionProviders[].opentelemetry.http.timeout': otel('http: { timeout: 2s }'),
  'extensionProviders[].opentelemetry.http.headers': otel(`http: { headers: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.http.headers[].name': otel(`http: { headers: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.http.headers[].value': otel(`http: { headers: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.http.headers[].envName': otel(`http: { headers: [${FROM_ENVIRONMENT}] }`),
  'extensionProviders[].opentelemetry.grpc.timeout': otel('grpc: { timeout: 2s }'),
  'extensionProviders[].opentelemetry.grpc.initialMetadata': otel(`grpc: { initialMetadata: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.grpc.initialMetadata[].name': otel(`grpc: { initialMetadata: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.grpc.initialMetadata[].value': otel(`grpc: { initialMetadata: [${HEADER}] }`),
  'extensionProviders[].opentelemetry.grpc.initialMetadata[].envName': otel(`grpc: { initialMetadata: [${FROM_ENVIRONMENT}] }`),
  'extensionProviders[].envoyFileAccessLog.path': file('path: /tmp/log'),
  'extensionProviders[].envoyFileAccessLog.logFormat.text': file('logFormat: { text: "%PROTOCOL%" }'),
  'extensionProviders[].envoyFileAccessLog.logFormat.labels': file('logFormat: { labels: { code: "%RESPONSE_CODE%" } }'),
  'extensionProviders[].envoyFileAccessLog.omitEmptyValues': file('omitEmptyValues: true'),
  'extensionProviders[].envoyHttpAls.service': log('envoyHttpAls'),
  'extensionProviders[].envoyHttpAls.port': log('envoyHttpAls'),
  'extensionProviders[].envoyHttpAls.logName': log('envoyHttpAls', 'logName: shop'),
  'extensionProviders[].envoyHttpAls.additionalRequestHeadersToLog': log('envoyHttpAls', 'additionalRequestHeadersToLog: [x-a]'),
  'extensionProviders[].envoyHttpAls.additionalResponseHeadersToLog': log('envoyHttpAls', 'additionalResponseHeadersToLog: [x-a]'),
  'extensionProviders[].envoyHttpAls.additionalResponseTrailersToLog': log('envoyHttpAls', 'additionalResponseTrailersToLog: [x-a]'),
  'extensionProviders[].envoyTcpAls.service': log('envoyTcpAls'),
  'extensionProviders[].envoyTcpAls.port': log('envoyTcpAls'),
  'extensionProviders[].envoyTcpAls.logName': log('envoyTcpAls', 'logName: shop'),
  'extensionProviders[].envoyOtelAls.service': log('envoyOtelAls'),
  'extensionProviders[].envoyOtelAls.port': log('envoyOtelAls'),
  'extensionProviders[].envoyOtelAls.logName': log('envoyOtelAls', 'logName: shop'),
  'extensionProviders[].envoyOtelAls.logFormat.text': log('envoyOtelAls', 'logFormat: { text: "%PROTOCOL%" }'),
  'extensionProviders[].envoyOtelAls.logFormat.labels': log('envoyOtelAls', 'logFormat: { labels: { code: "%RESPONSE_CODE%" } }'),
  'defaultProviders.tracing': zipkin(),
  'defaultProviders.accessLogging': log('envoyTcpAls'),
};

/** What decides about other things than what proxies get, and where that is. */
export const PROVIDERS_ELSEWHERE: Readonly<Record<string, string>> = {
  'extensionProviders[].opentelemetry.resourceDetectors.environment': 'the environment of the proxy is always asked',
  'extensionProviders[].prometheus': 'metrics are always there for Prometheus',
};
