/** The specs as this package calls them: `Service` and `WorkloadEntry` of the API are not the model's. */
export type {
  ConfigMap as ConfigMapSpec,
  DestinationRule as DestinationRuleSpec,
  EnvoyFilter as EnvoyFilterSpec,
  Gateway as GatewaySpec,
  PeerAuthentication as PeerAuthenticationSpec,
  RequestAuthentication as RequestAuthenticationSpec,
  Secret as SecretSpec,
  Service as KubernetesServiceSpec,
  ServiceEntry as ServiceEntrySpec,
  Sidecar as SidecarSpec,
  SidecarEgress as SidecarEgressSpec,
  Subset as DestinationRuleSubset,
  TrafficPolicy,
  VirtualService as VirtualServiceSpec,
  WorkloadEntry as WorkloadEntrySpec,
} from '@meltemi/api';
