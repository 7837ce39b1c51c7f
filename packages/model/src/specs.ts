/** The specs as this package calls them: `Service` and `WorkloadEntry` of the API are not the model's. */
export type {
  DestinationRule as DestinationRuleSpec,
  Gateway as GatewaySpec,
  PeerAuthentication as PeerAuthenticationSpec,
  Service as KubernetesServiceSpec,
  ServiceEntry as ServiceEntrySpec,
  Subset as DestinationRuleSubset,
  TrafficPolicy,
  VirtualService as VirtualServiceSpec,
  WorkloadEntry as WorkloadEntrySpec,
} from '@meltemi/api';
