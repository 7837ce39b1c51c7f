import type { Config } from './config.ts';
import type { ConfigMap } from './kinds/core/config-map.ts';
import type { Namespace } from './kinds/core/namespace.ts';
import type { Secret } from './kinds/core/secret.ts';
import type { ServiceAccount } from './kinds/core/service-account.ts';
import type { Service } from './kinds/core/service.ts';
import type { BackendTLSPolicy } from './kinds/gateway-api/backend-tls-policy.ts';
import type { GatewayClass } from './kinds/gateway-api/gateway-class.ts';
import type { KubernetesGateway } from './kinds/gateway-api/gateway.ts';
import type { GRPCRoute } from './kinds/gateway-api/grpc-route.ts';
import type { HTTPRoute } from './kinds/gateway-api/http-route.ts';
import type { TCPRoute, TLSRoute } from './kinds/gateway-api/l4-routes.ts';
import type { ListenerSet } from './kinds/gateway-api/listener-set.ts';
import type { ReferenceGrant } from './kinds/gateway-api/reference-grant.ts';
import type { DestinationRule } from './kinds/networking/destination-rule.ts';
import type { EnvoyFilter } from './kinds/networking/envoy-filter.ts';
import type { Gateway } from './kinds/networking/gateway.ts';
import type { ProxyConfig } from './kinds/networking/proxy-config.ts';
import type { ServiceEntry } from './kinds/networking/service-entry.ts';
import type { Sidecar } from './kinds/networking/sidecar.ts';
import type { VirtualService } from './kinds/networking/virtual-service.ts';
import type { WorkloadEntry } from './kinds/networking/workload-entry.ts';
import type { WorkloadGroup } from './kinds/networking/workload-group.ts';
import type { PeerAuthentication } from './kinds/security/peer-authentication.ts';
import type { RequestAuthentication } from './kinds/security/request-authentication.ts';

/** The spec type of every kind. */
export interface SpecTypes {
  readonly VirtualService: VirtualService;
  readonly DestinationRule: DestinationRule;
  readonly Gateway: Gateway;
  readonly ServiceEntry: ServiceEntry;
  readonly WorkloadEntry: WorkloadEntry;
  readonly PeerAuthentication: PeerAuthentication;
  readonly RequestAuthentication: RequestAuthentication;
  readonly Sidecar: Sidecar;
  readonly WorkloadGroup: WorkloadGroup;
  readonly ProxyConfig: ProxyConfig;
  readonly EnvoyFilter: EnvoyFilter;
  readonly Secret: Secret;
  readonly ConfigMap: ConfigMap;
  readonly GatewayClass: GatewayClass;
  readonly KubernetesGateway: KubernetesGateway;
  readonly ListenerSet: ListenerSet;
  readonly ReferenceGrant: ReferenceGrant;
  readonly BackendTLSPolicy: BackendTLSPolicy;
  readonly HTTPRoute: HTTPRoute;
  readonly GRPCRoute: GRPCRoute;
  readonly TLSRoute: TLSRoute;
  readonly TCPRoute: TCPRoute;
  readonly Namespace: Namespace;
  readonly Service: Service;
  readonly ServiceAccount: ServiceAccount;
}

export type KindName = keyof SpecTypes;

/** True when the object is of the kind; narrows its spec. Every Config that decoding returned has the spec of its kind. */
export function isKind<K extends KindName>(config: Config, kind: K): config is Config<SpecTypes[K]> {
  return config.kind === kind;
}

/** The objects of one kind, typed. */
export function ofKind<K extends KindName>(configs: Iterable<Config>, kind: K): Config<SpecTypes[K]>[] {
  const found: Config<SpecTypes[K]>[] = [];
  for (const config of configs) if (isKind(config, kind)) found.push(config);
  return found;
}
