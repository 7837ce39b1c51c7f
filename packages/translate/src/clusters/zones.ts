import type { LoadBalancerSettings } from '@meltemi/api';
import type { DestinationRuleTable, MergedDestinationRule, MeshConfig } from '@meltemi/model';

/** Looked at once per table. */
const lookedAt = new WeakMap<DestinationRuleTable, boolean>();

/** Whether any cluster of the mesh may be zone-aware: only then do proxies learn of the others of their own service. */
export function zonesInUse(rules: DestinationRuleTable, mesh: MeshConfig): boolean {
  if (mesh.zoneAwareLbSetting !== undefined) return true;
  let known = lookedAt.get(rules);
  if (known === undefined) lookedAt.set(rules, (known = balancers(rules).some((balancer) => balancer?.zoneAwareLbSetting !== undefined)));
  return known;
}

/** Every balancer that any rule writes. */
export function balancers({ byNamespace }: DestinationRuleTable): readonly (LoadBalancerSettings | undefined)[] {
  return [...byNamespace.values()].flatMap((hosts) => [...hosts.values()].flat().flatMap(balancersOf));
}

function balancersOf({ trafficPolicy, subsets }: MergedDestinationRule): readonly (LoadBalancerSettings | undefined)[] {
  const policies = [trafficPolicy?.policy, ...subsets.map(({ subset }) => subset.trafficPolicy)];
  return policies.flatMap((policy) => [policy?.loadBalancer, ...(policy?.portLevelSettings ?? []).map(({ loadBalancer }) => loadBalancer)]);
}
