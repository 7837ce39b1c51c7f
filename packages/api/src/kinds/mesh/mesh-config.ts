import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { splitAdvice } from '../../decode/messages.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { duration, durationMin1ms, int32, nonEmpty, opt, portNumber, text, uint32 } from '../../schema/fields.ts';
import { dnsLabelFault } from '../../schema/formats.ts';
import { jsonLogFormatFault, logFormatFault } from '../../schema/log-format.ts';
import { retries } from '../networking/http-route.ts';
import { connectionPool, localityLb, outlierDetection, zoneAwareLb } from '../networking/traffic-policy.ts';
import {
  BUILT_IN_LOG,
  extensionProvider,
  LOGGING_KINDS,
  PROVIDER_UNSUPPORTED,
  TRACING_KINDS,
  type ExtensionProvider,
} from './extension-providers.ts';
import { proxySettings, PROXY_UNSUPPORTED } from './proxy-settings.ts';

const anything = z.record(z.string(), z.unknown());
const exportTo = z.array(
  text((value) =>
    ['.', '*', '~'].includes(value) || dnsLabelFault(value) === undefined ? undefined : `"${value}" is neither ".", "*", "~" nor a namespace`,
  ),
);
const tls = z.strictObject({
  minProtocolVersion: opt(z.enum(['TLS_AUTO', 'TLSV1_2', 'TLSV1_3']), 'Oldest version of TLS; default TLSV1_2.'),
  ecdhCurves: opt(z.array(z.string()), 'Curves.'),
  cipherSuites: opt(z.array(nonEmpty), 'Cipher suites of TLS 1.2.'),
});

