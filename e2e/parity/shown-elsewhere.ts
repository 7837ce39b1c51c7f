/** Where fields are shown that no case of this suite writes: what only sidecars that are redirected, agents or other namespaces see. */

const SIDECARS = 'sidecars only: golden/virtual-service/match-source-labels, match-source-namespace; explain/src/simulate.test.ts';
const TLS_ROUTES = 'golden/virtual-service/tls-sni; e2e/netns/egress.test.ts calls by server name; chains: parity filter-chains';
const HASHING = 'translated: golden/destination-rule/hash-*; what proxies make of it: parity consistent-hashing; e2e: docs/guides/sticky-sessions.md';
const TLS = 'translated: golden/destination-rule/tls-*; what proxies make of it: parity tls; e2e: docs/guides/egress.md';
const RETRIES = 'translated: golden/virtual-service/retries; what proxies make of it: parity retries';
const FILES =
  'files beside the gateway: golden/gateway/tls-files, tls-files-mutual; agent/src/relay/file-secrets.test.ts; e2e: docs/guides/ingress-tls.md';
const OTHER_NAMESPACES = 'other namespaces: golden/gateway-api/allowed-routes';
const GRANTED = 'other namespaces, when they grant it: golden/gateway-api/http-granted-backend, https-client-certificates';
const FOREIGN_L4 = 'other namespaces: golden/gateway-api/l4-of-other-namespaces';
const OPTIONS = 'ciphers, as of an Istio Gateway (parity istio-gateway): golden/gateway-api/https';
const POOL = 'golden/sidecar/inbound-pool, inbound-pool-of-bytes, inbound-pool-of-the-listener; what proxies make of it: parity resilience';
const MEMBERS = 'workloads that join: control-plane/src/ca/membership.test.ts, e2e/loopback/workload-configuration.test.ts';
const PROBE = 'the agent asks: agent/src/process/probe.test.ts; e2e/loopback/workload-configuration.test.ts';
const ENTRY = 'golden/service-entry/workload-entries, mesh-internal-selector; model/src/convert/endpoints-of.test.ts; registry/src/mesh/mesh.test.ts';
const ADDRESSES = 'which addresses a service has, not how it is called: model/src/convert/from-kubernetes.ts';

type Shown = Readonly<Record<string, string>>;

