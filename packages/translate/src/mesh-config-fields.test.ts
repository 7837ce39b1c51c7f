/** No setting of the mesh is taken and ignored: each that MeshConfig may say changes what some proxy gets. A new one needs an example. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeMeshConfig, jsonSchemaOf, meshConfigDefinition, type SchemaNode } from '@meltemi/api';
import { readMeshCase, resourcesOf } from './testdata/mesh-case.ts';
import { linked } from './testdata/test-links.ts';
import { PROVIDER_EXAMPLES, PROVIDERS_ELSEWHERE } from './testdata/provider-examples.ts';

const MESH = `# mesh
{ "base": "egress", "show": ["edge", "client", "web", "db"], "workloads": [
  { "name": "far", "namespace": "shop", "labels": { "app": "web" }, "address": "10.3.2.9", "locality": "north/1/a", "ports": [{ "number": 8080, "protocol": "http" }] },
  { "name": "near", "namespace": "shop", "labels": { "app": "near" }, "address": "10.3.2.8", "locality": "south/1/a", "ports": [{ "number": 8080, "protocol": "http" }], "show": true }
] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside, namespace: shop }
spec: { hosts: [outside.example], resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: infra }
spec:
  selector: { istio: edge }
  servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: SIMPLE, credentialName: edge } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec: { hosts: [web.example], gateways: [infra/edge, mesh], http: [{ route: [{ destination: { host: web } }] }] }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: config }
spec: { egress: [{ hosts: ["data/*"] }] }
`;

/** A setting for each field, by its path: what it would be without. */
const EXAMPLES: Readonly<Record<string, string>> = {
  connectTimeout: '{ connectTimeout: 3s }',
  tcpKeepalive: '{ tcpKeepalive: {} }',
  'tcpKeepalive.probes': '{ tcpKeepalive: { probes: 4 } }',
  'tcpKeepalive.time': '{ tcpKeepalive: { time: 4s } }',
  'tcpKeepalive.interval': '{ tcpKeepalive: { interval: 4s } }',
  enableTracing: '{ enableTracing: false }',
  accessLogFile: '{ accessLogFile: /tmp/log }',
  accessLogFormat: '{ accessLogFormat: "%PROTOCOL%" }',
  accessLogEncoding: '{ accessLogEncoding: JSON }',
  outboundTrafficPolicy: '{ outboundTrafficPolicy: {} }',
  'outboundTrafficPolicy.mode': '{ outboundTrafficPolicy: { mode: REGISTRY_ONLY } }',
  enableAutoMtls: '{ enableAutoMtls: false }',
  trustDomainAliases: '{ trustDomainAliases: [old.example] }',
  defaultServiceExportTo: '{ defaultServiceExportTo: ["."] }',
  defaultVirtualServiceExportTo: '{ defaultVirtualServiceExportTo: ["."] }',
  defaultDestinationRuleExportTo: '{ defaultDestinationRuleExportTo: ["."] }',
  rootNamespace: '{ rootNamespace: config }',
  localityLbSetting: '{ localityLbSetting: { enabled: false } }',
  'localityLbSetting.enabled': '{ localityLbSetting: { enabled: false } }',
  'localityLbSetting.distribute': '{ localityLbSetting: { distribute: [{ from: south/*, to: { north/*: 100 } }] } }',
  'localityLbSetting.distribute[].from': '{ localityLbSetting: { distribute: [{ from: south/*, to: { north/*: 100 } }] } }',
  'localityLbSetting.distribute[].to': '{ localityLbSetting: { distribute: [{ from: south/*, to: { north/*: 100 } }] } }',
  'localityLbSetting.failover': '{ localityLbSetting: { failover: [{ from: south, to: north }] } }',
  'localityLbSetting.failover[].from': '{ localityLbSetting: { failover: [{ from: south, to: north }] } }',
  'localityLbSetting.failover[].to': '{ localityLbSetting: { failover: [{ from: south, to: north }] } }',
  'localityLbSetting.failoverPriority': '{ localityLbSetting: { failoverPriority: [app] } }',
  zoneAwareLbSetting: '{ zoneAwareLbSetting: { enabled: true } }',
  'zoneAwareLbSetting.enabled': '{ zoneAwareLbSetting: { enabled: false } }',
  'zoneAwareLbSetting.failover': '{ zoneAwareLbSetting: { failover: [{ from: south, to: north }] } }',
  'zoneAwareLbSetting.failover[].from': '{ zoneAwareLbSetting: { failover: [{ from: south, to: north }] } }',
  'zoneAwareLbSetting.failover[].to': '{ zoneAwareLbSetting: { failover: [{ from: south, to: north }] } }',
  'zoneAwareLbSetting.failoverPriority': '{ zoneAwareLbSetting: { failoverPriority: ["version=v1"] } }',
  'zoneAwareLbSetting.minClusterSize': '{ zoneAwareLbSetting: { minClusterSize: 2 } }',
  'defaultTrafficPolicy.connectionPool.tcp.maxConnections': '{ defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.connectTimeout': '{ defaultTrafficPolicy: { connectionPool: { tcp: { connectTimeout: 7s } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.tcpKeepalive.probes':
    '{ defaultTrafficPolicy: { connectionPool: { tcp: { tcpKeepalive: { probes: 7 } } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.tcpKeepalive.time':
    '{ defaultTrafficPolicy: { connectionPool: { tcp: { tcpKeepalive: { time: 7s } } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.tcpKeepalive.interval':
    '{ defaultTrafficPolicy: { connectionPool: { tcp: { tcpKeepalive: { interval: 7s } } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.maxConnectionDuration':
    '{ defaultTrafficPolicy: { connectionPool: { tcp: { maxConnectionDuration: 7s } } } }',
  'defaultTrafficPolicy.connectionPool.tcp.idleTimeout': '{ defaultTrafficPolicy: { connectionPool: { tcp: { idleTimeout: 7s } } } }',
  'defaultTrafficPolicy.connectionPool.http.http1MaxPendingRequests':
    '{ defaultTrafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.http.http2MaxRequests': '{ defaultTrafficPolicy: { connectionPool: { http: { http2MaxRequests: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.http.maxRequestsPerConnection':
    '{ defaultTrafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.http.maxRetries': '{ defaultTrafficPolicy: { connectionPool: { http: { maxRetries: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.http.idleTimeout': '{ defaultTrafficPolicy: { connectionPool: { http: { idleTimeout: 7s } } } }',
  'defaultTrafficPolicy.connectionPool.http.h2UpgradePolicy': '{ defaultTrafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE } } } }',
  'defaultTrafficPolicy.connectionPool.http.useClientProtocol': '{ defaultTrafficPolicy: { connectionPool: { http: { useClientProtocol: true } } } }',
  'defaultTrafficPolicy.connectionPool.http.maxConcurrentStreams':
    '{ defaultTrafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 7 } } } }',
  'defaultTrafficPolicy.connectionPool.http.http2KeepAlive.interval':
    '{ defaultTrafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE, http2KeepAlive: { interval: 7s } } } } }',
  'defaultTrafficPolicy.connectionPool.http.http2KeepAlive.timeout':
    '{ defaultTrafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE, http2KeepAlive: { interval: 7s, timeout: 7s } } } } }',
  'defaultTrafficPolicy.outlierDetection.splitExternalLocalOriginErrors':
    '{ defaultTrafficPolicy: { outlierDetection: { splitExternalLocalOriginErrors: true } } }',
  'defaultTrafficPolicy.outlierDetection.consecutiveLocalOriginFailures':
    '{ defaultTrafficPolicy: { outlierDetection: { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 7 } } }',
  'defaultTrafficPolicy.outlierDetection.consecutiveGatewayErrors': '{ defaultTrafficPolicy: { outlierDetection: { consecutiveGatewayErrors: 7 } } }',
  'defaultTrafficPolicy.outlierDetection.consecutive5xxErrors': '{ defaultTrafficPolicy: { outlierDetection: { consecutive5xxErrors: 7 } } }',
  'defaultTrafficPolicy.outlierDetection.interval': '{ defaultTrafficPolicy: { outlierDetection: { interval: 7s } } }',
  'defaultTrafficPolicy.outlierDetection.baseEjectionTime': '{ defaultTrafficPolicy: { outlierDetection: { baseEjectionTime: 7s } } }',
  'defaultTrafficPolicy.outlierDetection.maxEjectionPercent': '{ defaultTrafficPolicy: { outlierDetection: { maxEjectionPercent: 7 } } }',
  'defaultTrafficPolicy.outlierDetection.minHealthPercent': '{ defaultTrafficPolicy: { outlierDetection: { minHealthPercent: 7 } } }',
  'defaultTrafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes':
    '{ defaultTrafficPolicy: { outlierDetection: { outlierDetectionHttpErrorCodes: [418] } } }',
  dnsRefreshRate: '{ dnsRefreshRate: 5s }',
  protocolDetectionTimeout: '{ protocolDetectionTimeout: 100ms }',
  h2UpgradePolicy: '{ h2UpgradePolicy: UPGRADE }',
  pathNormalization: '{ pathNormalization: { normalization: NONE } }',
  'pathNormalization.normalization': '{ pathNormalization: { normalization: MERGE_SLASHES } }',
  defaultHttpRetryPolicy: '{ defaultHttpRetryPolicy: { attempts: 7 } }',
  'defaultHttpRetryPolicy.attempts': '{ defaultHttpRetryPolicy: { attempts: 7 } }',
  'defaultHttpRetryPolicy.perTryTimeout': '{ defaultHttpRetryPolicy: { attempts: 2, perTryTimeout: 3s } }',
  'defaultHttpRetryPolicy.retryOn': '{ defaultHttpRetryPolicy: { attempts: 2, retryOn: 5xx } }',
  'defaultHttpRetryPolicy.retryRemoteLocalities': '{ defaultHttpRetryPolicy: { attempts: 2, retryRemoteLocalities: true } }',
  'defaultHttpRetryPolicy.retryIgnorePreviousHosts': '{ defaultHttpRetryPolicy: { attempts: 2, retryIgnorePreviousHosts: false } }',
  'defaultHttpRetryPolicy.backoff': '{ defaultHttpRetryPolicy: { attempts: 2, backoff: 70ms } }',
  meshMTLS: '{ meshMTLS: { minProtocolVersion: TLSV1_3 } }',
  'meshMTLS.minProtocolVersion': '{ meshMTLS: { minProtocolVersion: TLSV1_3 } }',
  tlsDefaults: '{ tlsDefaults: { minProtocolVersion: TLSV1_3 } }',
  'tlsDefaults.minProtocolVersion': '{ tlsDefaults: { minProtocolVersion: TLSV1_3 } }',
  'tlsDefaults.cipherSuites': '{ tlsDefaults: { cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256] } }',
  ...PROVIDER_EXAMPLES,
  'defaultConfig.tracing.sampling': '{ defaultConfig: { tracing: { sampling: 20 } } }',
  'defaultConfig.gatewayTopology.numTrustedProxies': '{ defaultConfig: { gatewayTopology: { numTrustedProxies: 2 } } }',
  'defaultConfig.gatewayTopology.forwardClientCertDetails': '{ defaultConfig: { gatewayTopology: { forwardClientCertDetails: SANITIZE } } }',
  'defaultConfig.proxyHeaders.forwardedClientCert': '{ defaultConfig: { proxyHeaders: { forwardedClientCert: SANITIZE } } }',
  'defaultConfig.proxyHeaders.setCurrentClientCertDetails.subject':
    '{ defaultConfig: { proxyHeaders: { setCurrentClientCertDetails: { subject: false } } } }',
  'defaultConfig.proxyHeaders.setCurrentClientCertDetails.cert':
    '{ defaultConfig: { proxyHeaders: { setCurrentClientCertDetails: { cert: true } } } }',
  'defaultConfig.proxyHeaders.setCurrentClientCertDetails.dns':
    '{ defaultConfig: { proxyHeaders: { setCurrentClientCertDetails: { dns: false } } } }',
  'defaultConfig.proxyHeaders.setCurrentClientCertDetails.uri':
    '{ defaultConfig: { proxyHeaders: { setCurrentClientCertDetails: { uri: false } } } }',
  'defaultConfig.connectionSettings.httpIdleTimeout': '{ defaultConfig: { connectionSettings: { httpIdleTimeout: 7s } } }',
  'defaultConfig.connectionSettings.httpMaxConnectionDuration': '{ defaultConfig: { connectionSettings: { httpMaxConnectionDuration: 7s } } }',
  'defaultConfig.connectionSettings.httpRequestTimeout': '{ defaultConfig: { connectionSettings: { httpRequestTimeout: 7s } } }',
  'defaultConfig.connectionSettings.httpRequestHeadersTimeout': '{ defaultConfig: { connectionSettings: { httpRequestHeadersTimeout: 7s } } }',
  'defaultConfig.connectionSettings.httpStreamIdleTimeout': '{ defaultConfig: { connectionSettings: { httpStreamIdleTimeout: 7s } } }',
  'defaultConfig.connectionSettings.httpMaxStreamDuration': '{ defaultConfig: { connectionSettings: { httpMaxStreamDuration: 7s } } }',
  'defaultConfig.connectionSettings.httpMaxConcurrentStreams': '{ defaultConfig: { connectionSettings: { httpMaxConcurrentStreams: 7 } } }',
  'defaultConfig.connectionSettings.http2InitialStreamWindowSize':
    '{ defaultConfig: { connectionSettings: { http2InitialStreamWindowSize: 70000 } } }',
  'defaultConfig.connectionSettings.http2InitialConnectionWindowSize':
    '{ defaultConfig: { connectionSettings: { http2InitialConnectionWindowSize: 70000 } } }',
  'defaultConfig.connectionSettings.httpHeadersWithUnderscoresAction':
    '{ defaultConfig: { connectionSettings: { httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_DROP_HEADER } } }',
  'defaultConfig.connectionSettings.httpMergeSlashes': '{ defaultConfig: { connectionSettings: { httpMergeSlashes: true } } }',
  'defaultConfig.connectionSettings.httpPathWithEscapedSlashesAction':
    '{ defaultConfig: { connectionSettings: { httpPathWithEscapedSlashesAction: REJECT_REQUEST } } }',
  'defaultConfig.connectionSettings.profile': '{ defaultConfig: { connectionSettings: { profile: EDGE } } }',
  'defaultConfig.gatewayTopology.proxyProtocol': '{ defaultConfig: { gatewayTopology: { proxyProtocol: {} } } }',
  'defaultConfig.proxyHeaders.preserveHttp1HeaderCase': '{ defaultConfig: { proxyHeaders: { preserveHttp1HeaderCase: true } } }',
  'defaultConfig.proxyHeaders.xForwardedHost.enabled': '{ defaultConfig: { proxyHeaders: { xForwardedHost: { enabled: true } } } }',
  'defaultConfig.proxyHeaders.xForwardedPort.enabled': '{ defaultConfig: { proxyHeaders: { xForwardedPort: { enabled: true } } } }',
  'defaultConfig.proxyHeaders.requestId.disabled': '{ defaultConfig: { proxyHeaders: { requestId: { disabled: true } } } }',
  'defaultConfig.proxyHeaders.server.disabled': '{ defaultConfig: { proxyHeaders: { server: { disabled: true } } } }',
  'defaultConfig.proxyHeaders.server.value': '{ defaultConfig: { proxyHeaders: { server: { value: shop } } } }',
};

