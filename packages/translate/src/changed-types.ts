import { isKind, type Config, type RequestAuthentication, type VirtualService } from '@meltemi/api';
import {
  derivedRule,
  hostCovers,
  isPolicyFor,
  keySourceOf,
  serviceKey,
  touchesSubset,
  type EndpointChange,
  type ProxyNode,
  type PushChanges,
  type PushContext,
  type VirtualServiceTable,
} from '@meltemi/model';
import { LOCAL_CLUSTER, TYPE_URL } from '@meltemi/protos-types';
import { zonesInUse } from './clusters/zones.ts';
import { outboundCluster } from './common/names.ts';
import { localService } from './endpoints/index.ts';

/** By type URL all of it ('*') or some names. */
export type ChangedTypes = ReadonlyMap<string, ReadonlySet<string> | '*'>;

/** Which types an object of a kind reaches. Kinds that are not here reach nothing by themselves. */
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  VirtualService: [TYPE_URL.route],
  DestinationRule: [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route],
  Gateway: [TYPE_URL.listener, TYPE_URL.route],
  // DISABLE on the serving side takes mutual TLS off the endpoints.
  PeerAuthentication: [TYPE_URL.listener, TYPE_URL.endpoint, TYPE_URL.cluster],
  Sidecar: [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable],
  EnvoyFilter: [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route],
  Secret: [TYPE_URL.secret],
  ConfigMap: [TYPE_URL.secret],
};

type Changes = { readonly push: PushChanges | undefined; readonly endpoints: readonly EndpointChange[]; readonly workloads: readonly string[] };

const SERVICE_TYPES: readonly string[] = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable];

/**
 * What a change of the mesh can have changed of what proxies get. An endpoint that moves touches the load assignments of its service port, and of those
 * subsets that it is in; nothing else is looked at.
 */
export function changedTypes(changes: Changes, push: PushContext): ChangedTypes {
  const result = new Map<string, ReadonlySet<string> | '*'>([
    [TYPE_URL.endpoint, assignmentsTouched(changes, push)],
    [TYPE_URL.workload, new Set(changes.workloads)],
  ]);
  for (const typeUrl of [...wholeTypes(changes), ...ruledTypes(changes, push), ...headlessTypes(changes, push)]) result.set(typeUrl, '*');
  for (const [typeUrl, names] of result) if (names !== '*' && names.size === 0) result.delete(typeUrl);
  return result;
}

/** Types of which anything may have changed. */
function wholeTypes({ push, endpoints }: Changes): readonly string[] {
  const types: string[] = [];
  if (push?.full === true) types.push(...SERVICE_TYPES, TYPE_URL.workload, TYPE_URL.secret);
  if (push !== undefined && push.services.length > 0) types.push(...SERVICE_TYPES);
  for (const key of push?.configs ?? []) types.push(...(BY_KIND[key.slice(0, key.indexOf('/'))] ?? []));
  if (endpoints.some((change) => change.accountsChanged)) types.push(TYPE_URL.cluster);
  return types;
}

/** A headless service is its endpoints: they stand in the name table and have listeners. */
function headlessTypes({ endpoints }: Changes, push: PushContext): readonly string[] {
  return endpoints.some((change) => push.services.byKey.get(change.service)?.headless === true) ? [TYPE_URL.listener, TYPE_URL.nameTable] : [];
}

/** Types that a change of the workload at its own address can have changed for a node, besides those for all: it may have got or lost ports. */
export const OWN_TYPES: readonly string[] = [TYPE_URL.cluster, TYPE_URL.listener];

/**
 * What a change of the mesh can have changed for some nodes alone: those of a service whose endpoints moved, where any cluster is zone-aware, and those that
 * check tokens by a policy that changed, or by keys that did. `node` is asked for only when something may have changed for it.
 */
