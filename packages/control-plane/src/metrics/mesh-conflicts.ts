import { meshVirtualServices, serviceKey, servicesSelecting, targetPortOf, type PushContext, type Service, type Workload } from '@meltemi/model';
import type { MeshState } from '@meltemi/translate';

/** What of the configuration has no effect because something else was first, and what leads nowhere; counted when metrics are asked for. */
export interface MeshConflicts {
  /** Ports of workloads that two services lead to with different protocols. */
  readonly inboundListeners: number;
  /** Addresses and ports that more than one TCP service wants a listener for. */
  readonly tcpOverTcp: number;
  /** Clusters that a service of the same host name in another namespace wants too: a proxy has one of the name. */
  readonly duplicateClusters: number;
  /** Claims of VirtualServices on hosts that another one has on sidecars. */
  readonly duplicateDomains: number;
  /** Subsets that another DestinationRule of the host has too. */
  readonly duplicateSubsets: number;
  /** Service ports whose endpoints we send, and that have none. */
  readonly withoutEndpoints: number;
  /** Clusters by DNS without a name to look up. */
  readonly dnsWithoutEndpoints: number;
  readonly unreadyEndpoints: number;
}

export function meshConflicts({ push, endpoints }: MeshState, workloads: readonly Workload[]): MeshConflicts {
  const ports = push.services.all.flatMap((service) => service.ports.filter(({ protocol }) => protocol !== 'udp').map((port) => ({ service, port })));
  const ofPort = ({ service, port }: (typeof ports)[number]) => endpoints.endpoints(serviceKey(service), port.number);
  return {
    inboundListeners: workloads
      .filter(({ registry }) => registry === 'connected')
      .reduce((sum, workload) => sum + inboundConflicts(push, workload), 0),
    duplicateClusters: ports.length - new Set(ports.map(({ service, port }) => `${port.number} ${service.hostname}`)).size,
    tcpOverTcp: tcpConflicts(push.services.all),
    duplicateDomains: sum([...meshVirtualServices(push, push.mesh.rootNamespace).byHost.values()].map((claims) => claims.length - 1)),
    duplicateSubsets: sum([...push.destinationRules.byNamespace.values()].flatMap((hosts) => [...hosts.values()].flat().map(duplicateSubsets))),
    withoutEndpoints: ports.filter((one) => one.service.resolution === 'static' && ofPort(one).length === 0).length,
    dnsWithoutEndpoints: push.services.all.filter(({ resolution, endpoints: names }) => resolution.startsWith('dns') && names.length === 0).length,
    unreadyEndpoints: sum(ports.map((one) => ofPort(one).filter(({ health }) => health !== 'healthy').length)),
  };
}

function inboundConflicts(push: PushContext, workload: Workload): number {
  const protocols = new Map<number, Set<string>>();
  for (const service of servicesSelecting(push, workload.namespace, workload.labels)) {
    for (const port of service.ports) {
      const target = targetPortOf(port, workload);
      if (target !== undefined) protocols.set(target, (protocols.get(target) ?? new Set()).add(port.protocol));
    }
  }
  return [...protocols.values()].filter((found) => found.size > 1).length;
}

function tcpConflicts(services: readonly Service[]): number {
  const listeners = services.flatMap(({ addresses, ports }) =>
    addresses
      .filter((address) => !address.includes('/'))
      .flatMap((address) => ports.filter(({ protocol }) => protocol === 'tcp').map(({ number }) => `${address}:${number}`)),
  );
  return listeners.length - new Set(listeners).size;
}

function duplicateSubsets(rule: {
  readonly sources: readonly { readonly spec: { readonly subsets?: readonly unknown[] } }[];
  readonly subsets: readonly unknown[];
}): number {
  return sum(rule.sources.map(({ spec }) => spec.subsets?.length ?? 0)) - rule.subsets.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
