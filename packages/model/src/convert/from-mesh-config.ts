import { durationMs, type MeshConfigSpec, type ProxySettings } from '@meltemi/api';
import type { MeshConfig } from '../types/mesh-config.ts';
import { telemetryFrom } from './from-telemetry.ts';
import type { ClientCertificates, ProxyDefaults } from '../types/proxy-defaults.ts';

/** The settings of the mesh that a MeshConfig makes of `base`, whose values stay where it says nothing. The trust domain is the authority's: it stays. */
export function meshConfigFrom(base: MeshConfig, spec: MeshConfigSpec): MeshConfig {
  const proxy = spec.defaultConfig ?? {};
  return {
    ...base,
    ...logging(base, spec),
    ...traffic(base, spec),
    ...visibility(base, spec),
    ...headers(base, proxy),
    ...connections(base, proxy),
    rootNamespace: spec.rootNamespace ?? base.rootNamespace,
    trustDomainAliases: spec.trustDomainAliases ?? base.trustDomainAliases,
    enableAutoMtls: spec.enableAutoMtls ?? base.enableAutoMtls,
    meshTls: { ...base.meshTls, minVersion: versionOf(spec.meshMTLS?.minProtocolVersion, base.meshTls.minVersion) },
    gatewayTls: {
      minVersion: versionOf(spec.tlsDefaults?.minProtocolVersion, base.gatewayTls.minVersion),
      cipherSuites: spec.tlsDefaults?.cipherSuites ?? base.gatewayTls.cipherSuites,
    },
    proxy: proxyDefaultsFrom(base.proxy, proxy),
  };
}

function logging(base: MeshConfig, spec: MeshConfigSpec): Partial<MeshConfig> {
  // A format without an encoding is one of text, whatever the mesh logs in otherwise.
  const accessLogEncoding = spec.accessLogEncoding ?? (spec.accessLogFormat === undefined ? base.accessLogEncoding : 'TEXT');
  // And one that was written for another encoding is none of this.
  const usual = accessLogEncoding === base.accessLogEncoding ? base.accessLogFormat : '';
  return {
    accessLogFile: spec.accessLogFile ?? base.accessLogFile,
    accessLogFormat: spec.accessLogFormat ?? usual,
    accessLogEncoding,
    enableTracing: spec.enableTracing ?? base.enableTracing,
    telemetry: telemetryFrom(base.telemetry, spec),
    tracingSamplingPercent: spec.defaultConfig?.tracing?.sampling ?? base.tracingSamplingPercent,
  };
}

function traffic(base: MeshConfig, spec: MeshConfigSpec): Partial<MeshConfig> {
  const mode = spec.outboundTrafficPolicy?.mode;
  const { attempts = base.defaultHttpRetryAttempts } = spec.defaultHttpRetryPolicy ?? {};
  const given = defined({
    outboundTrafficPolicy: mode,
    localityLbEnabled: spec.localityLbSetting?.enabled,
    localityLbSetting: spec.localityLbSetting,
    zoneAwareLbSetting: spec.zoneAwareLbSetting,
    defaultTrafficPolicy: spec.defaultTrafficPolicy,
    tcpKeepalive: spec.tcpKeepalive,
    defaultHttpRetryPolicy: spec.defaultHttpRetryPolicy,
    trustedHops: spec.defaultConfig?.gatewayTopology?.numTrustedProxies,
  });
  return {
    ...given,
    connectTimeoutMs: ms(spec.connectTimeout, base.connectTimeoutMs),
    // Istio's 0 waits for ever: what the server speaks first would never come.
    protocolDetectionTimeoutMs: ms(spec.protocolDetectionTimeout, 0) || base.protocolDetectionTimeoutMs,
    dnsRefreshRateMs: ms(spec.dnsRefreshRate, base.dnsRefreshRateMs),
    pathNormalization: normalizationOf(spec) ?? base.pathNormalization,
    h2Upgrade: spec.h2UpgradePolicy === undefined ? base.h2Upgrade : spec.h2UpgradePolicy === 'UPGRADE',
    defaultHttpRetryAttempts: attempts,
  };
}