/** Kind → beginning of a field → where it is shown. The longest beginning counts. */
export const SHOWN_ELSEWHERE = {
  VirtualService: {
    'http[].match[].sourceLabels': SIDECARS,
    'http[].match[].sourceNamespace': SIDECARS,
    'http[].retries.retryRemoteLocalities': RETRIES,
    'http[].retries.retryIgnorePreviousHosts': RETRIES,
    'http[].retries.backoff': RETRIES,
    'tls[]': TLS_ROUTES,
    'tcp[].match[].sourceLabels': SIDECARS,
    'tcp[].match[].sourceNamespace': SIDECARS,
    exportTo: 'who sees the object: golden/virtual-service/export-to-own-namespace, export-to-named-namespace',
  },
  DestinationRule: {
    'trafficPolicy.loadBalancer.consistentHash': HASHING,
    'trafficPolicy.loadBalancer.zoneAwareLbSetting.failoverPriority': 'golden/destination-rule/zone-aware-everywhere',
    'trafficPolicy.loadBalancer.warmupDurationSecs':
      'golden/destination-rule/warmup-old-form; what our proxy makes of it: runtime/src/lb/balancing.test.ts',
    'trafficPolicy.loadBalancer.warmup': 'golden/destination-rule/warmup; what our proxy makes of it: runtime/src/lb/balancing.test.ts',
    'trafficPolicy.connectionPool.tcp.tcpKeepalive':
      'golden/destination-rule/keepalive; what the system makes of it: proxy/src/net/keep-alive.test.ts',
    'trafficPolicy.connectionPool.tcp.maxConnections': 'golden/destination-rule/pool-tcp; parity resilience; e2e: docs/guides/circuit-breaker.md',
    'trafficPolicy.connectionPool.http.http1MaxPendingRequests':
      'golden/destination-rule/pool-http; parity resilience; e2e: docs/guides/circuit-breaker.md',
    'trafficPolicy.tls': TLS,
    'trafficPolicy.tunnel': 'golden/destination-rule/tunnel; parity tcp',
    'trafficPolicy.proxyProtocol': 'golden/destination-rule/proxy-protocol; parity proxy-protocol',
    'trafficPolicy.retryBudget': 'golden/destination-rule/retry-budget; parity resilience',
    'subsets[].trafficPolicy':
      'the same blocks as under trafficPolicy: golden/destination-rule/subsets, in all four places by accepted-fields.test.ts',
    'trafficPolicy.portLevelSettings': 'the same blocks as under trafficPolicy: golden/destination-rule/port-level-inherits-nothing',
    exportTo: 'who sees the object: golden/destination-rule/no-merge-of-different-export',
    workloadSelector: 'sidecars only: golden/destination-rule/workload-selector',
  },
  Gateway: {
    'servers[].name': 'a name for people',
    'servers[].tls.serverCertificate': FILES,
    'servers[].tls.privateKey': FILES,
    'servers[].tls.caCertificates': FILES,
    'servers[].tls.caCrl': FILES,
    'servers[].tls.tlsCertificates': FILES,
  },
  ServiceEntry: {
    'endpoints[].serviceAccount': 'who the endpoint must be, and that it takes mutual TLS: model/src/convert/endpoints-of.test.ts',
    workloadSelector: ENTRY,
    subjectAltNames: 'golden/destination-rule/tls-of-external-service; what proxies make of it: parity tls',
  },
  Sidecar: {
    workloadSelector: 'golden/sidecar/selector-before-default, oldest-default-wins',
    'ingress[].port': 'golden/sidecar/ingress, ingress-in-ports-mode; explain/src/simulate.test.ts',
    'ingress[].bind': 'golden/sidecar/ingress-not-captured, ingress-in-ports-mode',
    'ingress[].captureMode': 'golden/sidecar/ingress-not-captured',
    'ingress[].defaultEndpoint': 'golden/sidecar/ingress, ingress-grpc-web; parity grpc-web',
    'ingress[].tls': 'golden/sidecar/ingress-tls-simple, ingress-tls-mutual; the same settings at gateways: parity istio-gateway',
    'ingress[].connectionPool': POOL,
    inboundConnectionPool: POOL,
    'egress[].port': 'golden/sidecar/egress-port, egress-bind; explain/src/simulate.test.ts',
    'egress[].bind': 'golden/sidecar/egress-bind',
    'egress[].captureMode': 'golden/sidecar/egress-not-captured',
    'egress[].hosts': 'golden/sidecar/egress-*; explain/src/semantics.test.ts',
    'outboundTrafficPolicy.mode': 'golden/sidecar/registry-only, allow-any-over-registry-only; e2e/netns/egress.test.ts',
    'outboundTrafficPolicy.egressProxy': 'golden/sidecar/egress-proxy, egress-proxy-subset',
  },
  Service: {
    clusterIPs: ADDRESSES,
    externalName: 'names of DNS: golden/service/external-name*; e2e/netns/discovery.test.ts',
    externalTrafficPolicy: 'Cluster and no other: docs/reference/refused-fields.md',
    internalTrafficPolicy: 'the node of the caller: golden/service/internal-traffic-local',
    ipFamilies: ADDRESSES,
    ipFamilyPolicy: ADDRESSES,
    sessionAffinity: 'None and no other: docs/reference/refused-fields.md',
    publishNotReadyAddresses: 'golden/service/publish-not-ready',
    allocateLoadBalancerNodePorts: 'false and no other: docs/reference/refused-fields.md',
    trafficDistribution: 'golden/service/nearest-zone, nearest-node, nearest-unless-a-rule-says-otherwise; parity zones',
  },
  WorkloadEntry: { '': ENTRY },
  WorkloadGroup: { '': MEMBERS, probe: PROBE },
  ProxyConfig: { '': 'how agents start: e2e/loopback/workload-configuration.test.ts; translate/src/accepted-fields.test.ts' },
  KubernetesGateway: {
    'listeners[].tls.certificateRefs[].namespace': GRANTED,
    'listeners[].tls.options': OPTIONS,
    'listeners[].allowedRoutes': OTHER_NAMESPACES,
    addresses: 'the status of the Gateway: model/src/gateway-api/status.ts; e2e/loopback/gateway-api.test.ts',
    'allowedListeners.namespaces.selector': 'golden/gateway-api/gateway-selected-routes-and-sets',
    'tls.frontend.default.validation.caCertificateRefs[].namespace': GRANTED,
    'tls.frontend.perPort[].tls.validation.caCertificateRefs[].namespace': GRANTED,
  },
  ListenerSet: {
    'parentRef.namespace': 'other namespaces: golden/gateway-api/listener-set',
    'listeners[].tls.certificateRefs[].namespace': GRANTED,
    'listeners[].tls.options': OPTIONS,
    'listeners[].allowedRoutes.namespaces.selector': 'golden/gateway-api/gateway-selected-routes-and-sets',
  },
  HTTPRoute: {},
  GRPCRoute: {},
  TLSRoute: { 'parentRefs[].namespace': FOREIGN_L4, 'rules[].backendRefs[].namespace': FOREIGN_L4 },
  TCPRoute: { 'parentRefs[].namespace': FOREIGN_L4, 'rules[].backendRefs[].namespace': FOREIGN_L4 },
  BackendTLSPolicy: { 'validation.wellKnownCACertificates': 'the roots of the system: golden/gateway-api/backend-tls' },
  RequestAuthentication: {
    'targetRefs[].namespace': 'it may only be empty',
  },
  MeshConfig: {
    '': 'each with its test: [mesh-config-fields.md](mesh-config-fields.md); what callers see of them: parity istio-mesh-config, istio-telemetry',
  },
} as const satisfies Readonly<Record<string, Shown>>;

export type ShownKind = keyof typeof SHOWN_ELSEWHERE;

/** Where a field is shown; undefined: not here. */
export function shownElsewhere(kind: ShownKind, field: string): string | undefined {
  const fitting = Object.entries<string>(SHOWN_ELSEWHERE[kind]).filter(([start]) => field.startsWith(start));
  return fitting.sort(([a], [b]) => b.length - a.length)[0]?.[1];
}
