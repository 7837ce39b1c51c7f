import type { Host, PickWish } from '../compiled.ts';
import type { Criteria, CriterionValue, SubsetBalancing, SubsetSelector } from '../types/balancing.ts';
import type { LocalityHosts } from './host-sets.ts';

/** A choice within some of the hosts. */
export type Choose = (random: () => number, nowMs: number, wish: PickWish | undefined) => Host | undefined;

export interface SubsetOptions {
  readonly config: SubsetBalancing;
  readonly localities: readonly LocalityHosts[];
  /** A balancer over a part of the localities' hosts. */
  build(localities: readonly LocalityHosts[]): Choose;
}

/** Envoy's subset load balancing: the route's criteria name a subset of the hosts; what happens when there is none is a matter of fallbacks. */
export function createSubsets(options: SubsetOptions): Choose {
  const { config } = options;
  const subsets = groupHosts(options);
  const any = lazily(() => options.build(options.localities));
  const standard = lazily(() => options.build(filterHosts(options, (host) => criteriaMatch(host, config.defaultSubset, config.listAsAny))));
  const fallback = { none: undefined, any, default: standard }[config.fallback];

  const byPolicy = { none: undefined, any, default: standard };
  const otherwise: Choose = (random, nowMs, wish) => {
    const host = fallback?.()(random, nowMs, wish);
    return host === undefined && config.panicAny && fallback !== undefined ? any()(random, nowMs, wish) : host;
  };
  const once = (call: PickCall, criteria: Criteria | undefined): Host | undefined => {
    if (criteria === undefined) return otherwise(...call);
    const used = config.allowRedundantKeys ? reduce(config, criteria) : criteria;
    const subset = subsets.get(keyOf(used));
    if (subset !== undefined) return subset()(...call);
    const selector = config.selectors.find((item) => sameKeys(item.keys, used));
    if (selector === undefined || selector.fallback === 'undefined') return otherwise(...call);
    return selector.fallback === 'keys' ? once(call, pickKeys(used, selector.fallbackKeys)) : byPolicy[selector.fallback]?.()(...call);
  };
  return (random, nowMs, wish) => {
    const call: PickCall = [random, nowMs, wish];
    const criteria = wish?.criteria;
    const list = config.fallbackList ? criteria?.find(({ key }) => key === FALLBACK_LIST) : undefined;
    if (list === undefined || criteria === undefined) return once(call, criteria);
    const rest = criteria.filter(({ key }) => key !== FALLBACK_LIST);
    for (const other of alternatives(list.value)) {
      const host = once(call, mergeCriteria(rest, criteriaOf(other)));
      if (host !== undefined) return host;
    }
    return undefined;
  };
}

type PickCall = Parameters<Choose>;

/** An empty list asks for nothing else than what is there. */
function alternatives(value: CriterionValue): readonly CriterionValue[] {
  return Array.isArray(value) && value.length > 0 ? (value as readonly CriterionValue[]) : [{}];
}

const FALLBACK_LIST = 'fallback_list';

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** A metadata object as criteria. */
export function criteriaOf(value: CriterionValue): Criteria {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value)
    .map(([key, item]) => ({ key, value: item as CriterionValue }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** The second's values win. */
export function mergeCriteria(first: Criteria, second: Criteria): Criteria {
  return criteriaOf(Object.fromEntries([...first, ...second].map(({ key, value }) => [key, value])));
}

function pickKeys(criteria: Criteria, keys: readonly string[]): Criteria {
  return criteria.filter(({ key }) => keys.includes(key));
}

function sameKeys(keys: readonly string[], criteria: Criteria): boolean {
  return keys.length === criteria.length && keys.every((key, index) => criteria[index]?.key === key);
}

/** The part of the criteria that the first selector asks for whose keys are all there. */
function reduce(config: SubsetBalancing, criteria: Criteria): Criteria {
  for (const { keys } of config.selectors) {
    const part = pickKeys(criteria, keys);
    if (part.length === keys.length) return part;
  }
  return criteria;
}

/** One text per set of values; objects compare by content, whatever the order of their members. */
function keyOf(criteria: Criteria): string {
  return JSON.stringify(criteria.map(({ key, value }) => [key, canonical(value)]));
}

function canonical(value: CriterionValue): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return criteriaOf(value).map(({ key, value: item }) => [key, canonical(item)]);
}

/** The subsets that some host is in, by `keyOf` their criteria. */
function groupHosts(options: SubsetOptions): ReadonlyMap<string, () => Choose> {
  const { config, localities } = options;
  const members = new Map<string, { readonly hosts: Set<Host>; readonly single: boolean }>();
  for (const host of localities.flatMap((locality) => locality.hosts)) {
    for (const selector of config.selectors) {
      for (const criteria of valuesOf(host, selector, config.listAsAny)) {
        const key = keyOf(criteria);
        const group = members.get(key) ?? { hosts: new Set(), single: selector.singleHost };
        if (!group.single || group.hosts.size === 0) group.hosts.add(host);
        members.set(key, group);
      }
    }
  }
  return new Map([...members].map(([key, { hosts }]) => [key, lazily(() => options.build(filterHosts(options, (host) => hosts.has(host))))]));
}

/** What the host has under the selector's keys: nothing when one is missing, several when lists stand for their values. */
function valuesOf({ endpoint }: Host, { keys }: SubsetSelector, listAsAny: boolean): readonly Criteria[] {
  let found: Criteria[] = [[]];
  for (const key of keys) {
    if (!Object.hasOwn(endpoint.metadata, key)) return [];
    const value = endpoint.metadata[key];
    const values: readonly CriterionValue[] = listAsAny && Array.isArray(value) ? value : [value];
    found = found.flatMap((before) => values.map((item) => [...before, { key, value: item }]));
  }
  return keys.length === 0 ? [] : found;
}

/** Has the host all of this in its metadata? */
export function criteriaMatch({ endpoint }: Host, criteria: Criteria, listAsAny: boolean): boolean {
  return criteria.every(({ key, value }) => {
    if (!Object.hasOwn(endpoint.metadata, key)) return false;
    const own = endpoint.metadata[key];
    const values: readonly CriterionValue[] = listAsAny && Array.isArray(own) ? own : [own];
    return values.some((item) => JSON.stringify(canonical(item)) === JSON.stringify(canonical(value)));
  });
}

/** Locality weights count within a subset only when asked for, and shrink with the hosts that are not in it when that is asked for. */
function filterHosts({ config, localities }: SubsetOptions, wanted: (host: Host) => boolean): readonly LocalityHosts[] {
  return localities.map((locality) => {
    const hosts = locality.hosts.filter(wanted);
    const scaled = config.scaleLocalityWeight ? Math.round((locality.weight * hosts.length) / Math.max(1, locality.hosts.length)) : locality.weight;
    return { ...locality, hosts, weight: config.localityWeightAware ? scaled : 0 };
  });
}
