import { formatLocality, type Endpoint, type Labels, type Locality } from '@meltemi/model';
import type { LocalityLb } from '../clusters/locality.ts';

/** Endpoints that stand together in a load assignment. */
export interface EndpointGroup {
  readonly locality: Locality;
  readonly endpoints: readonly Endpoint[];
  readonly weight: number;
  /** 0 is tried first; without gaps. */
  readonly priority: number;
}

/** The caller as localities are ordered for it. */
export interface LocalityCaller {
  readonly locality: Locality;
  /** Its values of the labels that `failoverPriority` names, in that order; undefined: it has none. */
  readonly priorityValues: readonly (string | undefined)[];
}

/** How a caller spreads over localities; `failover` false: it never leaves one, so there is nothing to order. */
export interface LocalityPlan {
  readonly setting: LocalityLb;
  readonly failover: boolean;
  /** Only regions are ordered: among the zones of one the proxy itself chooses. */
  readonly regionsOnly: boolean;
  readonly caller: LocalityCaller;
}

/** Endpoints by locality, with the weights and priorities of a plan. Localities come in the order of their names. */
export function groupByLocality(endpoints: readonly Endpoint[], plan: LocalityPlan | undefined): readonly EndpointGroup[] {
  const byName = Map.groupBy(endpoints, (endpoint) => formatLocality(endpoint.locality));
  const groups = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => groupOf(list, 0));
  if (plan === undefined) return groups;
  const { setting, caller } = plan;
  if (setting.distribute !== undefined) return distribute(groups, setting.distribute, caller.locality);
  if (!plan.failover) return groups;
  const priorities = setting.failoverPriority ?? [];
  const split = priorities.length === 0 ? groups : groups.flatMap((group) => splitByLabels(group.endpoints, priorities, caller));
  const byRegion = priorities.length === 0 || plan.regionsOnly || (setting.failover ?? []).length > 0;
  return withoutGaps(byRegion ? split.map((group) => ({ ...group, priority: group.priority * 5 + rankOf(group.locality, plan) })) : split);
}

function groupOf(endpoints: readonly Endpoint[], priority: number): EndpointGroup {
  const [first] = endpoints;
  const locality = first?.locality ?? { region: '', zone: '', subZone: '' };
  return { locality, endpoints, weight: endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0), priority };
}

/** The shares that the first fitting entry gives; localities that it does not name get nothing. Without a fitting entry all is as it was. */
function distribute(groups: readonly EndpointGroup[], entries: NonNullable<LocalityLb['distribute']>, caller: Locality): readonly EndpointGroup[] {
  const entry = entries.find(({ from }) => localityMatches(from ?? '', caller));
  if (entry === undefined) return groups;
  const shares = new Map<EndpointGroup, number>();
  const targets = Object.entries(entry.to ?? {}).sort(([a], [b]) => specificity(b) - specificity(a) || (a < b ? -1 : 1));
  for (const [pattern, percent] of targets) {
    const fitting = groups.filter((group) => !shares.has(group) && localityMatches(pattern, group.locality));
    const total = fitting.reduce((sum, group) => sum + group.weight, 0);
    for (const group of fitting) shares.set(group, Math.ceil((group.weight * percent) / total));
  }
  return groups.flatMap((group) => {
    const weight = shares.get(group) ?? 0;
    return weight === 0 ? [] : [{ ...group, weight }];
  });
}

function specificity(pattern: string): number {
  return pattern.split('/').filter((part) => part !== '' && part !== '*').length;
}

/** `region/zone/subzone`, where `*` and what is left out stand for anything. */
function localityMatches(pattern: string, locality: Locality): boolean {
  const [region = '', zone = '', subZone = ''] = pattern.split('/');
  const fits = (part: string, value: string): boolean => part === '' || part === '*' || part === value;
  return fits(region, locality.region) && fits(zone, locality.zone) && fits(subZone, locality.subZone);
}

/** Label n counts only where all before it agree: 0 when all agree, else the more, the earlier the first disagreement. */
function splitByLabels(endpoints: readonly Endpoint[], priorities: readonly string[], caller: LocalityCaller): readonly EndpointGroup[] {
  const rank = (endpoint: Endpoint): number => {
    const first = priorities.findIndex((entry, index) => {
      const [label = '', wanted = caller.priorityValues[index]] = entry.split('=', 2);
      return topologyValue(label, endpoint) !== wanted;
    });
    return first < 0 ? 0 : priorities.length - first;
  };
  const ranks = Map.groupBy(endpoints, rank);
  return [...ranks].sort(([a], [b]) => a - b).map(([priority, list]) => groupOf(list, priority));
}

/** Labels that tell where something runs; what is not labelled is told by the locality. */
export function topologyValue(
  label: string,
  place: { readonly labels: Labels; readonly locality: Locality; readonly cluster: string; readonly nodeName?: string },
): string | undefined {
  const labelled = Object.hasOwn(place.labels, label) ? place.labels[label] : undefined;
  if (labelled !== undefined) return labelled;
  switch (label) {
    case 'topology.kubernetes.io/region':
      return known(place.locality.region);
    case 'topology.kubernetes.io/zone':
      return known(place.locality.zone);
    case 'topology.istio.io/subzone':
      return known(place.locality.subZone);
    case 'topology.istio.io/cluster':
      return known(place.cluster);
    case 'kubernetes.io/hostname':
      return place.nodeName;
    default:
      return undefined;
  }
}

function known(value: string): string | undefined {
  return value === '' ? undefined : value;
}

/** Istio's order: same sub-zone 0, zone 1, region 2, another region 3; 4 where a failover region is named and this is not it. */
function rankOf(locality: Locality, { setting, regionsOnly, caller: { locality: own } }: LocalityPlan): number {
  if (locality.region !== own.region) {
    const target = setting.failover?.find((entry) => entry.from === own.region);
    return target !== undefined && target.to !== locality.region ? 4 : 3;
  }
  if (regionsOnly) return 0;
  if (locality.zone !== own.zone) return 2;
  return locality.subZone === own.subZone ? 0 : 1;
}

/** Priorities must not leave gaps: 0, 1, 2 … */
function withoutGaps(groups: readonly EndpointGroup[]): readonly EndpointGroup[] {
  const distinct = [...new Set(groups.map((group) => group.priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: distinct.indexOf(group.priority) }));
}
