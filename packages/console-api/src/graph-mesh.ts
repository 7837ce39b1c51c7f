import type { GraphDestinationRule, GraphMesh, GraphVirtualService, WorkloadStatus } from '@meltemi/telemetry';
import type { ConfigObject, MeshView, WorkloadView } from './view.ts';

/** Replicas of a workload as health reads them. */
export function workloadStatus(workload: WorkloadView): WorkloadStatus {
  const proxied = workload.instances.filter((one) => one.isSynced !== undefined);
  return {
    name: workload.name,
    desiredReplicas: workload.desiredReplicas,
    currentReplicas: workload.instances.length,
    availableReplicas: workload.instances.filter((one) => one.isReady).length,
    syncedProxies: workload.hasSidecar && proxied.length > 0 ? proxied.filter((one) => one.isSynced).length : -1,
  };
}

/** The view as the graph's appenders read it. */
export function graphMesh(view: MeshView): GraphMesh {
  const cluster = view.clusterName;
  const ofKind = (kind: string): readonly ConfigObject[] => view.objects.filter((one) => one.kind === kind);
  const shaped = (one: ConfigObject): { meta: { name: string; namespace: string }; spec: object } => ({
    meta: { name: one.name, namespace: one.namespace },
    spec: one.spec,
  });
  return {
    services: view.services.map((one) => ({ ...one, cluster })),
    workloads: view.workloads.map((one) => {
      const { gateway } = one;
      return {
        cluster,
        namespace: one.namespace,
        name: one.name,
        app: one.app,
        version: one.version,
        labels: one.labels,
        annotations: one.annotations,
        status: workloadStatus(one),
        hasSidecar: one.hasSidecar,
        ...(gateway === undefined ? {} : { gateway }),
        workloadEntries: one.workloadEntries,
      };
    }),
    virtualServices: ofKind('VirtualService').map((one): GraphVirtualService => shaped(one)),
    destinationRules: ofKind('DestinationRule').map((one): GraphDestinationRule => shaped(one)),
  };
}