function normalizationOf({ pathNormalization }: MeshConfigSpec): MeshConfig['pathNormalization'] | undefined {
  const level = pathNormalization?.normalization;
  return level === 'DEFAULT' ? 'BASE' : level;
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is not said: the value of before stays. */
function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function visibility(base: MeshConfig, spec: MeshConfigSpec): Partial<MeshConfig> {
  const filled = (list: readonly string[] | undefined, fallback: readonly string[]): readonly string[] =>
    list === undefined || list.length === 0 ? fallback : list;
  return {
    defaultServiceExportTo: filled(spec.defaultServiceExportTo, base.defaultServiceExportTo),
    defaultVirtualServiceExportTo: filled(spec.defaultVirtualServiceExportTo, base.defaultVirtualServiceExportTo),
    defaultDestinationRuleExportTo: filled(spec.defaultDestinationRuleExportTo, base.defaultDestinationRuleExportTo),
  };
}

function headers(base: MeshConfig, proxy: ProxySettings): Partial<MeshConfig> {
  const { proxyHeaders = {}, gatewayTopology } = proxy;
  const { server, requestId, forwardedClientCert, setCurrentClientCertDetails } = proxyHeaders;
  return {
    gatewayClientCertificates: certificatesFrom(base.gatewayClientCertificates, gatewayTopology?.forwardClientCertDetails, {}),
    sidecarClientCertificates: certificatesFrom(base.sidecarClientCertificates, forwardedClientCert, setCurrentClientCertDetails ?? {}),
    serverHeader: server?.disabled === true ? undefined : (server?.value ?? base.serverHeader),
    addRequestId: requestId?.disabled === undefined ? base.addRequestId : !requestId.disabled,
  };
}

function connections(base: MeshConfig, { proxyHeaders, gatewayTopology, connectionSettings }: ProxySettings): Partial<MeshConfig> {
  return {
    preserveHeaderCase: proxyHeaders?.preserveHttp1HeaderCase ?? base.preserveHeaderCase,
    forwardPort: proxyHeaders?.xForwardedPort?.enabled ?? base.forwardPort,
    forwardHost: proxyHeaders?.xForwardedHost?.enabled ?? base.forwardHost,
    gatewayProxyProtocol: base.gatewayProxyProtocol || gatewayTopology?.proxyProtocol !== undefined,
    connections: connectionSettings ?? base.connections,
  };
}

type Forward = NonNullable<NonNullable<ProxySettings['proxyHeaders']>['forwardedClientCert']>;
type Details = NonNullable<NonNullable<ProxySettings['proxyHeaders']>['setCurrentClientCertDetails']>;

function certificatesFrom(before: ClientCertificates, forward: Forward | undefined, details: Details): ClientCertificates {
  const { subject, cert, dns, uri } = details;
  return {
    forward: forward === undefined || forward === 'UNDEFINED' ? before.forward : forward,
    details: { ...before.details, ...defined({ subject, cert, dns, uri }) },
  };
}

/** How a proxy is started: `base`, with what the settings say. */
function proxyDefaultsFrom(base: ProxyDefaults, settings: ProxySettings): ProxyDefaults {
  return {
    concurrency: settings.concurrency ?? base.concurrency,
    environment: { ...base.environment, ...settings.proxyMetadata },
    drainMs: settings.drainDuration === undefined ? base.drainMs : ms(settings.drainDuration, 0),
    terminationDrainMs: settings.terminationDrainDuration === undefined ? base.terminationDrainMs : ms(settings.terminationDrainDuration, 0),
  };
}

function ms(text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : (durationMs(text) ?? fallback);
}

function versionOf(version: string | undefined, fallback: 'TLSv1_2' | 'TLSv1_3'): 'TLSv1_2' | 'TLSv1_3' {
  if (version === undefined || version === 'TLS_AUTO') return fallback;
  return version === 'TLSV1_3' ? 'TLSv1_3' : 'TLSv1_2';
}
