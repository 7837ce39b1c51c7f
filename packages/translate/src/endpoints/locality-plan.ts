import { parseLocality, type MeshConfig, type Service } from '@meltemi/model';
import { localityRule } from '../clusters/locality.ts';
import type { EffectivePolicy } from '../clusters/traffic-policy.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { topologyValue, type LocalityPlan } from './locality.ts';

/** How one caller spreads over the localities of a service; undefined: they do not matter. */
export function localityPlan(policy: EffectivePolicy, service: Service, mesh: MeshConfig, caller: NodeScope | undefined): LocalityPlan | undefined {
  const rule = caller === undefined ? undefined : localityRule(policy, service, mesh);
  if (rule === undefined || caller === undefined) return undefined;
  const place = { labels: caller.labels, locality: parseLocality(caller.locality), cluster: '', nodeName: caller.nodeName };
  const priorityValues = (rule.setting.failoverPriority ?? []).map((entry) => topologyValue(entry.split('=', 1)[0] ?? '', place));
  const { setting, failover, zoneAware } = rule;
  return { setting, failover, regionsOnly: zoneAware !== undefined, caller: { locality: place.locality, priorityValues } };
}
