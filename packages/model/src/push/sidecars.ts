import { compareByAge, type Config } from '@meltemi/api';
import { labelsMatch } from '../labels.ts';
import type { SidecarSpec } from '../specs.ts';
import type { Labels } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { push } from './visibility.ts';

export interface SidecarTable {
  /** The oldest selector-less one of the root namespace. */
  readonly mesh: Config<SidecarSpec> | undefined;
  /** The oldest selector-less one of each namespace. */
  readonly byNamespace: ReadonlyMap<string, Config<SidecarSpec>>;
  /** Those with a selector, oldest first; in the root namespace they select nothing outside of it. */
  readonly selecting: ReadonlyMap<string, readonly Config<SidecarSpec>[]>;
}

/** Builds the table of all Sidecars. */
export function buildSidecarTable(sidecars: readonly Config<SidecarSpec>[], rootNamespace: string): SidecarTable {
  const byNamespace = new Map<string, Config<SidecarSpec>>();
  const selecting = new Map<string, Config<SidecarSpec>[]>();
  for (const sidecar of [...sidecars].sort(compareByAge)) {
    const { namespace } = sidecar.meta;
    if (Object.keys(sidecar.spec.workloadSelector?.labels ?? {}).length > 0) push(selecting, namespace, sidecar);
    else if (!byNamespace.has(namespace)) byNamespace.set(namespace, sidecar);
  }
  return { mesh: byNamespace.get(rootNamespace), byNamespace, selecting };
}

/** The Sidecar of a workload: one that selects it, else that of its namespace, else that of the mesh; the oldest of each. Gateways have none. */
export function sidecarFor(
  context: Pick<PushContext, 'sidecars'>,
  workload: { readonly type: string; readonly namespace: string; readonly labels: Labels },
): Config<SidecarSpec> | undefined {
  if (workload.type === 'router') return undefined;
  const { selecting, byNamespace, mesh } = context.sidecars;
  const selected = selecting.get(workload.namespace)?.find((entry) => labelsMatch(entry.spec.workloadSelector?.labels ?? {}, workload.labels));
  return selected ?? byNamespace.get(workload.namespace) ?? mesh;
}
