import type { Config } from '@meltemi/api';
import { hostCovers, hostsOverlap, resolveHost } from '../hostname.ts';
import type { SidecarEgressSpec, SidecarSpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { Service } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { namespaceServices, visibleServices, type NamespaceServices } from './services.ts';
import { meshVirtualServices, type ResolvedVirtualService, type VirtualServiceTable } from './virtual-services.ts';
import type { VisibilityIndex } from './visibility.ts';

/** What a workload knows at one of its egress listeners. */
export interface EgressScope {
  /** Undefined: the one that every workload without a Sidecar has. */
  readonly listener: SidecarEgressSpec | undefined;
  readonly services: NamespaceServices;
  /** Those that govern sidecars are cut; those of Gateways are left as they are. */
  readonly virtualServices: VirtualServiceTable;
}

/** What the workloads of a namespace with a Sidecar (or none) know. */
export interface SidecarScope {
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  /** In order; never empty. */
  readonly egress: readonly EgressScope[];
}

type Context = Pick<PushContext, 'services' | 'virtualServices' | 'mesh'>;

/** Whose scope it is. */
export interface ScopeOwner {
  readonly namespace: string;
  readonly sidecar: Config<SidecarSpec> | undefined;
}

// Memos of a pure function of immutable tables: they save time, and keep the identity of what did not change.
const memo = new WeakMap<object, WeakMap<VirtualServiceTable, Map<string, SidecarScope>>>();
const latest = new WeakMap<Config<SidecarSpec>, Map<string, SidecarScope>>();
const plain = new WeakMap<NamespaceServices, WeakMap<VirtualServiceTable, SidecarScope>>();

/** The scope of a workload: services and VirtualServices that it may know of, by egress listener. */
export function sidecarScope(context: Context, owner: ScopeOwner): SidecarScope {
  const { sidecar, namespace } = owner;
  if (sidecar?.spec.egress === undefined || sidecar.spec.egress.length === 0) return plainScope(context, namespace);
  let byRules = memo.get(context.services);
  if (byRules === undefined) memo.set(context.services, (byRules = new WeakMap()));
  let scopes = byRules.get(context.virtualServices);
  if (scopes === undefined) byRules.set(context.virtualServices, (scopes = new Map()));
  const key = `${namespace} ${sidecar.meta.namespace}/${sidecar.meta.name} ${sidecar.meta.resourceVersion ?? ''}`;
  const known = scopes.get(key);
  if (known !== undefined && latest.get(sidecar)?.get(namespace) === known) return known;
  let before = latest.get(sidecar);
  if (before === undefined) latest.set(sidecar, (before = new Map()));
  const made = keepParts(makeScope(context, namespace, sidecar.spec.egress), before.get(namespace));
  before.set(namespace, made);
  scopes.set(key, made);
  return made;
}

function plainScope(context: Context, namespace: string): SidecarScope {
  const services = visibleServices(context, namespace);
  let byRules = plain.get(services);
  if (byRules === undefined) plain.set(services, (byRules = new WeakMap()));
  let scope = byRules.get(context.virtualServices);
  if (scope === undefined) {
    const parts = { services, virtualServices: context.virtualServices };
    byRules.set(context.virtualServices, (scope = { ...parts, egress: [{ ...parts, listener: undefined }] }));
  }
  return scope;
}

function makeScope(context: Context, namespace: string, listeners: readonly SidecarEgressSpec[]): SidecarScope {
  const visible = visibleServices(context, namespace);
  const rules = meshVirtualServices(context, namespace).list;
  const chosen = listeners.map((listener) => {
    const hosts = parseHosts(listener.hosts, namespace);
    const own = new Set(rules.filter((rule) => rule.hosts.some((host) => selects(hosts, rule.config.meta.namespace, host, hostsOverlap))));
    const services = new Set(visible.list.filter((service) => selects(hosts, service.namespace, service.hostname, hostCovers)));
    // Where a rule leads must be known too.
    for (const host of destinationsOf(own, context.mesh)) {
      const target = visible.byHost.get(host);
      if (target !== undefined) services.add(target);
    }
    return { listener, services, own };
  });
  const all = new Set(chosen.flatMap(({ services }) => [...services]));
  const allRules = new Set(chosen.flatMap(({ own }) => [...own]));
  const table = cut(context.virtualServices, allRules);
  return {
    services: ordered(visible, all),
    virtualServices: table,
    egress: chosen.map(({ listener, services, own }) => ({
      listener,
      services: ordered(visible, services),
      virtualServices: chosen.length === 1 ? table : cut(context.virtualServices, own),
    })),
  };
}

interface EgressHosts {
  readonly taken: readonly (readonly [namespace: string, host: string])[];
  readonly excluded: readonly (readonly [namespace: string, host: string])[];
}

function parseHosts(hosts: readonly string[], namespace: string): EgressHosts {
  const split = (text: string): readonly [string, string] => {
    const slash = text.indexOf('/');
    const of = text.slice(0, slash);
    return [of === '.' ? namespace : of, text.slice(slash + 1).toLowerCase()];
  };
  const excludes = (host: string): boolean => host.startsWith('~') && !host.startsWith('~/');
  return {
    taken: hosts.filter((host) => !host.startsWith('~')).map(split),
    excluded: hosts.filter(excludes).map((host) => split(host.slice(1))),
  };
}

function selects(hosts: EgressHosts, namespace: string, hostname: string, matches: (wanted: string, host: string) => boolean): boolean {
  const fits = ([of, host]: readonly [string, string]): boolean => (of === '*' || of === namespace) && matches(host, hostname);
  return hosts.taken.some(fits) && !hosts.excluded.some(([of, host]) => (of === '*' || of === namespace) && hostCovers(host, hostname));
}

function destinationsOf(rules: ReadonlySet<ResolvedVirtualService>, mesh: MeshConfig): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const { config } of rules) {
    const { http = [], tcp = [], tls = [] } = config.spec;
    const { namespace } = config.meta;
    const add = (host: string | undefined): void =>
      void (host === undefined ? undefined : hosts.add(resolveHost(host, namespace, mesh.domainSuffix)));
    for (const route of [...http, ...tcp, ...tls]) for (const part of route.route ?? []) add(part.destination.host);
    for (const route of http) {
      add(route.mirror?.host);
      for (const mirror of route.mirrors ?? []) add(mirror.destination.host);
    }
  }
  return hosts;
}