/** What decides about other things than what proxies get, and where that is. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ...PROVIDERS_ELSEWHERE,
  trustDomain: 'analysis says when it is not that of the authority (MEL0206), and --mesh-config refuses it',
  ingressControllerMode: 'there are no Ingress objects; OFF and STRICT say as much',
  'inboundTrafficPolicy.mode': 'PASSTHROUGH, the default, is the one value that is taken',
  'defaultConfig.terminationDrainDuration': 'how a workload ends: control-plane/src/ca/membership.test.ts',
  'defaultConfig.holdApplicationUntilProxyStarts': 'applications are always started when their proxy serves: agent/src/process/process.test.ts',
  'defaultConfig.drainDuration': 'how a proxy is started: control-plane/src/ca/membership.test.ts',
  'defaultConfig.concurrency': 'how a proxy is started: control-plane/src/ca/membership.test.ts',
  'defaultConfig.proxyMetadata': 'how a proxy is started: control-plane/src/ca/membership.test.ts',
};

const DATA_PLANES = ['embedded', 'envoy'] as const;
const known = new Map<string, readonly string[]>();

/** Everything that all shown proxies get with these settings, for each data plane. */
function resources(settings: string): readonly string[] {
  const made = known.get(settings) ?? DATA_PLANES.map(resourcesWith(settings));
  known.set(settings, made);
  return made;
}

