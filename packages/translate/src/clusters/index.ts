import {
  collectorsOf,
  destinationRuleFor,
  serviceKey,
  isWildcard,
  type DestinationRuleTable,
  type EndpointIndex,
  type MergedDestinationRule,
  type MeshConfig,
  type NamespaceServices,
  type Service,
} from '@meltemi/model';
import type { Cluster } from '@meltemi/protos-types';
import type { InputsCache, Made } from '../common/inputs-cache.ts';
import type { NodeScope } from '../common/node-scope.ts';
import type { InboundPort } from '../listeners/inbound-ports.ts';
import { zonesInUse } from './zones.ts';
import {
  collectorCluster,
  blackHoleCluster,
  dynamicDnsCluster,
  inboundClusterOf,
  inboundPassthroughCluster,
  passthroughCluster,
  type InboundClusterInputs,
} from './fixed-clusters.ts';
import { outboundClusterOf } from './outbound-cluster.ts';

/** Everything a node's outbound clusters depend on. */
export interface OutboundClustersInputs {
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  /** Those that every proxy calls, known in its scope or not. */
  readonly collectors: readonly Service[];
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** The index, and the version that stands for the identities in it. */
  readonly endpoints: Pick<EndpointIndex, 'accounts'>;
  readonly accountsVersion: number;
}

/** The clusters of a service, with what they were made of. */
interface ServiceRow {
  readonly service: Service;
  readonly rule: MergedDestinationRule | undefined;
  readonly identities: readonly string[];
  readonly clusters: readonly Cluster[];
}

/** All outbound clusters, with what the next ones can take over. */
export interface OutboundClusters {
  readonly rows: readonly ServiceRow[];
  readonly list: readonly Cluster[];
}

/** The clusters of all visible services and their subsets, and those that go nowhere or anywhere. With those before, whatever did not change is the same object. */
export function outboundClusters(
  inputs: OutboundClustersInputs,
  cache: InputsCache,
  before?: Made<OutboundClustersInputs, OutboundClusters>,
): OutboundClusters {
  const { scope, mesh } = inputs;
  const fixed: Cluster[] = [cache.get('blackHoleCluster', { mesh }, () => blackHoleCluster(mesh))];
  fixed.push(...collectorClusters(mesh, cache));
  if (scope.interception === 'REDIRECT') fixed.push(cache.get('passthroughCluster', { mesh }, () => passthroughCluster(mesh)));
  if (scope.type === 'sidecar' && mesh.outboundTrafficPolicy === 'ALLOW_ANY_DYNAMIC_DNS')
    fixed.push(cache.get('dynamicDnsCluster', { mesh }, () => dynamicDnsCluster(mesh)));
  const zones = zonesInUse(inputs.destinationRules, mesh);
  const old = before?.inputs.mesh === mesh && zonesInUse(before.inputs.destinationRules, before.inputs.mesh) === zones ? before : undefined;
  const known = new Map(old?.made.rows.map((row) => [row.service, row]));
  const sameRules = old?.inputs.destinationRules === inputs.destinationRules;
  // A wildcard has no address of its own: only an original destination can be reached.
  const visible = inputs.services.list.filter((service) => !isWildcard(service.hostname) || service.resolution === 'none');
  // What the node calls so itself comes first, as in its endpoints.
  const services = [...visible, ...inputs.collectors.filter(({ hostname }) => !visible.some((service) => service.hostname === hostname))];
  const rows = services.map((service) => rowOf(service, inputs, cache, { row: known.get(service), sameRules }));
  return { rows, list: [...fixed, ...rows.flatMap(({ clusters }) => clusters)] };
}

/** Zipkin alone is not called over gRPC. */
function collectorClusters(mesh: MeshConfig, cache: InputsCache): readonly Cluster[] {
  return collectorsOf(mesh).flatMap((collector) => {
    const { byAddress, cluster: name, host, port } = collector;
    const grpc = mesh.telemetry.spans?.collector !== collector;
    return byAddress ? [cache.get('collectorCluster', { name, host, port, grpc, mesh }, collectorCluster)] : [];
  });
}

function rowOf(
  service: Service,
  inputs: OutboundClustersInputs,
  cache: InputsCache,
  last: { readonly row: ServiceRow | undefined; readonly sameRules: boolean },
): ServiceRow {
  const rule = last.row !== undefined && last.sameRules ? last.row.rule : destinationRuleFor(inputs, inputs.scope, service);
  const identities = inputs.endpoints.accounts(serviceKey(service));
  if (last.row?.rule === rule && last.row?.identities === identities) return last.row;
  return { service, rule, identities, clusters: serviceClusters({ service, rule, identities }, inputs, cache) };
}

function serviceClusters(
  parts: Omit<ServiceRow, 'clusters'>,
  { mesh, scope, destinationRules }: OutboundClustersInputs,
  cache: InputsCache,
): readonly Cluster[] {
  const { service, rule, identities } = parts;
  const zones = zonesInUse(destinationRules, mesh);
  const clusters: Cluster[] = [];
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
        sourceAddress: scope.address,
        originalDestination: scope.interception === 'REDIRECT',
        nodeType: scope.type,
        caller: service.resolution === 'dns' || service.resolution === 'dns-round-robin' ? scope : undefined,
        zonesInUse: zones,
      };
      const cluster = cache.get('outboundCluster', key, (known) => ({ made: outboundClusterOf(known) })).made;
      if (cluster !== undefined) clusters.push(cluster);
    }
  }
  return clusters;
}

/** The clusters of the application itself. */
export function inboundClusters(
  { ports, ...inputs }: Omit<InboundClusterInputs, 'port'> & { readonly ports: readonly InboundPort[] },
  cache: InputsCache,
): readonly Cluster[] {
  const { mesh } = inputs;
  const own = ports.map((port) => cache.get('inboundCluster', { port, ...inputs }, inboundClusterOf));
  return inputs.redirect ? [cache.get('inboundPassthrough', { mesh }, () => inboundPassthroughCluster(mesh)), ...own] : own;
}
