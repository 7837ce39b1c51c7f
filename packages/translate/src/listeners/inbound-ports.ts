import {
  effectiveMtls,
  servicesSelecting,
  targetPortOf,
  type EffectiveMtls,
  type EndpointIndex,
  type MtlsMode,
  type Protocol,
  type ProxyNode,
  type PushContext,
  type Service,
  type ServicePort,
} from '@meltemi/model';
import { wireProtocol, type WireProtocol } from '../common/capabilities.ts';

/** A port of the workload on which connections come in. */
export interface InboundPort {
  readonly number: number;
  readonly protocol: Protocol;
  readonly wire: WireProtocol;
  readonly mtls: MtlsMode;
  readonly policy: EffectiveMtls['policy'];
  /** The oldest service that leads here, with its port; absent for a port that only the workload itself declares. */
  readonly service: Service | undefined;
  readonly servicePort: ServicePort | undefined;
}

/** The workload's ports, by number: targets of services that select it, then those it declared itself. The first service names the protocol. */
export function inboundPorts(push: PushContext, node: ProxyNode, index: EndpointIndex): readonly InboundPort[] {
  const found = new Map<number, InboundPort>();
  const add = (number: number, protocol: Protocol, service?: Service, servicePort?: ServicePort): void => {
    if (found.has(number) || protocol === 'udp') return;
    const { mode, policy } = effectiveMtls(push, node, number);
    found.set(number, { number, protocol, wire: wireProtocol(protocol, node.dataPlane), mtls: mode, policy, service, servicePort });
  };
  const self = index.workloadAt(node.address) ?? { ports: node.ports, portMap: {} };
  const declared = { ports: self.ports.length > 0 ? self.ports : node.ports, portMap: self.portMap };
  for (const service of servicesSelecting(push, node.namespace, node.labels)) {
    for (const port of service.ports) {
      const target = targetPortOf(port, declared);
      if (target !== undefined) add(target, port.protocol, service, port);
    }
  }
  for (const port of node.ports) add(port.number, port.protocol);
  return [...found.values()].sort((a, b) => a.number - b.number);
}