function resourcesWith(settings: string): (dataPlane: (typeof DATA_PLANES)[number]) => string {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh: settings } };
  const { state, nodes } = readMeshCase(`${MESH}---\n${JSON.stringify(map)}\n`, 'mesh-config');
  return (dataPlane) =>
    JSON.stringify([...nodes.values()].map((node) => resourcesOf({ ...node, dataPlane, convertsB3: dataPlane === 'envoy' }, state)));
}

/** Paths of all fields that may say more than their default. */
function acceptedFields(): readonly string[] {
  const { unsupported } = meshConfigDefinition;
  const onlyDefault = (at: string): boolean =>
    Object.keys(unsupported).some((pattern) => ['!=', '[]!=', '=true'].some((end) => pattern.startsWith(`${at}${end}`)));
  const refused = (at: string): boolean => unsupported[at] !== undefined || onlyDefault(at);
  const visit = (node: SchemaNode, at: string): readonly string[] => {
    if (refused(at)) return [];
    const inner = Object.entries((node['properties'] ?? {}) as Readonly<Record<string, SchemaNode>>).flatMap(([key, value]) =>
      visit(value, at === '' ? key : `${at}.${key}`),
    );
    const items = typeof node['items'] === 'object' ? visit(node['items'] as SchemaNode, `${at}[]`) : [];
    const entries = typeof node['additionalProperties'] === 'object' ? visit(node['additionalProperties'] as SchemaNode, `${at}.*`) : [];
    const group = Object.keys(node['properties'] ?? {}).length > 0 || at.endsWith(']') || at.endsWith('.*');
    return [...(group ? [] : [at]), ...inner, ...items, ...entries];
  };
  return visit((jsonSchemaOf(meshConfigDefinition)['properties'] as Readonly<Record<string, SchemaNode>>)['spec'] ?? {}, '');
}

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

