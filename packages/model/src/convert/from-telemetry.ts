import { durationMs, type ExtensionProvider, type MeshConfigSpec, type ProxySettings } from '@meltemi/api';
import type { Collector, CollectorHeader, LogLine, LogProvider, MeshTelemetry, SpanProvider, SpanTag } from '../types/mesh-telemetry.ts';

/** Istio's names of the clusters that stand for an address in `defaultConfig`. */
const ZIPKIN_CLUSTER = 'zipkin';
const LOG_SERVICE_CLUSTER = 'envoy_accesslog_service';
const ZIPKIN_PATH = '/api/v2/spans';
const OTLP_PATH = '/v1/traces';
const STDOUT = '/dev/stdout';
const DEFAULT_TIMEOUT_MS = 5_000;

/** Logs and traces for collectors, as a MeshConfig says; `base` where it says nothing. */
export function telemetryFrom(base: MeshTelemetry, spec: MeshConfigSpec): MeshTelemetry {
  const { extensionProviders = [], defaultProviders = {}, defaultConfig = {} } = spec;
  const named = (name: string): ExtensionProvider | undefined => extensionProviders.find((provider) => provider.name === name);
  const logs = (defaultProviders.accessLogging ?? []).flatMap((name) => logProvider(named(name)));
  return {
    logs: logs.length === 0 ? base.logs : logs,
    accessLogService: logService(spec) ?? base.accessLogService,
    ...spansFrom(base, defaultConfig.tracing ?? {}, defaultProviders.tracing?.map(named)[0]),
  };
}

/** A provider that is named goes before an address. */
function spansFrom(
  base: MeshTelemetry,
  settings: Settings,
  provider: ExtensionProvider | undefined,
): Pick<MeshTelemetry, 'spans' | 'spanTags' | 'maxPathTagLength'> {
  const { customTags, maxPathTagLength, zipkin } = settings;
  return {
    spans: spanProvider(provider) ?? zipkinByAddress(zipkin) ?? base.spans,
    spanTags: customTags === undefined ? base.spanTags : Object.entries(customTags).map(([tag, source]) => spanTag(tag, source)),
    maxPathTagLength: maxPathTagLength ?? base.maxPathTagLength,
  };
}

type Service = Pick<NonNullable<ExtensionProvider['envoyTcpAls']>, 'service' | 'port'>;
type Settings = NonNullable<ProxySettings['tracing']>;

function collectorOf({ service, port }: Service): Collector {
  const slash = service.indexOf('/');
  const host = service.slice(slash + 1);
  return { namespace: slash > 0 ? service.slice(0, slash) : undefined, host, port, cluster: `outbound|${port}||${host}`, byAddress: false };
}

function collectorAt(address: string, cluster: string): Collector {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return { namespace: undefined, host, port: Number(address.slice(colon + 1)), cluster, byAddress: true };
}

function logService({ enableEnvoyAccessLogService, defaultConfig }: MeshConfigSpec): Collector | undefined {
  const address = defaultConfig?.envoyAccessLogService?.address;
  return enableEnvoyAccessLogService === true && address !== undefined ? collectorAt(address, LOG_SERVICE_CLUSTER) : undefined;
}

/** Of a name that is not defined only `envoy` is left: lines on standard output. */
function logProvider(provider: ExtensionProvider | undefined): readonly LogProvider[] {
  if (provider === undefined) return [{ t: 'file', path: STDOUT, format: lineOf(undefined), omitEmptyValues: false }];
  const { envoyFileAccessLog: file, envoyHttpAls: http, envoyTcpAls: tcp, envoyOtelAls: otel } = provider;
  if (file !== undefined)
    return [{ t: 'file', path: file.path ?? STDOUT, format: lineOf(file.logFormat), omitEmptyValues: file.omitEmptyValues ?? false }];
  if (http !== undefined) return [httpService(http)];
  if (tcp !== undefined) return [{ t: 'tcp-als', collector: collectorOf(tcp), logName: tcp.logName ?? 'tcp_envoy_accesslog' }];
  if (otel !== undefined)
    return [{ t: 'otel', collector: collectorOf(otel), logName: otel.logName ?? 'otel_envoy_accesslog', format: lineOf(otel.logFormat) }];
  return [];
}

function httpService(http: NonNullable<ExtensionProvider['envoyHttpAls']>): LogProvider {
  return {
    t: 'http-als',
    collector: collectorOf(http),
    logName: http.logName ?? 'http_envoy_accesslog',
    requestHeaders: http.additionalRequestHeadersToLog ?? [],
    responseHeaders: http.additionalResponseHeadersToLog ?? [],
    responseTrailers: http.additionalResponseTrailersToLog ?? [],
  };
}

function lineOf(format: NonNullable<ExtensionProvider['envoyFileAccessLog']>['logFormat']): LogLine {
  return { text: format?.text ?? '', labels: format?.labels };
}

function spanProvider(provider: ExtensionProvider | undefined): SpanProvider | undefined {
  const { zipkin, opentelemetry } = provider ?? {};
  if (zipkin !== undefined) {
    return {
      t: 'zipkin',
      collector: collectorOf(zipkin),
      path: zipkin.path ?? ZIPKIN_PATH,
      traceId64: zipkin.enable64bitTraceId ?? false,
      w3c: zipkin.traceContextOption === 'USE_B3_WITH_W3C_PROPAGATION',
      timeoutMs: ms(zipkin.timeout),
      headers: headersOf(zipkin.headers),
      maxTagLength: zipkin.maxTagLength,
    };
  }
  if (opentelemetry === undefined) return undefined;
  const { http, grpc, maxTagLength } = opentelemetry;
  return {
    t: 'opentelemetry',
    collector: collectorOf(opentelemetry),
    http: http === undefined ? undefined : { path: http.path ?? OTLP_PATH },
    timeoutMs: ms(http === undefined ? grpc?.timeout : http.timeout),
    headers: headersOf(http === undefined ? grpc?.initialMetadata : http.headers),
    maxTagLength,
  };
}

function zipkinByAddress(zipkin: Settings['zipkin']): SpanProvider | undefined {
  if (zipkin === undefined) return undefined;
  return {
    t: 'zipkin',
    collector: collectorAt(zipkin.address, ZIPKIN_CLUSTER),
    path: ZIPKIN_PATH,
    traceId64: false,
    w3c: false,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    headers: [],
    maxTagLength: undefined,
  };
}

/** A value from the environment is read by the proxy itself; in a text a percent sign stands for itself. */
function headersOf(headers: NonNullable<ExtensionProvider['zipkin']>['headers'] = []): readonly CollectorHeader[] {
  return headers.map(({ name, value, envName }) => ({
    name,
    value: envName === undefined ? (value ?? '').replaceAll('%', '%%') : `%ENVIRONMENT(${envName})%`,
  }));
}

function spanTag(tag: string, { literal, environment, header }: NonNullable<Settings['customTags']>[string]): SpanTag {
  if (literal !== undefined) return { tag, source: { t: 'literal', value: literal.value } };
  const named = environment ?? header;
  return {
    tag,
    source: { t: environment === undefined ? 'header' : 'environment', name: named?.name ?? '', defaultValue: named?.defaultValue ?? '' },
  };
}

function ms(text: string | undefined): number {
  return text === undefined ? DEFAULT_TIMEOUT_MS : (durationMs(text) ?? DEFAULT_TIMEOUT_MS);
}
