import {
  gatewayVirtualServices,
  type DestinationRuleTable,
  type JwtRuleInForce,
  type MeshConfig,
  type NamespaceServices,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { FilterChain, Listener } from '@meltemi/protos-types';
import { callsByName } from '../common/dynamic-dns.ts';
import { keepsSessions } from '../http-filters/stateful-session.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { originMetadata, originText } from '../common/origin.ts';
import { servedHosts } from '../routes/gateway-routes.ts';
import type { RouteScope } from '../routes/scope.ts';
import { connectionManager } from './connection-manager.ts';
import { terminate } from './gateway-tls.ts';
import { gatewayRouteName, serverKind, type GatewayPort, type GatewayServerRef } from './gateway-servers.ts';
import { PROXY_PROTOCOL } from './inspection.ts';
import { TLS_INSPECTOR } from '../common/sniffing.ts';
import { tcpChains } from './tcp-chains.ts';
import { uniqueChains } from './unique-chains.ts';

/** Everything a gateway's listener depends on. */
export interface GatewayListenerInputs {
  readonly port: GatewayPort;
  readonly bindAddress: string;
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** Whose tokens are taken. */
  readonly tokens: readonly JwtRuleInForce[];
}

/** The listener of one gateway port; undefined while no route or server gives it a chain. */
export function gatewayListener(inputs: GatewayListenerInputs): Listener | undefined {
  const { port, bindAddress } = inputs;
  const [first] = port.servers;
  if (first === undefined) return undefined;
  const chains = port.kind === 'http' ? [httpChain(first, inputs)] : uniqueChains(port.servers.flatMap((server) => serverChains(server, inputs)));
  if (chains.length === 0) return undefined;
  const address = port.bind === '' ? bindAddress : port.bind;
  return {
    name: `${address}_${port.number}`,
    address: { socket_address: { address, port_value: port.number } },
    traffic_direction: 'OUTBOUND',
    ...filtersOf(inputs),
    filter_chains: chains,
    metadata: originMetadata(originOf(first)),
  };
}

/** The PROXY protocol comes before everything else. */
function filtersOf({ port, mesh }: GatewayListenerInputs): Pick<Listener, 'listener_filters'> {
  const filters = [...(mesh.gatewayProxyProtocol ? [PROXY_PROTOCOL] : []), ...(port.kind === 'https' || port.kind === 'tls' ? [TLS_INSPECTOR] : [])];
  return filters.length === 0 ? {} : { listener_filters: filters };
}

function originOf(ref: GatewayServerRef): string {
  return originText({ kind: 'Gateway', namespace: ref.namespace, name: ref.name }, `spec.servers[${ref.index}]`);
}

function httpChain(server: GatewayServerRef, inputs: GatewayListenerInputs): FilterChain {
  const { port, mesh, scope } = inputs;
  const routes = gatewayRouteName('http', port.number, server);
  const filter = connectionManager({
    mesh,
    dataPlane: scope.dataPlane,
    convertsB3: scope.convertsB3,
    place: 'gateway',
    grpcWeb: speaksGrpcWeb(port.servers),
    tokens: inputs.tokens,
    sessions: keepsSessions(inputs),
    byName: callsByName(inputs.services, undefined),
    statPrefix: `outbound_0.0.0.0_${port.number}`,
    routes,
  });
  return { name: routes, filters: [filter], metadata: originMetadata(originOf(server)) };
}

function serverChains(ref: GatewayServerRef, inputs: GatewayListenerInputs): readonly FilterChain[] {
  const { port, mesh, scope } = inputs;
  const kind = serverKind(ref.server);
  const names = serverNames(ref);
  const match = kind === 'tcp' || names.length === 0 ? {} : { filter_chain_match: { server_names: names } };
  if (kind === 'https') {
    const routes = gatewayRouteName(kind, port.number, ref);
    const filter = connectionManager({
      mesh,
      dataPlane: scope.dataPlane,
      convertsB3: scope.convertsB3,
      place: 'gateway',
      grpcWeb: speaksGrpcWeb([ref]),
      tokens: inputs.tokens,
      sessions: keepsSessions(inputs),
      byName: callsByName(inputs.services, undefined),
      statPrefix: `outbound_0.0.0.0_${port.number}`,
      routes,
    });
    return [
      {
        name: routes,
        ...match,
        filters: [filter],
        transport_socket: terminate(ref.server.tls ?? {}, ['h2', 'http/1.1'], mesh),
        metadata: originMetadata(originOf(ref)),
      },
    ];
  }
  const passes = ref.server.tls?.mode === undefined || ref.server.tls.mode === 'PASSTHROUGH';
  return tcpRules(ref, inputs).map((chain): FilterChain => {
    if (kind === 'tcp') return chain;
    // By its own server names where TLS passes; by the server's where it ends here.
    return passes ? chain : { ...chain, ...match, transport_socket: terminate(ref.server.tls ?? {}, [], mesh) };
  });
}

function tcpRules(ref: GatewayServerRef, inputs: GatewayListenerInputs): readonly FilterChain[] {
  const { scope, services, mesh } = inputs;
  const routing: RouteScope = {
    push: inputs,
    services: services.byHost,
    namespace: scope.namespace,
    labels: scope.labels,
    gateways: [ref.gateway],
    // Rules name the port of the server, whatever its Service makes of it.
    port: ref.server.port.number,
  };
  return gatewayVirtualServices(inputs, ref.gateway, scope.namespace)
    .filter((entry) => servedHosts(ref, entry).length > 0)
    .flatMap((entry) => tcpChains(entry, routing, { mesh, dataPlane: scope.dataPlane, direction: 'outbound' }));
}

/** Servers of plain HTTP on one port have one connection manager. */
function speaksGrpcWeb(servers: readonly GatewayServerRef[]): boolean {
  return servers.some(({ server }) => server.port.protocol.toUpperCase() === 'GRPC-WEB');
}

/** What SNI must say. `*` among the hosts: anything, also nothing. */
function serverNames(ref: GatewayServerRef): readonly string[] {
  const hosts = ref.server.hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase());
  return hosts.includes('*') ? [] : [...new Set(hosts)];
}
