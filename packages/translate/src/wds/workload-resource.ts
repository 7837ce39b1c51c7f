import { canonicalName, canonicalRevision, type Workload } from '@meltemi/model';
import type { Workload as WorkloadResource } from '@meltemi/protos-types';

/** Who stands behind an address, as a proxy is told when it first sees the address. */
export function workloadResource({ workload, trustDomain }: { readonly workload: Workload; readonly trustDomain: string }): WorkloadResource {
  const { labels } = workload;
  const canonical_name = canonicalName(labels, workload.name);
  const canonical_revision = canonicalRevision(labels);
  return {
    name: workload.name,
    namespace: workload.namespace,
    service_account: workload.serviceAccount,
    app: labels['app'] ?? canonical_name,
    version: labels['version'] ?? canonical_revision,
    canonical_name,
    canonical_revision,
    cluster: workload.cluster,
    trust_domain: trustDomain,
    addresses: [workload.address],
    kind: workload.registry === 'connected' ? 'Process' : workload.registry === 'external' ? 'WorkloadEntry' : 'Pod',
  };
}
