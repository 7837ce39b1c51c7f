export { compareByAge, configKey, type Config, type DeepReadonly, type Json, type ObjectMeta } from './config.ts';
export { DECODE_CODES, type DecodeCode } from './codes.ts';
export { withoutDuplicates } from './decode/duplicates.ts';
export { applyFixes } from './decode/fixes.ts';
export { decodeObject, type DecodedJson } from './decode/json.ts';
export { locateProblems } from './decode/locate.ts';
export { nearest } from './decode/suggest.ts';
export type { DecodedDocument, DecodeOptions, DecodeResult, Place } from './decode/types.ts';
export { decodeYaml } from './decode/yaml.ts';
export { durationMs } from './duration.ts';
export { EXPIRES_ANNOTATION, expiresAtMs, mayExpire, TTL_ANNOTATION } from './ttl.ts';
export { publicConfig, toObject, toPublicObject, toYaml } from './encode.ts';
export {
  apiVersionOf,
  defineKind,
  type Column,
  type Finding,
  type KindDefinition,
  type KindId,
  type KindOptions,
  type ValidationContext,
} from './kind.ts';
export { KINDS } from './kinds/index.ts';
export { KNOWN_UNSUPPORTED_KINDS } from './kinds/known-unsupported.ts';
export { kindByAnyName, kindByName, kindByResource, kindOf, splitApiVersion } from './kinds/lookup.ts';
export { MESH_CONFIG_MAP, type ConfigMap } from './kinds/core/config-map.ts';
export { HIDDEN_VALUE, secretValue, type Secret } from './kinds/core/secret.ts';
export { decodeMeshConfig } from './kinds/mesh/decode-mesh-config.ts';
export { meshConfigDefinition, type MeshConfigSpec } from './kinds/mesh/mesh-config.ts';
export type { ExtensionProvider } from './kinds/mesh/extension-providers.ts';
export type { ProxySettings } from './kinds/mesh/proxy-settings.ts';
export type { Namespace } from './kinds/core/namespace.ts';
export type { ServiceAccount } from './kinds/core/service-account.ts';
export type { Service, ServicePort } from './kinds/core/service.ts';
export type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  DestinationRule,
  LoadBalancerSettings,
  OutlierDetection,
  PortTrafficPolicy,
  Subset,
  TrafficPolicy,
} from './kinds/networking/destination-rule.ts';
export { proxyPortFault } from './kinds/networking/proxy-ports.ts';
export { GATEWAY_GROUP } from './kinds/gateway-api/common.ts';
export type { BackendTLSPolicy } from './kinds/gateway-api/backend-tls-policy.ts';
export type { GatewayClass } from './kinds/gateway-api/gateway-class.ts';
export type { GatewayListener, KubernetesGateway, NamespaceSelector } from './kinds/gateway-api/gateway.ts';
export type { GRPCRoute, GRPCRouteMatch, GRPCRouteRule } from './kinds/gateway-api/grpc-route.ts';
export type { HTTPBackendRef, HTTPRoute, HTTPRouteFilter, HTTPRouteMatch, HTTPRouteRule } from './kinds/gateway-api/http-route.ts';
export type { TCPRoute, TLSRoute } from './kinds/gateway-api/l4-routes.ts';
export type { ListenerSet } from './kinds/gateway-api/listener-set.ts';
export type { ReferenceGrant } from './kinds/gateway-api/reference-grant.ts';
export type { EnvoyFilter, EnvoyFilterMatch, EnvoyFilterPatch } from './kinds/networking/envoy-filter.ts';
export type { Gateway, GatewayServer } from './kinds/networking/gateway.ts';
export type { ProxyConfig } from './kinds/networking/proxy-config.ts';
export type { ServiceEntry, ServiceEntryPort } from './kinds/networking/service-entry.ts';
export type { Sidecar, SidecarEgress, SidecarIngress } from './kinds/networking/sidecar.ts';
export type {
  CorsPolicy,
  Destination,
  Headers,
  HttpDirectResponse,
  HttpFault,
  HttpMatchRequest,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRoute,
  HttpRouteDestination,
  L4Match,
  StringMatch,
  TcpRoute,
  VirtualService,
} from './kinds/networking/virtual-service.ts';
export type { WorkloadEntry } from './kinds/networking/workload-entry.ts';
export type { ReadinessProbe, WorkloadGroup } from './kinds/networking/workload-group.ts';
export type { MtlsMode, PeerAuthentication } from './kinds/security/peer-authentication.ts';
export type { JwtRule, RequestAuthentication } from './kinds/security/request-authentication.ts';
export { publicKeyFault, type Jwk } from './kinds/security/public-key.ts';
export { formatPath, parsePath, type Path } from './path.ts';
export { crdOf } from './publish/crd.ts';
export { jsonSchemaOf, type SchemaNode } from './publish/json-schema.ts';
export { isKind, ofKind, type KindName, type SpecTypes } from './spec-types.ts';
export { claimName, type ClaimName } from './kinds/networking/claims.ts';