function ordered(visible: NamespaceServices, chosen: ReadonlySet<Service>): NamespaceServices {
  const list = visible.list.filter((service) => chosen.has(service));
  return namespaceServices(list);
}

function cut(table: VirtualServiceTable, kept: ReadonlySet<ResolvedVirtualService>): VirtualServiceTable {
  const filter = (list: readonly ResolvedVirtualService[]): readonly ResolvedVirtualService[] => list.filter((entry) => kept.has(entry));
  const filterMap = (map: ReadonlyMap<string, readonly ResolvedVirtualService[]>) => new Map([...map].map(([key, list]) => [key, filter(list)]));
  const mesh: VisibilityIndex<ResolvedVirtualService> = {
    own: filterMap(table.mesh.own),
    exported: filterMap(table.mesh.exported),
    all: filter(table.mesh.all),
  };
  return { ...table, all: filter(table.all), mesh };
}

/** The new scope, with the parts of the old one that say the same. */
function keepParts(made: SidecarScope, before: SidecarScope | undefined): SidecarScope {
  if (before === undefined) return made;
  const services = sameItems(made.services.list, before.services.list) ? before.services : made.services;
  const virtualServices = sameItems(made.virtualServices.all, before.virtualServices.all) ? before.virtualServices : made.virtualServices;
  const egress = made.egress.map((scope, index): EgressScope => {
    const old = before.egress[index];
    if (old === undefined) return scope;
    return {
      listener: scope.listener,
      services: sameItems(scope.services.list, old.services.list) ? old.services : scope.services,
      virtualServices: sameItems(scope.virtualServices.all, old.virtualServices.all) ? old.virtualServices : scope.virtualServices,
    };
  });
  const same =
    services === before.services &&
    virtualServices === before.virtualServices &&
    egress.every(
      (scope, index) => scope.services === before.egress[index]?.services && scope.virtualServices === before.egress[index]?.virtualServices,
    );
  return same ? before : { services, virtualServices, egress };
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
