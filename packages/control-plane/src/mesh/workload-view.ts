import type { Config, Gateway } from '@meltemi/api';
import type { InstanceView, WorkloadView } from '@meltemi/console-api';
import { canonicalName, canonicalRevision, labelsMatch, spiffeId, type Workload } from '@meltemi/model';
import type { ConnectedNode } from '../xds/connected-node.ts';

/** Instances of one name are one workload, as pods of a Deployment are. Sorted by namespace and name. */
export function workloadViews(
  workloads: readonly Workload[],
  nodes: readonly ConnectedNode[],
  trustDomain: string,
  gateways: readonly Config<Gateway>[],
): readonly WorkloadView[] {
  const byAddress = new Map(nodes.map((connected) => [connected.node.id.split('~')[1] ?? '', connected]));
  const groups = Map.groupBy(workloads, (workload) => `${workload.namespace}/${workload.name}`);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, members]) => {
      const [first] = members;
      return first === undefined
        ? []
        : [
            workloadView(
              first,
              members.map((member) => instanceView(member, byAddress.get(member.address))),
              trustDomain,
              gateways,
            ),
          ];
    });
}

function workloadView(
  workload: Workload,
  instances: readonly InstanceView[],
  trustDomain: string,
  gateways: readonly Config<Gateway>[],
): WorkloadView {
  const { name, namespace, labels } = workload;
  return {
    name,
    namespace,
    app: labels['app'] ?? canonicalName(labels, name),
    version: labels['version'] ?? canonicalRevision(labels),
    labels,
    annotations: {},
    kind: KINDS[workload.registry],
    serviceAccount: workload.serviceAccount,
    principal: workload.tlsMode === 'istio' ? spiffeId(trustDomain, namespace, workload.serviceAccount) : '',
    createdAt: instances[0]?.createdAt ?? '',
    resourceVersion: '',
    hasSidecar: workload.dataPlane !== 'none',
    ...gatewayOf(workload, gateways),
    desiredReplicas: instances.length,
    instances,
    workloadEntries: workload.object?.kind === 'WorkloadEntry' ? [workload.object.name] : [],
  };
}

const KINDS: Readonly<Record<Workload['registry'], string>> = { kubernetes: 'Deployment', external: 'WorkloadEntry', connected: 'Process' };

/** What a gateway serves: the hosts of every Gateway that selects it. */
function gatewayOf({ labels }: Workload, gateways: readonly Config<Gateway>[]): Pick<WorkloadView, 'gateway'> {
  const served = labels['istio'] === undefined ? [] : gateways.filter((gateway) => labelsMatch(gateway.spec.selector ?? {}, labels));
  if (served.length === 0) return {};
  const hostnames = [...new Set(served.flatMap((gateway) => gateway.spec.servers.flatMap((server) => server.hosts)))];
  return { gateway: { kind: labels['istio'] === 'egressgateway' ? 'egress' : 'ingress', hostnames } };
}

function instanceView(workload: Workload, connected: ConnectedNode | undefined): InstanceView {
  const { dataPlane } = workload;
  return {
    name: workload.name,
    address: workload.address,
    isReady: workload.health === 'healthy',
    isSynced: dataPlane === 'none' ? undefined : connected !== undefined && connected.types.every((type) => type.state !== 'rejected'),
    dataPlane: dataPlane === 'none' ? undefined : dataPlane,
    createdAt: connected === undefined ? '' : new Date(connected.connectedAtMs).toISOString(),
  };
}
