import type { TrafficPolicy } from '@meltemi/api';
import type { MergedDestinationRule, MeshConfig } from '@meltemi/model';
import { defined } from '../common/defined.ts';

/** The blocks of a TrafficPolicy that are in force for one port of a service or subset. */
export type EffectivePolicy = Pick<
  TrafficPolicy,
  'loadBalancer' | 'connectionPool' | 'outlierDetection' | 'tls' | 'retryBudget' | 'proxyProtocol' | 'tunnel'
>;

/**
 * Istio's inheritance: a block of the subset replaces the whole block of the rule; fields are not merged. A policy for the port (the subset's, else
 * the rule's) overrides everything and inherits nothing. A block that none of them has is the mesh's.
 */
export function effectivePolicy(
  rule: MergedDestinationRule | undefined,
  subset: string,
  port: number,
  mesh: Pick<MeshConfig, 'defaultTrafficPolicy'>,
): EffectivePolicy {
  return { ...mesh.defaultTrafficPolicy, ...ruledPolicy(rule, subset, port) };
}

function ruledPolicy(rule: MergedDestinationRule | undefined, subset: string, port: number): EffectivePolicy {
  const base = rule?.trafficPolicy?.policy;
  const special = subset === '' ? undefined : rule?.subsets.find((entry) => entry.subset.name === subset)?.subset.trafficPolicy;
  const forPort = portPolicy(special, port) ?? portPolicy(base, port);
  const merged = { ...blocksOf(base), ...blocksOf(special) };
  if (forPort === undefined) return merged;
  // What a port policy cannot say (retry budget, PROXY protocol, tunnel) stays.
  const { retryBudget, proxyProtocol, tunnel } = merged;
  return { ...defined({ retryBudget, proxyProtocol, tunnel }), ...blocksOf(forPort) };
}

function portPolicy(policy: TrafficPolicy | undefined, port: number) {
  return policy?.portLevelSettings?.find((entry) => entry.port.number === port);
}

function blocksOf(policy: EffectivePolicy | undefined): EffectivePolicy {
  if (policy === undefined) return {};
  const { loadBalancer, connectionPool, outlierDetection, tls, retryBudget, proxyProtocol, tunnel } = policy;
  return defined({ loadBalancer, connectionPool, outlierDetection, tls, retryBudget, proxyProtocol, tunnel });
}