const meshConfigSchema = z.strictObject({
  proxyListenPort: opt(portNumber, 'Outbound port of sidecars.'),
  proxyInboundListenPort: opt(portNumber, 'Inbound port of sidecars.'),
  proxyHttpPort: opt(int32, 'Port of an HTTP proxy in each sidecar.'),
  connectTimeout: opt(durationMin1ms, 'Time-out of connecting; default 10s.'),
  hboneIdleTimeout: opt(duration, 'Idle HBONE connections.'),
  protocolDetectionTimeout: opt(
    duration,
    'How long a connection to a port without a protocol may be silent before it passes as bytes; 0s and default: 5s.',
  ),
  tcpKeepalive: opt(
    z.strictObject({
      probes: opt(uint32, 'Probes before giving up.'),
      time: opt(durationMin1ms, 'Idle time before probes.'),
      interval: opt(durationMin1ms, 'Time between probes.'),
    }),
    'TCP keepalive towards every service whose DestinationRule says nothing of it.',
  ),
  ingressClass: opt(z.string(), 'Class of Ingress objects.'),
  ingressService: opt(z.string(), 'Service of the ingress.'),
  ingressControllerMode: opt(z.enum(['UNSPECIFIED', 'OFF', 'DEFAULT', 'STRICT']), 'Which Ingress objects count.'),
  ingressSelector: opt(z.string(), 'Gateway of Ingress objects.'),
  enableTracing: opt(z.boolean(), 'Spans at all.'),
  accessLogFile: opt(z.string(), 'File of the access log; empty: none.'),
  accessLogFormat: opt(z.string(), 'Format of the access log; empty: the usual one. A JSON object of formats when accessLogEncoding is JSON.'),
  accessLogEncoding: opt(z.enum(['TEXT', 'JSON']), 'Text lines or JSON.'),
  enableEnvoyAccessLogService: opt(z.boolean(), 'Access log over gRPC.'),
  disableEnvoyListenerLog: opt(z.boolean(), 'No log of listeners.'),
  defaultConfig: opt(proxySettings, 'Settings of every proxy.'),
  outboundTrafficPolicy: opt(
    z.strictObject({
      mode: z
        .enum(['REGISTRY_ONLY', 'ALLOW_ANY', 'ALLOW_ANY_DYNAMIC_DNS'])
        .default('REGISTRY_ONLY')
        .describe('What happens to calls of unknown hosts. Of a policy without a mode: REGISTRY_ONLY.'),
      tls: opt(anything, 'TLS of passed-through calls.'),
    }),
    'Calls of unknown hosts; without a policy they are let through.',
  ),
  inboundTrafficPolicy: opt(
    z.strictObject({ mode: opt(z.enum(['PASSTHROUGH', 'LOCALHOST']), 'Default PASSTHROUGH.') }),
    'Calls to undeclared ports.',
  ),
  configSources: opt(z.array(anything), 'Other sources of configuration.'),
  enableAutoMtls: opt(z.boolean(), 'Mutual TLS to every endpoint that can do it; default true.'),
  trustDomain: opt(nonEmpty, 'Trust domain of identities.'),
  trustDomainAliases: opt(z.array(nonEmpty), 'Further trust domains whose identities are taken for those of this one.'),
  caCertificates: opt(z.array(anything), 'Further roots.'),
  defaultServiceExportTo: opt(exportTo, 'Who sees services that do not say it.'),
  defaultVirtualServiceExportTo: opt(exportTo, 'Who sees VirtualServices that do not say it.'),
  defaultDestinationRuleExportTo: opt(exportTo, 'Who sees DestinationRules that do not say it.'),
  rootNamespace: opt(nonEmpty, 'Namespace whose objects are the defaults of the mesh.'),
  localityLbSetting: opt(localityLb, 'Preference of near endpoints.'),
  zoneAwareLbSetting: opt(zoneAwareLb, 'Preference of the own zone.'),
  dnsRefreshRate: opt(durationMin1ms, 'Wait after a failed look-up; default 60s.'),
  h2UpgradePolicy: opt(z.enum(['DO_NOT_UPGRADE', 'UPGRADE']), 'Whether HTTP/1.1 becomes HTTP/2 between sidecars.'),
  inboundClusterStatName: opt(z.string(), 'Name in statistics.'),
  outboundClusterStatName: opt(z.string(), 'Name in statistics.'),
  certificates: opt(z.array(anything), 'Deprecated.'),
  serviceSettings: opt(z.array(anything), 'Services of one cluster.'),
  serviceScopeConfigs: opt(z.array(anything), 'Services of one cluster.'),
  enablePrometheusMerge: opt(z.boolean(), 'One page of metrics for proxy and application.'),
  verifyCertificateAtClient: opt(z.boolean(), 'Deprecated.'),
  ca: opt(anything, 'An outside authority.'),
  extensionProviders: opt(z.array(extensionProvider), 'Services that take traces and logs.'),
  defaultProviders: opt(
    z.strictObject({
      tracing: opt(z.array(z.string()).max(1), 'Where spans go besides the control plane: the name of a provider.'),
      metrics: opt(z.array(z.string()), 'Providers of metrics.'),
      accessLogging: opt(
        z.array(z.string()),
        'Where the access log goes, in place of accessLogFile: names of providers, or envoy for standard output.',
      ),
    }),
    'Providers in use.',
  ),
  discoverySelectors: opt(z.array(anything), 'Namespaces of the mesh.'),
  pathNormalization: opt(
    z.strictObject({ normalization: opt(z.enum(['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']), 'Default BASE.') }),
    'How paths are made comparable.',
  ),
  defaultHttpRetryPolicy: opt(retries, 'Retries of routes that say nothing of them.'),
  defaultInboundHttpRetryPolicy: opt(anything, 'Retries towards the application.'),
  meshMTLS: opt(tls, 'TLS between workloads of the mesh.'),
  tlsDefaults: opt(tls, 'TLS of gateways.'),
  defaultTrafficPolicy: opt(
    z.strictObject({ connectionPool: opt(connectionPool, 'Limits.'), outlierDetection: opt(outlierDetection, 'Ejection of failing endpoints.') }),
    'Of services without a DestinationRule that says it.',
  ),
  serviceEntryVisibility: opt(anything, 'Who sees ServiceEntries.'),
});

/** Istio's MeshConfig: the settings of the whole mesh. */
export type MeshConfigSpec = DeepReadonly<z.output<typeof meshConfigSchema>>;

/** A format is judged by the encoding it is meant for: in JSON, its keys are no formats. */
function formatFindings({ accessLogFormat = '', accessLogEncoding = 'TEXT' }: MeshConfigSpec): Finding[] {
  const message =
    accessLogFormat === '' ? undefined : accessLogEncoding === 'JSON' ? jsonLogFormatFault(accessLogFormat) : logFormatFault(accessLogFormat);
  return message === undefined ? [] : [{ path: ['accessLogFormat'], ...splitAdvice(message) }];
}

