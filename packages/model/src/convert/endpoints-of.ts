import { labelsMatch } from '../labels.ts';
import { parseLocality } from '../locality.ts';
import { spiffeId } from '../spiffe.ts';
import type { Endpoint, InlineEndpoint, Service, ServicePort, Workload } from '../types/service.ts';
import { tlsModeOf } from './from-workload-entry.ts';

/** Whether a service picks a workload: same namespace, and a selector that is not empty and fits. */
export function selects(service: Service, workload: Pick<Workload, 'namespace' | 'labels'>): boolean {
  const { selector } = service;
  return (
    selector !== undefined && service.namespace === workload.namespace && Object.keys(selector).length > 0 && labelsMatch(selector, workload.labels)
  );
}

/** The port of a workload that a service port leads to: by its own map, by number, by the name of one of its ports; undefined if it has no such port. */
export function targetPortOf(port: ServicePort, workload: Pick<Workload, 'ports' | 'portMap'>): number | undefined {
  const mapped = portOf(workload.portMap, port.name);
  if (mapped !== undefined) return mapped;
  if (typeof port.targetPort === 'number') return port.targetPort;
  const named = workload.ports.find((own) => own.name === port.targetPort);
  if (named !== undefined) return named.number;
  // `run --port 9080` gives ports no names: the service port's own number is then the best guess, if it is served there.
  return workload.ports.find((own) => own.number === port.number)?.number ?? (workload.ports.length === 1 ? workload.ports[0]?.number : undefined);
}

/** Names of ports are the user's: what every object has besides is none. */
function portOf(map: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** All endpoints of a service by service port: those it names itself and the workloads it selects. A service without EDS has an empty map. */
export function endpointsOf(service: Service, workloads: Iterable<Workload>, trustDomain: string): ReadonlyMap<number, readonly Endpoint[]> {
  const result = new Map<number, readonly Endpoint[]>();
  if (service.resolution === 'none') return result;
  const selected = [...workloads].filter((workload) => selects(service, workload)).sort(connectedFirst);
  for (const port of service.ports) {
    if (port.protocol === 'udp') continue;
    const fromWorkloads = selected.flatMap((workload): Endpoint[] => {
      const number = targetPortOf(port, workload);
      if (number === undefined) return [];
      const endpoint = workloadEndpoint(workload, number, trustDomain);
      return [service.publishNotReady === true ? { ...endpoint, health: 'healthy' } : endpoint];
    });
    result.set(port.number, distinct([...service.endpoints.map((entry) => inlineEndpoint(service, entry, port, trustDomain)), ...fromWorkloads]));
  }
  return result;
}

/** Of two at one address, the one that is there by its certificate counts. */
function connectedFirst(a: Workload, b: Workload): number {
  return Number(b.registry === 'connected') - Number(a.registry === 'connected');
}

/** Two endpoints at one address and port are one, else it would be called twice as often as its weight says: the first, as with Envoy. */
function distinct(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (endpoints.length < 2) return endpoints;
  const seen = new Set<string>();
  return endpoints.filter(({ address, port }) => seen.size < seen.add(`${address} ${port}`).size);
}

function workloadEndpoint(workload: Workload, port: number, trustDomain: string): Endpoint {
  return {
    address: workload.address,
    port,
    labels: workload.labels,
    locality: workload.locality,
    weight: workload.weight,
    health: workload.health,
    tlsMode: workload.tlsMode,
    namespace: workload.namespace,
    workload: workload.name,
    serviceAccount: workload.serviceAccount,
    principal: principalOf(trustDomain, workload.namespace, workload.serviceAccount),
    cluster: workload.cluster,
    ...(workload.nodeName === undefined ? {} : { nodeName: workload.nodeName }),
  };
}

function inlineEndpoint(service: Service, entry: InlineEndpoint, port: ServicePort, trustDomain: string): Endpoint {
  return {
    address: entry.address,
    port: portOf(entry.ports, port.name) ?? (typeof port.targetPort === 'number' ? port.targetPort : port.number),
    labels: entry.labels,
    locality: parseLocality(entry.locality),
    weight: entry.weight,
    health: 'healthy',
    tlsMode: service.external ? 'disabled' : tlsModeOf(entry.labels, entry.serviceAccount),
    namespace: service.namespace,
    workload: service.name,
    serviceAccount: entry.serviceAccount,
    principal: principalOf(trustDomain, service.namespace, entry.serviceAccount),
    cluster: 'meltemi',
  };
}

function principalOf(trustDomain: string, namespace: string, serviceAccount: string): string {
  return serviceAccount === '' ? '' : spiffeId(trustDomain, namespace, serviceAccount);
}
