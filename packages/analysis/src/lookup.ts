import { nearest, type Config, type VirtualService } from '@meltemi/api';
import type { Fix } from '@meltemi/base';
import { createHostIndex, labelsMatch, resolveHost, type HostIndex } from '@meltemi/match';
import type { Service, Workload } from '@meltemi/model';
import type { AnalysisContext } from './analyzer.ts';

/** Services by the host that a configuration object writes. */
export interface ServiceLookup {
  /** The service a host means in an object of a namespace; wildcard services cover the names below them. */
  find(host: string, namespace: string): Service | undefined;
  /** What was likely meant by a host that is not known. */
  suggest(host: string, namespace: string): Fix;
}

export function serviceLookup(context: AnalysisContext): ServiceLookup {
  const domain = context.mesh().domainSuffix;
  const services = context.services();
  const index = hostIndex(services);
  return {
    find: (host, namespace) => index.lookup(resolveHost(host, namespace, domain)),
    suggest(host, namespace) {
      const near = nearestHost(host, namespace, services, domain);
      return { text: near === undefined ? 'Correct the host, or add a Service or a ServiceEntry that has it.' : `Did you mean "${near}"?` };
    },
  };
}

/** Several analyzers ask for it: made once per list. */
const indexes = new WeakMap<readonly Service[], HostIndex<Service>>();

function hostIndex(services: readonly Service[]): HostIndex<Service> {
  let index = indexes.get(services);
  if (index === undefined) indexes.set(services, (index = createHostIndex(services.map((service) => [service.hostname, service] as const))));
  return index;
}

function nearestHost(host: string, namespace: string, services: readonly Service[], domain: string): string | undefined {
  const names = new Set(services.map((service) => service.hostname));
  // "reviews.prod" is taken as it is by Istio; its author meant the service of a namespace.
  const completed = `${host}.svc.${domain}`;
  if (names.has(completed)) return completed;
  const own = services.filter((service) => service.namespace === namespace && service.hostname.endsWith(`.svc.${domain}`));
  const short = host.split('.')[0] ?? host;
  if (!host.includes('.')) {
    const near = nearest(
      host,
      own.map((service) => service.name),
    );
    if (near !== undefined) return near;
  }
  const elsewhere = services.find((service) => service.name === short && service.hostname.startsWith(`${short}.`));
  return elsewhere?.hostname ?? nearest(host, names);
}

/** The workloads behind a service: those its selector picks in its namespace. */
export function workloadsOf(service: Service, workloads: readonly Workload[]): readonly Workload[] {
  const { selector } = service;
  if (selector === undefined || Object.keys(selector).length === 0) return [];
  return workloads.filter((workload) => workload.namespace === service.namespace && labelsMatch(selector, workload.labels));
}

/** A destination of a VirtualService with its path. */
export interface FoundDestination {
  readonly path: string;
  readonly host: string;
  readonly subset?: string;
  readonly port?: number;
}

/** Every destination that the routes of a VirtualService name. */
export function destinationsOf(config: Config<VirtualService>): readonly FoundDestination[] {
  const found: FoundDestination[] = [];
  const add = (path: string, { host, subset, port }: Destination): void => {
    found.push({ path, host, ...(subset === undefined ? {} : { subset }), ...(port === undefined ? {} : { port: port.number }) });
  };
  for (const protocol of ['http', 'tls', 'tcp'] as const) {
    config.spec[protocol]?.forEach((rule, index) => {
      rule.route?.forEach(({ destination }, at) => add(`spec.${protocol}[${index}].route[${at}].destination`, destination));
    });
  }
  config.spec.http?.forEach(({ mirror, mirrors }, index) => {
    if (mirror !== undefined) add(`spec.http[${index}].mirror`, mirror);
    mirrors?.forEach(({ destination }, at) => add(`spec.http[${index}].mirrors[${at}].destination`, destination));
  });
  return found;
}

type Destination = NonNullable<NonNullable<VirtualService['tcp']>[number]['route']>[number]['destination'];

/** `mesh`, or `namespace/name` of a gateway that an object of a namespace names. */
export function gatewayKey(gateway: string, namespace: string): string {
  if (gateway === 'mesh') return gateway;
  const key = gateway.includes('/') ? gateway : `${namespace}/${gateway}`;
  return key.startsWith('./') ? `${namespace}/${key.slice(2)}` : key;
}

/** Items in groups by a key, in order of first appearance. */
export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
