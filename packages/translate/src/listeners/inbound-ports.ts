import {
  destinationRuleFor,
  effectiveMtls,
  parseProtocol,
  servicesSelecting,
  sidecarFor,
  targetPortOf,
  type EffectiveMtls,
  type EndpointIndex,
  type MtlsMode,
  type Protocol,
  type ProxyNode,
  type PushContext,
  type Service,
  type ServicePort,
  type Workload,
} from '@meltemi/model';
import type { ConnectionPoolSettings, Sidecar, SidecarIngress } from '@meltemi/api';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import { wireProtocol, type WireProtocol } from '../common/capabilities.ts';

/** A port of the workload on which connections come in. All fields are taken over as they are: equal ports have equal fields. */
export interface InboundPort {
  readonly number: number;
  readonly protocol: Protocol;
  readonly wire: WireProtocol;
  readonly mtls: MtlsMode;
  /** TLS of callers outside of the mesh, as a Sidecar says; only where there is no mutual TLS. */
  readonly tls: SidecarIngress['tls'];
  readonly policy: EffectiveMtls['policy'];
  /** The oldest service that leads here, with its port; absent for a port that only the workload itself declares. */
  readonly service: Service | undefined;
  readonly servicePort: ServicePort | undefined;
  /** `127.0.0.1:8080`, `0.0.0.0:8080` or `unix:///path`, as a Sidecar says; empty: this port of the application. */
  readonly endpoint: string;
  /** Address to listen on, where nothing redirects; empty: the workload's own. */
  readonly bind: string;
  /** Connections are redirected to the proxy; false: it listens itself. */
  readonly redirected: boolean;
  /** Limits towards the application. */
  readonly pool: ConnectionPoolSettings | undefined;
}

/** The workload's ports, by number: those of its Sidecar, else targets of services that select it, then those it declared itself. The first service names the protocol. */
export function inboundPorts(push: PushContext, node: ProxyNode, index: EndpointIndex): readonly InboundPort[] {
  const sidecar = sidecarFor(push, node)?.spec;
  const targets = serviceTargets(push, node, index);
  const redirects = node.interception === 'REDIRECT';
  if (sidecar?.ingress !== undefined && sidecar.ingress.length > 0)
    return sidecar.ingress.flatMap((listener) => ingressPort(listener, { push, node, sidecar, targets })).sort((a, b) => a.number - b.number);
  const found = new Map<number, InboundPort>();
  const add = (number: number, protocol: Protocol, target?: Target): void => {
    if (found.has(number) || protocol === 'udp') return;
    found.set(number, {
      ...basics(push, node, { number, protocol, target }),
      endpoint: '',
      bind: '',
      redirected: redirects,
      pool: sidecar?.inboundConnectionPool ?? servicePool(push, node, target),
    });
  };
  for (const [number, target] of targets) add(number, target.port.protocol, target);
  for (const port of node.ports) add(port.number, port.protocol);
  return [...found.values()].sort((a, b) => a.number - b.number);
}

interface Target {
  readonly service: Service;
  readonly port: ServicePort;
}

/** What is known of the node at its address; nothing when the address is another's. */
export function ownWorkload({ address, namespace, serviceAccount }: ProxyNode, index: EndpointIndex): Workload | undefined {
  const workload = index.workloadAt(address);
  return workload?.namespace === namespace && workload.serviceAccount === serviceAccount ? workload : undefined;
}

/** Ports of the workload that services lead to, with the oldest service of each. */
function serviceTargets(push: PushContext, node: ProxyNode, index: EndpointIndex): ReadonlyMap<number, Target> {
  const self = ownWorkload(node, index) ?? { ports: node.ports, portMap: {} };
  const declared = { ports: self.ports.length > 0 ? self.ports : node.ports, portMap: self.portMap };
  const targets = new Map<number, Target>();
  for (const service of servicesSelecting(push, node.namespace, node.labels)) {
    for (const port of service.ports) {
      const number = port.protocol === 'udp' ? undefined : targetPortOf(port, declared);
      if (number !== undefined && !targets.has(number)) targets.set(number, { service, port });
    }
  }
  return targets;
}

interface PortBasics {
  readonly number: number;
  readonly protocol: Protocol;
  readonly target: Target | undefined;
}

function basics(push: PushContext, node: ProxyNode, { number, protocol, target }: PortBasics) {
  const { mode, policy } = effectiveMtls(push, node, number);
  return { number, protocol, wire: wireProtocol(protocol), mtls: mode, policy, tls: undefined, service: target?.service, servicePort: target?.port };
}

interface IngressContext {
  readonly push: PushContext;
  readonly node: ProxyNode;
  readonly sidecar: Sidecar;
  readonly targets: ReadonlyMap<number, Target>;
}

function ingressPort(listener: SidecarIngress, { push, node, sidecar, targets }: IngressContext): readonly InboundPort[] {
  const number = listener.port.number ?? 0;
  const target = targets.get(number);
  const protocol = parseProtocol(listener.port.protocol ?? '') ?? 'unknown';
  const port = basics(push, node, { number, protocol, target });
  const { tls } = listener;
  return [
    {
      ...port,
      ...(tls === undefined || port.mtls !== 'DISABLE' ? {} : { tls, ...insideTls(protocol) }),
      endpoint: listener.defaultEndpoint ?? '',
      bind: listener.bind ?? '',
      redirected: node.interception === 'REDIRECT' && listener.captureMode !== 'NONE',
      pool: listener.connectionPool ?? sidecar.inboundConnectionPool ?? servicePool(push, node, target),
    },
  ];
}

/** What is spoken when TLS has ended. */
function insideTls(outside: Protocol): Pick<InboundPort, 'protocol' | 'wire'> {
  const protocol = outside === 'https' ? 'http' : 'tcp';
  return { protocol, wire: wireProtocol(protocol) };
}

/** What the DestinationRule of the service says holds towards the application too, as long as no Sidecar speaks of it. */
function servicePool(push: PushContext, node: ProxyNode, target: Target | undefined): ConnectionPoolSettings | undefined {
  if (target === undefined) return push.mesh.defaultTrafficPolicy?.connectionPool;
  const rule = destinationRuleFor(push, { namespace: node.namespace, labels: {} }, target.service);
  return effectivePolicy(rule, '', target.port.number, push.mesh).connectionPool;
}
