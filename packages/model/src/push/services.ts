import { serviceKey } from '../endpoint-index.ts';
import { labelsMatch } from '../labels.ts';
import type { Labels, Service } from '../types/service.ts';
import { indexByVisibility, push, visibilityOf, visibleIn, type VisibilityIndex } from './visibility.ts';
import type { PushContext } from './push-context.ts';

export interface ServiceTable {
  /** Oldest first, then by host, then by namespace. */
  readonly all: readonly Service[];
  readonly byKey: ReadonlyMap<string, Service>;
  readonly byHost: ReadonlyMap<string, readonly Service[]>;
  readonly byNamespace: ReadonlyMap<string, readonly Service[]>;
  readonly visibility: VisibilityIndex<Service>;
}

/** Builds the table anew: it costs a sort and no conversion. */
export function buildServiceTable(services: readonly Service[]): ServiceTable {
  const all = [...services].sort(compareServices);
  const byHost = new Map<string, Service[]>();
  const byNamespace = new Map<string, Service[]>();
  for (const service of all) {
    push(byHost, service.hostname, service);
    push(byNamespace, service.namespace, service);
  }
  const byKey = new Map(all.map((service) => [serviceKey(service), service]));
  const visibility = indexByVisibility(all, (service) => ({
    namespace: service.namespace,
    visibility: visibilityOf(service.exportTo, service.namespace),
  }));
  return { all, byKey, byHost, byNamespace, visibility };
}

function compareServices(a: Service, b: Service): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.hostname, b.hostname) || compareText(a.namespace, b.namespace);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * What one namespace sees: a service per host. A Kubernetes Service, or one of connected workloads, wins over a ServiceEntry of that host; else own, exported,
 * public, oldest.
 */
export interface NamespaceServices {
  readonly list: readonly Service[];
  readonly byHost: ReadonlyMap<string, Service>;
}

// A memo of a pure function of the (immutable) table: it only saves time, so the snapshot itself stays plain data.
const memo = new WeakMap<ServiceTable, Map<string, NamespaceServices>>();

/** The services visible in a namespace. */
export function visibleServices(context: Pick<PushContext, 'services'>, namespace: string): NamespaceServices {
  const table = context.services;
  let perNamespace = memo.get(table);
  if (perNamespace === undefined) memo.set(table, (perNamespace = new Map()));
  // Namespaces without services of their own kind of visibility share one answer.
  const special = table.visibility.own.has(namespace) || table.visibility.exported.has(namespace);
  const key = special ? namespace : '';
  let found = perNamespace.get(key);
  if (found === undefined) perNamespace.set(key, (found = select(visibleIn(table.visibility, namespace))));
  return found;
}

function select(services: readonly Service[]): NamespaceServices {
  const byHost = new Map<string, Service>();
  for (const service of services) {
    const before = byHost.get(service.hostname);
    if (before === undefined || (before.registry === 'external' && service.registry !== 'external')) byHost.set(service.hostname, service);
  }
  return namespaceServices([...byHost.values()]);
}

/** A list of services of different hosts, found by their own names and by those that stand for them. */
export function namespaceServices(list: readonly Service[]): NamespaceServices {
  const byHost = new Map(list.map((service) => [service.hostname, service]));
  for (const service of list) for (const alias of service.aliases ?? []) if (!byHost.has(alias)) byHost.set(alias, service);
  return { list, byHost };
}

/** Services whose selector picks a workload of that namespace and labels, oldest first. */
export function servicesSelecting(context: Pick<PushContext, 'services'>, namespace: string, labels: Labels): readonly Service[] {
  const own = context.services.byNamespace.get(namespace) ?? [];
  return own.filter((service) => service.selector !== undefined && Object.keys(service.selector).length > 0 && labelsMatch(service.selector, labels));
}
