import { compareByAge, type Config } from '@meltemi/api';
import { GATEWAY_NAMESPACE, isDerived } from '../gateway-api/derived.ts';
import { labelsMatch } from '../labels.ts';
import type { GatewaySpec } from '../specs.ts';
import type { Labels } from '../types/service.ts';
import type { PushContext } from './push-context.ts';

export interface GatewayTable {
  /** Oldest first. */
  readonly all: readonly Config<GatewaySpec>[];
  /** By `namespace/name`. */
  readonly byName: ReadonlyMap<string, Config<GatewaySpec>>;
}

/** Builds the table of all Gateways. */
export function buildGatewayTable(gateways: readonly Config<GatewaySpec>[]): GatewayTable {
  const all = [...gateways].sort(compareByAge);
  return { all, byName: new Map(all.map((gateway) => [`${gateway.meta.namespace}/${gateway.meta.name}`, gateway])) };
}

/**
 * Gateways that a gateway workload serves: their selector, in any namespace, is part of its labels. Without a selector: all. Those of the Kubernetes Gateway
 * API are for workloads of one namespace only.
 */
export function gatewaysFor(
  context: Pick<PushContext, 'gateways'>,
  { labels, namespace }: { readonly labels: Labels; readonly namespace: string },
): readonly Config<GatewaySpec>[] {
  return context.gateways.all.filter(({ meta, spec }) => {
    if (!labelsMatch(spec.selector ?? {}, labels)) return false;
    return !isDerived(meta.name) || meta.annotations[GATEWAY_NAMESPACE] === namespace;
  });
}
