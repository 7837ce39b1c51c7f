import type { Config, DecodedDocument } from '@meltemi/api';
import {
  buildPushContext,
  createEndpointIndex,
  DEFAULT_MESH_CONFIG,
  endpointsOf,
  joinServices,
  serviceKey,
  type MeshConfig,
  type ProxyNode,
  type Workload,
} from '@meltemi/model';
import type { SimulatedMesh } from './types.ts';

/** What a mesh is made of. */
export interface MeshParts {
  readonly configs: readonly Config[];
  readonly workloads: readonly Workload[];
  /** Names (`namespace/name`) of the workloads that are gateways. */
  readonly gateways?: readonly string[];
  readonly mesh?: Partial<MeshConfig>;
  /** Where the objects were read from. */
  readonly documents?: readonly DecodedDocument[];
}

/** A mesh that nothing runs of, for calls to be tried on. All sidecars are redirected to, as in network namespaces. */
export function meshOf({ configs, workloads, gateways = [], mesh: settings = {}, documents = [] }: MeshParts): SimulatedMesh {
  const mesh: MeshConfig = { ...DEFAULT_MESH_CONFIG, ...settings };
  const joined = joinServices(configs, workloads, mesh);
  const endpoints = createEndpointIndex();
  endpoints.updateWorkloads(workloads);
  for (const service of joined.services) endpoints.update(serviceKey(service), endpointsOf(service, workloads, mesh.trustDomain));
  const push = buildPushContext({ mesh, services: joined.services, configs });
  const nodes = workloads
    .filter((workload) => workload.dataPlane !== 'none')
    .map((workload) => [workloadKey(workload), nodeOf(workload, gateways.includes(workloadKey(workload)))] as const);
  return { state: { push, endpoints }, configs, workloads, nodes: new Map(nodes), documents };
}

/** `namespace/name`. */
export function workloadKey(workload: Pick<Workload, 'namespace' | 'name'>): string {
  return `${workload.namespace}/${workload.name}`;
}

function nodeOf(workload: Workload, gateway: boolean): ProxyNode {
  const { name, namespace, address } = workload;
  return {
    id: `${gateway ? 'router' : 'sidecar'}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    type: gateway ? 'router' : 'sidecar',
    address,
    addresses: [address],
    namespace,
    serviceAccount: workload.serviceAccount,
    workload: name,
    labels: workload.labels,
    metadata: {},
    clusterId: workload.cluster,
    meshId: 'cluster.local',
    dnsDomain: `${namespace}.svc.cluster.local`,
    locality: workload.locality,
    interception: 'REDIRECT',
    appAddress: workload.appAddress,
    nodeName: workload.nodeName ?? '',
    ports: workload.ports,
    reportsHealth: false,
    // The decisions are those of our own proxy, and so is what it is given.
    dataPlane: 'embedded',
    convertsB3: false,
    bindAddress: '0.0.0.0',
  };
}
