import type { Config } from '@meltemi/api';
import { parseLocality } from '../locality.ts';
import type { WorkloadEntrySpec } from '../specs.ts';
import type { Workload } from '../types/service.ts';

/** The label by which an endpoint without an agent of ours says that its sidecar speaks mutual TLS. */
export const TLS_MODE_LABEL = 'security.istio.io/tlsMode';

/** Whether an endpoint speaks mutual TLS: as its label says; without one, when it has an account, for then it has a certificate to show (as in Istio). */
export function tlsModeOf(labels: Readonly<Record<string, string>>, serviceAccount: string): Workload['tlsMode'] {
  const said = labels[TLS_MODE_LABEL];
  return said === 'istio' || (said === undefined && serviceAccount !== '') ? 'istio' : 'disabled';
}

/** The origin of WorkloadEntries that only show a connected member of a WorkloadGroup: the workload itself is known by its stream. */
export const REGISTERED_ORIGIN = 'connected';

/** A WorkloadEntry as a workload; undefined when it has no address, or only shows a workload that is connected. */
export function workloadFromEntry(config: Config<WorkloadEntrySpec>): Workload | undefined {
  const { spec } = config;
  const { name, namespace } = config.meta;
  if (spec.address === undefined || spec.address === '' || config.origin.source === REGISTERED_ORIGIN) return undefined;
  const labels = { ...config.meta.labels, ...spec.labels };
  return {
    name,
    namespace,
    serviceAccount: spec.serviceAccount ?? '',
    labels,
    address: spec.address,
    appAddress: spec.address,
    ports: [],
    portMap: spec.ports ?? {},
    locality: parseLocality(spec.locality ?? ''),
    weight: Math.max(1, spec.weight ?? 1),
    tlsMode: tlsModeOf(labels, spec.serviceAccount ?? ''),
    health: 'healthy',
    dataPlane: 'none',
    cluster: 'meltemi',
    ...(labels['kubernetes.io/hostname'] === undefined ? {} : { nodeName: labels['kubernetes.io/hostname'] }),
    registry: 'external',
    object: { kind: 'WorkloadEntry', namespace, name },
    origin: config.origin,
  };
}
