import type { GatewayServer } from '@meltemi/api';
import { gatewaysFor, servicesSelecting, targetPortOf, type ProxyNode, type PushContext } from '@meltemi/model';

/** A server of a Gateway that this node serves. */
export interface GatewayServerRef {
  /** `namespace/name` of its Gateway. */
  readonly gateway: string;
  readonly namespace: string;
  readonly name: string;
  readonly index: number;
  readonly server: GatewayServer;
}

/** All servers of one listening port. The first (oldest Gateway) decides what the port speaks; servers that speak otherwise are left out. */
export interface GatewayPort {
  /** The port that is listened on: the target of the gateway's own Service when one maps the server's port, else that port. */
  readonly number: number;
  /** Address that servers ask for; empty: the gateway's own. */
  readonly bind: string;
  readonly kind: ServerKind;
  readonly servers: readonly GatewayServerRef[];
}

/** `http`: plain HTTP. `https`: TLS ends here, HTTP inside. `tls`: TLS ends here or passes, bytes inside. `tcp`: plain bytes. */
export type ServerKind = 'http' | 'https' | 'tls' | 'tcp';

/** What a server speaks. */
export function serverKind(server: GatewayServer): ServerKind {
  switch (server.port.protocol.toUpperCase()) {
    case 'HTTPS':
      // Without a mode TLS passes, as in Istio.
      return server.tls?.mode === undefined || server.tls.mode === 'PASSTHROUGH' || server.tls.mode === 'AUTO_PASSTHROUGH' ? 'tls' : 'https';
    case 'TLS':
      return 'tls';
    case 'TCP':
    case 'MONGO':
      return 'tcp';
    default:
      return 'http';
  }
}

/** The listening ports of a gateway node, by number. */
export function gatewayPorts(push: PushContext, node: ProxyNode): readonly GatewayPort[] {
  const ports = new Map<string, { number: number; bind: string; kind: ServerKind; servers: GatewayServerRef[] }>();
  const targets = targetPorts(push, node);
  for (const gateway of gatewaysFor(push, node)) {
    const { namespace, name } = gateway.meta;
    for (const [index, declared] of gateway.spec.servers.entries()) {
      // The gateway's own address by its name is no other address: two listeners there would be one too many.
      const server = declared.bind === node.bindAddress ? { ...declared, bind: '' } : declared;
      const kind = serverKind(server);
      const number = targets.get(server.port.number) ?? server.port.number;
      const ref: GatewayServerRef = { gateway: `${namespace}/${name}`, namespace, name, index, server };
      const bind = server.bind ?? '';
      const port = ports.get(`${bind}:${number}`);
      if (port === undefined) ports.set(`${bind}:${number}`, { number, bind, kind, servers: [ref] });
      else if (port.kind === kind || (isTlsKind(port.kind) && isTlsKind(kind))) port.servers.push(ref);
    }
  }
  return [...ports.values()].sort((a, b) => a.number - b.number || (a.bind < b.bind ? -1 : 1));
}

/** Both are told apart by server name on one port. */
function isTlsKind(kind: ServerKind): boolean {
  return kind === 'https' || kind === 'tls';
}

/** Service port → port of the workload, of the Services in front of the gateway. */
function targetPorts(push: PushContext, node: ProxyNode): ReadonlyMap<number, number> {
  const targets = new Map<number, number>();
  for (const service of servicesSelecting(push, node.namespace, node.labels)) {
    for (const port of service.ports) {
      const target = targetPortOf(port, { ports: node.ports, portMap: {} });
      if (target !== undefined && !targets.has(port.number)) targets.set(port.number, target);
    }
  }
  return targets;
}

/** Name of a server's route table: shared by all plain HTTP servers of a port; one for each server with TLS of its own. */
export function gatewayRouteName(kind: ServerKind, port: number, server: GatewayServerRef): string {
  const { bind = '' } = server.server;
  if (kind === 'http') return bind === '' ? `http.${port}` : `http.${port}.${bind}`;
  return `https.${port}.${server.server.port.name}.${server.name}.${server.namespace}`;
}
