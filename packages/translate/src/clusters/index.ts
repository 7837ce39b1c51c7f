import {
  destinationRuleFor,
  serviceKey,
  isWildcard,
  type DestinationRuleTable,
  type EndpointIndex,
  type MeshConfig,
  type NamespaceServices,
} from '@meltemi/model';
import type { Cluster } from '@meltemi/protos-types';
import type { InputsCache } from '../common/inputs-cache.ts';
import type { NodeScope } from '../common/node-scope.ts';
import type { InboundPort } from '../listeners/inbound-ports.ts';
import { blackHoleCluster, inboundClusterOf, inboundPassthroughCluster, passthroughCluster } from './fixed-clusters.ts';
import { outboundClusterOf } from './outbound-cluster.ts';

/** Everything a node's outbound clusters depend on. */
export interface OutboundClustersInputs {
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** The index, and the version that stands for the identities in it. */
  readonly endpoints: Pick<EndpointIndex, 'accounts'>;
  readonly accountsVersion: number;
}

/** The clusters of all visible services and their subsets, and those that go nowhere or anywhere. */
export function outboundClusters(inputs: OutboundClustersInputs, cache: InputsCache): readonly Cluster[] {
  const { scope, mesh } = inputs;
  const clusters: Cluster[] = [cache.get('blackHoleCluster', { mesh }, () => blackHoleCluster(mesh))];
  const redirect = scope.interception === 'REDIRECT';
  if (redirect) clusters.push(cache.get('passthroughCluster', { mesh }, () => passthroughCluster(mesh)));
  for (const service of inputs.services.list) {
    // A wildcard has no address of its own: only an original destination can be reached.
    if (isWildcard(service.hostname) && service.resolution !== 'none') continue;
    const rule = destinationRuleFor(inputs, scope, service);
    const identities = inputs.endpoints.accounts(serviceKey(service));
    for (const port of service.ports) {
      if (port.protocol === 'udp') continue;
      for (const subset of ['', ...(rule?.subsets ?? []).map((entry) => entry.subset.name)]) {
        const key = {
          service,
          port,
          subset,
          rule,
          identities,
          mesh,
          dataPlane: scope.dataPlane,
          sourceAddress: scope.address,
          originalDestination: redirect,
        };
        const cluster = cache.get('outboundCluster', key, (known) => ({ made: outboundClusterOf(known) })).made;
        if (cluster !== undefined) clusters.push(cluster);
      }
    }
  }
  return clusters;
}

/** The clusters of the application itself. */
export function inboundClusters(
  inputs: { readonly ports: readonly InboundPort[]; readonly appAddress: string; readonly mesh: MeshConfig; readonly redirect: boolean },
  cache: InputsCache,
): readonly Cluster[] {
  const { ports, appAddress, mesh } = inputs;
  const own = ports.map((port) => cache.get('inboundCluster', { port, appAddress, mesh }, inboundClusterOf));
  return inputs.redirect ? [cache.get('inboundPassthrough', { mesh }, () => inboundPassthroughCluster(mesh)), ...own] : own;
}