/**
 * Whether what proxies of both kinds get is another without the field, or with another value. All else of the example stays; where that allows neither, what
 * stands and falls with the field, as a provider does with its name, is left out too.
 */
function isHeeded(field: string, example: string): boolean {
  const { settings = {} } = decodeMeshConfig(example);
  const whole = settings as { readonly [key: string]: Value };
  const path = field.split(/\.|(?=\[\])/);
  const variants = [undefined, ...others(valueAt(whole, path))]
    .map((other) => JSON.stringify(change(whole, path, other)))
    .filter((text) => decodeMeshConfig(text).findings.length === 0);
  const before = resources(example);
  return before.every((text, index) => (variants.length === 0 ? ['{}'] : variants).some((other) => resources(other)[index] !== text));
}

function valueAt(value: Value | undefined, path: readonly string[]): Value | undefined {
  let found = value;
  for (const step of path)
    found = typeof found === 'object' && found !== null ? Object.entries(found).find(([key]) => isAt(step, key))?.[1] : undefined;
  return found;
}

/** The value with `other` at the path, or with nothing there: in lists and in maps of the user's own, of the first entry. */
function change(value: Value, [step = '', ...rest]: readonly string[], other: Value | undefined): Value {
  const entries = Object.entries(value ?? {}) as readonly (readonly [string, Value])[];
  const at = entries.findIndex(([key]) => isAt(step, key));
  const changed = entries.flatMap(([key, inner], index): readonly (readonly [string, Value])[] => {
    if (index !== at) return [[key, inner]];
    if (rest.length > 0) return [[key, change(inner, rest, other)]];
    return other === undefined ? [] : [[key, other]];
  });
  return Array.isArray(value) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed);
}