/** Names that stand for no provider, or for one of another kind. */
function providerFindings(spec: MeshConfigSpec): Finding[] {
  const { extensionProviders = [], defaultProviders = {}, enableEnvoyAccessLogService, defaultConfig } = spec;
  const twice = extensionProviders.filter(({ name }, index) => extensionProviders.findIndex((other) => other.name === name) !== index);
  const check = (use: 'tracing' | 'accessLogging', kinds: readonly (keyof ExtensionProvider)[], builtIn: readonly string[]): Finding[] =>
    (defaultProviders[use] ?? []).flatMap((name, index) => {
      const found = extensionProviders.find((provider) => provider.name === name);
      if (found === undefined ? builtIn.includes(name) : kinds.some((kind) => found[kind] !== undefined)) return [];
      const message =
        found === undefined
          ? `there is no provider "${name}" in extensionProviders`
          : `provider "${name}" is none for this; it may be ${kinds.join(', ')}`;
      return [{ path: ['defaultProviders', use, index], message }];
    });
  return [
    ...twice.map(({ name }) => ({ path: ['extensionProviders'], message: `provider "${name}" is defined twice` })),
    ...check('tracing', TRACING_KINDS, []),
    ...check('accessLogging', LOGGING_KINDS, [BUILT_IN_LOG]),
    ...(enableEnvoyAccessLogService === true && defaultConfig?.envoyAccessLogService?.address === undefined
      ? [{ path: ['enableEnvoyAccessLogService'], message: 'needs defaultConfig.envoyAccessLogService.address' }]
      : []),
  ];
}

const CLUSTERS = 'several clusters are not built yet';
const INGRESS = 'Ingress objects are not supported; write a Gateway and a VirtualService';
const CERTIFICATES = 'the authority of the mesh is built in, and its roots are the only ones';

/** MeshConfig in the form of a kind, so that it is decoded and documented as kinds are. No object of the API has it: it stands in a ConfigMap. */
export const meshConfigDefinition = defineKind({
  gvk: { group: 'mesh.istio.io', versions: ['v1alpha1'], kind: 'MeshConfig' },
  plural: 'meshconfigs',
  schema: meshConfigSchema,
  unsupported: {
    'proxyListenPort!=15001': 'sidecars listen on 15001',
    'proxyInboundListenPort!=15006': 'sidecars listen on 15006',
    'proxyHttpPort!=0': 'sidecars are no explicit proxies',
    hboneIdleTimeout: 'HBONE is not built yet',
    'ingressClass!=istio': INGRESS,
    'ingressControllerMode=DEFAULT': INGRESS,
    ingressService: INGRESS,
    ingressSelector: INGRESS,
    'disableEnvoyListenerLog!=false': 'listeners write no log of their own',
    ...Object.fromEntries(Object.entries(PROXY_UNSUPPORTED).map(([pattern, reason]) => [`defaultConfig.${pattern}`, reason])),
    'outboundTrafficPolicy.tls': 'passed-through calls go on as they are',
    'inboundTrafficPolicy.mode=LOCALHOST': 'undeclared ports are reached where they were called',
    configSources: 'configuration comes from files and from the API',
    caCertificates: CERTIFICATES,
    certificates: CERTIFICATES,
    ca: CERTIFICATES,
    inboundClusterStatName: 'statistics carry the names of clusters',
    outboundClusterStatName: 'statistics carry the names of clusters',
    serviceSettings: CLUSTERS,
    serviceScopeConfigs: CLUSTERS,
    'enablePrometheusMerge!=true': 'agents always merge the metrics of the application',
    'verifyCertificateAtClient!=true': 'the certificate of a server is always checked',
    ...Object.fromEntries(Object.entries(PROVIDER_UNSUPPORTED).map(([pattern, reason]) => [`extensionProviders[].${pattern}`, reason])),
    'defaultProviders.metrics[]!=prometheus': 'metrics are Prometheus metrics',
    discoverySelectors: 'every namespace is part of the mesh',
    defaultInboundHttpRetryPolicy: 'inbound retries are fixed',
    'meshMTLS.ecdhCurves': 'curves are the choice of the TLS library',
    'meshMTLS.cipherSuites': 'between sidecars the TLS library chooses among safe ones',
    'tlsDefaults.ecdhCurves': 'curves are the choice of the TLS library',
    'defaultTrafficPolicy.outlierDetection.consecutiveErrors': 'Istio ignores it too; write consecutive5xxErrors',
    serviceEntryVisibility: 'write exportTo or defaultServiceExportTo',
  },
  validate: (spec) => [...formatFindings(spec), ...providerFindings(spec)],
  docs: 'The settings of the whole mesh: the key mesh of the ConfigMap istio in the root namespace, or the file of "meltemi control-plane --mesh-config".',
});
