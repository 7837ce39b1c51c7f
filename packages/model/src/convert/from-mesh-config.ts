import { durationMs, type MeshConfigSpec, type ProxySettings } from '@meltemi/api';
import type { MeshConfig } from '../types/mesh-config.ts';
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
  return {
    accessLogFile: spec.accessLogFile ?? base.accessLogFile,
    accessLogFormat: spec.accessLogFormat ?? base.accessLogFormat,
    accessLogEncoding: spec.accessLogEncoding ?? base.accessLogEncoding,
    enableTracing: spec.enableTracing ?? base.enableTracing,
    tracingSamplingPercent: spec.defaultConfig?.tracing?.sampling ?? base.tracingSamplingPercent,
  };
}

function traffic(base: MeshConfig, spec: MeshConfigSpec): Partial<MeshConfig> {
  const mode = spec.outboundTrafficPolicy?.mode;
  const normalization = spec.pathNormalization?.normalization;
  return {
    outboundTrafficPolicy: mode === 'REGISTRY_ONLY' || mode === 'ALLOW_ANY' ? mode : base.outboundTrafficPolicy,
    connectTimeoutMs: ms(spec.connectTimeout, base.connectTimeoutMs),
    dnsRefreshRateMs: ms(spec.dnsRefreshRate, base.dnsRefreshRateMs),
    pathNormalization: normalization === undefined ? base.pathNormalization : normalization === 'DEFAULT' ? 'BASE' : normalization,
    localityLbEnabled: spec.localityLbSetting?.enabled ?? base.localityLbEnabled,
    localityLbSetting: spec.localityLbSetting ?? base.localityLbSetting,
    h2Upgrade: spec.h2UpgradePolicy === undefined ? base.h2Upgrade : spec.h2UpgradePolicy === 'UPGRADE',
    tcpKeepalive: spec.tcpKeepalive ?? base.tcpKeepalive,
    defaultHttpRetryPolicy: spec.defaultHttpRetryPolicy ?? base.defaultHttpRetryPolicy,
    defaultHttpRetryAttempts: spec.defaultHttpRetryPolicy?.attempts ?? base.defaultHttpRetryAttempts,
    trustedHops: spec.defaultConfig?.gatewayTopology?.numTrustedProxies ?? base.trustedHops,
  };
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
  const { proxyHeaders, gatewayTopology } = proxy;
  const details = proxyHeaders?.setCurrentClientCertDetails;
  const certificates = (before: ClientCertificates, forward: string | undefined, own: boolean): ClientCertificates => ({
    forward: forward === undefined || forward === 'UNDEFINED' ? before.forward : (forward as ClientCertificates['forward']),
    details: own && details !== undefined ? { ...before.details, ...withoutChain(details) } : before.details,
  });
  return {
    gatewayClientCertificates: certificates(base.gatewayClientCertificates, gatewayTopology?.forwardClientCertDetails, false),
    sidecarClientCertificates: certificates(base.sidecarClientCertificates, proxyHeaders?.forwardedClientCert, true),
    serverHeader: proxyHeaders?.server?.disabled === true ? undefined : (proxyHeaders?.server?.value ?? base.serverHeader),
    addRequestId: proxyHeaders?.requestId?.disabled === undefined ? base.addRequestId : !proxyHeaders.requestId.disabled,
  };
}

type Details = NonNullable<NonNullable<ProxySettings['proxyHeaders']>['setCurrentClientCertDetails']>;

function withoutChain({ chain: _, ...details }: Details): Partial<ClientCertificates['details']> {
  return details;
}

/** How a proxy is started: `base`, with what the settings say. */
export function proxyDefaultsFrom(base: ProxyDefaults, settings: ProxySettings): ProxyDefaults {
  return {
    concurrency: settings.concurrency ?? base.concurrency,
    environment: { ...base.environment, ...settings.proxyMetadata },
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