function isAt(step: string, key: string): boolean {
  return step === key || step === '[]' || step === '*';
}

function others(value: Value | undefined): readonly Value[] {
  if (typeof value === 'number') return [value + 1];
  return typeof value === 'string' ? [`x${value}`, `${value}0`, 'ALLOW_ANY'] : [];
}

test('every accepted field of MeshConfig changes what a proxy gets', () => {
  const ignored = acceptedFields().filter((field) => {
    const example = EXAMPLES[field];
    return example === undefined ? ELSEWHERE[field] === undefined : !isHeeded(field, example);
  });
  assert.deepEqual(ignored, []);
  const bad = Object.entries(EXAMPLES).flatMap(([field, text]) => decodeMeshConfig(text).findings.map(({ message }) => `${field} ${message}`));
  assert.deepEqual(bad, []);
});

const PAGE = new URL('../../../docs/reference/mesh-config-fields.md', import.meta.url);

function page(): string {
  const rows = acceptedFields().map((field) => {
    const example = EXAMPLES[field];
    const shown = linked(
      ELSEWHERE[field] ?? (example === undefined ? 'nothing' : `\`${example.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim()}\``),
    );
    return `| \`${field}\` | in force | in force | ${shown} |`;
  });
  const refused = Object.entries(meshConfigDefinition.unsupported).map(([pattern, reason]) => `| \`${pattern}\` | refused | refused | ${reason} |`);
  return [
    '# Every field of MeshConfig, and whether it is in force',
    '',
    'Of the key `mesh` in the ConfigMap `istio`, or of the file of `--mesh-config`. Made by `packages/translate/src/mesh-config-fields.test.ts`: of the setting that is',
    'shown the field is taken away, or changed where it is required, and what some proxy gets must become another. A pattern with `=` or `!=` refuses values, not the field.',
    '',
    '| field | embedded | Envoy | shown by |',
    '|---|---|---|---|',
    ...rows,
    ...refused,
    '',
  ].join('\n');
}

test('the page of MeshConfig is what the examples show', () => {
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page());
  assert.equal(readFileSync(PAGE, 'utf8'), page());
});
