export { endpointsOf, selects, targetPortOf } from './convert/endpoints-of.ts';
export { kubernetesHostname, serviceFromKubernetes } from './convert/from-kubernetes.ts';
export { meshConfigFrom } from './convert/from-mesh-config.ts';
export { proxySettingsFor } from './convert/from-proxy-config.ts';
export { servicesFromServiceEntry } from './convert/from-service-entry.ts';
export { REGISTERED_ORIGIN, TLS_MODE_LABEL, workloadFromEntry } from './convert/from-workload-entry.ts';
export {
  createEndpointIndex,
  serviceKey,
  touchesSubset,
  type EndpointChange,
  type EndpointIndex,
  type WritableEndpointIndex,
} from './endpoint-index.ts';
export {
  convertGatewayApi,
  derivedRule,
  gatewayApiStatus,
  isDerived,
  resolveBackend,
  type BackendReference,
  type DerivedRule,
  type GatewayApiState,
} from './gateway-api/index.ts';
export { hostCovers, hostsOverlap, isWildcard, looksLikeIp, mostSpecificMatch, resolveHost, wildcardsOf } from './hostname.ts';
export { joinServices, type JoinedServices } from './join-services.ts';
export { canonicalName, canonicalRevision, labelsMatch } from './labels.ts';
export { formatLocality, NO_LOCALITY, parseLocality } from './locality.ts';
export { parseProxyNode } from './parse-node.ts';
export { buildPushContext } from './push/build.ts';
export { delegations, type DelegateFault, type DroppedRule, type HttpRule } from './push/delegates.ts';
export { destinationRuleFor, type DestinationRuleTable, type MergedDestinationRule } from './push/destination-rules.ts';
export { MESH_GATEWAY, resolveGateway } from './push/gateway-ref.ts';
export { envoyFiltersFor, versionMatches, type EnvoyFilterTable } from './push/envoy-filters.ts';
export { gatewaysFor, type GatewayTable } from './push/gateways.ts';
export {
  buildPeerAuthenticationTable,
  effectiveMtls,
  mtlsPorts,
  type EffectiveMtls,
  type MtlsMode,
  type PeerAuthenticationTable,
} from './push/peer-authentication.ts';
export type { KnownChanges, PushChanges, PushContext, PushInputs } from './push/push-context.ts';
export {
  isPolicyFor,
  keySourceOf,
  requestAuthenticationsFor,
  type JwtRuleInForce,
  type KeySet,
  type KeySets,
  type KeySource,
  type RequestAuthenticationTable,
} from './push/request-authentications.ts';
export { CA_SUFFIX, keyPairOf, trustOf, type CredentialTable, type KeyPair, type TrustBundle } from './push/secrets.ts';
export { collectorServices, collectorsOf } from './push/collectors.ts';
export { servicesSelecting, visibleServices, type NamespaceServices, type ServiceTable } from './push/services.ts';
export {
  gatewayVirtualServices,
  meshVirtualServices,
  virtualServiceFor,
  virtualServicesFor,
  type NamespaceVirtualServices,
  type ResolvedVirtualService,
  type VirtualServiceTable,
} from './push/virtual-services.ts';
export { sidecarScope, type EgressScope, type ScopeOwner, type SidecarScope } from './push/sidecar-scope.ts';
export { sidecarFor, type SidecarTable } from './push/sidecars.ts';
export { isVisibleIn, visibilityOf, type Visibility, type VisibilityIndex } from './push/visibility.ts';
export { spiffeId } from './spiffe.ts';
export type { ClientCertificates, MeshTls, ProxyDefaults, TcpKeepaliveSettings } from './types/proxy-defaults.ts';
export { DEFAULT_MESH_CONFIG, type MeshConfig } from './types/mesh-config.ts';
export type { Collector, CollectorHeader, LogLine, LogProvider, MeshTelemetry, SpanProvider, SpanTag } from './types/mesh-telemetry.ts';
export { isHttp, isHttp2, isTls, parseProtocol, selectProtocol, type Protocol } from './types/protocol.ts';
export type { ProxyNode, XdsNode } from './types/proxy-node.ts';
export type {
  Endpoint,
  Health,
  InlineEndpoint,
  Labels,
  Locality,
  Resolution,
  Service,
  ServicePort,
  Vip,
  Workload,
  WorkloadPort,
} from './types/service.ts';
export { allocateVips, vipAddress, type VipTable } from './vip.ts';
export { sessionOf, type Session } from './session.ts';