export function changedForOwn(
  { push: changes, endpoints }: Omit<Changes, 'workloads'>,
  push: PushContext,
): (node: () => ProxyNode | undefined) => ChangedTypes {
  const services = zonesInUse(push.destinationRules, push.mesh) ? new Set(endpoints.map(({ service }) => service)) : NO_SERVICES;
  const policies = policiesTouched(changes, push);
  if (services.size + policies.length === 0) return () => NOTHING;
  return (node) => {
    const own = node();
    if (own === undefined) return NOTHING;
    const service = services.size === 0 ? undefined : localService(own, push);
    const others = service !== undefined && services.has(serviceKey(service));
    const tokens = policies.some((policy) => isPolicyFor(policy, own, push.mesh.rootNamespace));
    return others && tokens ? OTHERS_AND_TOKENS : others ? OTHERS : tokens ? TOKENS : NOTHING;
  };
}

const NO_SERVICES: ReadonlySet<string> = new Set();
const NOTHING: ChangedTypes = new Map();
const OTHERS: ChangedTypes = new Map([[TYPE_URL.endpoint, new Set([LOCAL_CLUSTER])]]);
const TOKENS: ChangedTypes = new Map([[TYPE_URL.listener, '*']]);
const OTHERS_AND_TOKENS: ChangedTypes = new Map([...OTHERS, ...TOKENS]);

/** RequestAuthentications that came, went or changed, in their old and new forms, and those whose keys are others. */
function policiesTouched(changes: PushChanges | undefined, push: PushContext): readonly Config<RequestAuthentication>[] {
  const written = (changes?.objects ?? []).filter((object) => isKind(object, 'RequestAuthentication'));
  const keys = changes?.keys;
  if (keys === undefined) return written;
  const entries = [...push.requestAuthentications.byNamespace.values()].flat();
  const keyed = entries.filter(({ rules }) => rules.some(({ rule }) => keys.has(keySourceOf(rule)?.id ?? '')));
  return [...written, ...keyed.map(({ config }) => config)];
}

/** Types that VirtualServices reach, besides routes, under some conditions only. */
function ruledTypes({ push: changes }: Changes, push: PushContext): readonly string[] {
  const objects = (changes?.objects ?? []).filter((object) => isKind(object, 'VirtualService'));
  if (objects.length === 0) return [];
  return [
    // Listeners carry rules for connections. One without any may still come before one that has some.
    ...(objects.some(concernsListeners) || anyConcernsListeners(push.virtualServices) ? [TYPE_URL.listener] : []),
    // Where a rule leads belongs to what a Sidecar lets its workloads know.
    ...(push.sidecars.byNamespace.size + push.sidecars.selecting.size > 0 ? SERVICE_TYPES : []),
  ];
}

/** Looked at once per table. */
const lookedAt = new WeakMap<VirtualServiceTable, boolean>();

function anyConcernsListeners(table: VirtualServiceTable): boolean {
  let known = lookedAt.get(table);
  if (known === undefined) lookedAt.set(table, (known = table.all.some(({ config }) => concernsListeners(config))));
  return known;
}

/** Rules for connections stand in listeners, and for sessions a filter does. */
function concernsListeners({ spec }: Config<VirtualService>): boolean {
  return (spec.tcp ?? []).length > 0 || (spec.tls ?? []).length > 0 || (spec.http ?? []).some((route) => derivedRule(route)?.session !== undefined);
}

/** Names of the load assignments that endpoint changes touch. */
function assignmentsTouched({ endpoints }: Changes, push: PushContext): ReadonlySet<string> {
  return new Set(endpoints.flatMap((change) => assignmentsOf(change, push)));
}

/** Names of the load assignments that an endpoint change touches. */
function assignmentsOf(change: EndpointChange, push: PushContext): readonly string[] {
  const hostname = change.service.slice(change.service.indexOf('/') + 1);
  const subsets = subsetsOf(hostname, push);
  return [...change.ports].flatMap(([port, endpoints]) => [
    outboundCluster(port, '', hostname),
    ...subsets.filter((subset) => touchesSubset(endpoints, subset.labels ?? {})).map((subset) => outboundCluster(port, subset.name, hostname)),
  ]);
}

/** Subsets that any rule, of whatever namespace, may give the host. */
function subsetsOf(hostname: string, push: PushContext) {
  const rules = [...push.destinationRules.byNamespace.values()].flatMap((hosts) =>
    [...hosts].filter(([host]) => hostCovers(host, hostname)).flatMap(([, list]) => list),
  );
  return rules.flatMap((rule) => rule.subsets.map(({ subset }) => subset));
}
