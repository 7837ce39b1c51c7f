import { compareByAge, type Config } from '@meltemi/api';
import { compileRegex } from '@meltemi/match';
import { labelsMatch } from '../labels.ts';
import type { EnvoyFilterSpec } from '../specs.ts';
import type { Labels } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { push } from './visibility.ts';

/** Label of a gateway that was made for a Gateway of the Kubernetes Gateway API. */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name';

/** EnvoyFilters by namespace, in the order in which they are applied: smaller priority first, then older. */
export interface EnvoyFilterTable {
  readonly byNamespace: ReadonlyMap<string, readonly Config<EnvoyFilterSpec>[]>;
}

/** Builds the table of all EnvoyFilters. */
export function buildEnvoyFilterTable(filters: readonly Config<EnvoyFilterSpec>[]): EnvoyFilterTable {
  const byNamespace = new Map<string, Config<EnvoyFilterSpec>[]>();
  const sorted = [...filters].sort((a, b) => (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || compareByAge(a, b));
  for (const filter of sorted) push(byNamespace, filter.meta.namespace, filter);
  return { byNamespace };
}

/** The EnvoyFilters of a node, in the order in which they are applied: those of the root namespace, then those of its own. */
export function envoyFiltersFor(
  context: Pick<PushContext, 'envoyFilters' | 'mesh'>,
  node: { readonly namespace: string; readonly labels: Labels },
): readonly Config<EnvoyFilterSpec>[] {
  const { byNamespace } = context.envoyFilters;
  if (byNamespace.size === 0) return [];
  const root = context.mesh.rootNamespace;
  const namespaces = node.namespace === root ? [root] : [root, node.namespace];
  return namespaces.flatMap((namespace) =>
    (byNamespace.get(namespace) ?? []).filter((filter) => {
      const { workloadSelector, targetRefs } = filter.spec;
      if (targetRefs !== undefined && targetRefs.length > 0)
        return namespace === node.namespace && targetRefs.some((ref) => ref.name === node.labels[GATEWAY_NAME_LABEL]);
      return labelsMatch(workloadSelector?.labels ?? {}, node.labels);
    }),
  );
}

/** Whether `proxyVersion` of an EnvoyFilter, a regular expression for a part of the text, fits a version. */
export function versionMatches(pattern: string, version: string): boolean {
  return compileRegex(`(?s).*(?:${pattern}).*`).fullMatch(version);
}
