import { isKind } from '@meltemi/api';
import { isWildcard, resolveHost, type PushContext } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import type { MeshUpdate } from '@meltemi/registry';
import { outboundCluster } from '@meltemi/translate';

/** By type URL the names that may have changed, or all of the type. */
export type Changed = ReadonlyMap<string, ReadonlySet<string> | '*'>;

/**
 * What an update can have changed in anybody's resources; undefined = anything. When only endpoints moved, that is the endpoint
 * resources of those ports (plain and of each subset), clusters when identities behind a service changed, and the workloads by address.
 */
export function changedResources(update: MeshUpdate): Changed | undefined {
  const { changes, state } = update;
  if (changes.push !== undefined) return undefined;
  const changed = new Map<string, ReadonlySet<string> | '*'>();
  const assignments = assignmentNames(update, state.push);
  if (assignments === '*' || assignments.size > 0) changed.set(TYPE_URL.endpoint, assignments);
  if (changes.endpoints.some((change) => change.accountsChanged)) changed.set(TYPE_URL.cluster, '*');
  if (changes.workloads.length > 0) changed.set(TYPE_URL.workload, new Set(changes.workloads));
  return changed;
}

function assignmentNames(update: MeshUpdate, push: PushContext): ReadonlySet<string> | '*' {
  const names = new Set<string>();
  const subsets = subsetsByHost(push);
  if (subsets === '*') return '*';
  for (const change of update.changes.endpoints) {
    const host = change.service.slice(change.service.indexOf('/') + 1);
    for (const port of change.ports.keys()) {
      names.add(outboundCluster(port, '', host));
      for (const subset of subsets.get(host) ?? []) names.add(outboundCluster(port, subset, host));
    }
  }
  return names;
}

const remembered = new WeakMap<PushContext, ReadonlyMap<string, ReadonlySet<string>> | '*'>();

/** Names of all subsets that any DestinationRule defines for a host; '*' when a rule with subsets covers hosts by wildcard. */
function subsetsByHost(push: PushContext): ReadonlyMap<string, ReadonlySet<string>> | '*' {
  let known = remembered.get(push);
  if (known === undefined) remembered.set(push, (known = collectSubsets(push)));
  return known;
}

function collectSubsets(push: PushContext): ReadonlyMap<string, ReadonlySet<string>> | '*' {
  const byHost = new Map<string, Set<string>>();
  for (const config of push.inputs.configs) {
    if (!isKind(config, 'DestinationRule') || (config.spec.subsets ?? []).length === 0) continue;
    const host = resolveHost(config.spec.host, config.meta.namespace, push.mesh.domainSuffix);
    if (isWildcard(host)) return '*';
    const names = byHost.get(host) ?? new Set<string>();
    for (const subset of config.spec.subsets ?? []) names.add(subset.name);
    byHost.set(host, names);
  }
  return byHost;
}
