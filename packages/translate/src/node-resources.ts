import { effectiveMtls, visibleServices, type ProxyNode } from '@meltemi/model';
import type { Cluster, Listener, RouteConfiguration } from '@meltemi/protos-types';
import { inboundClusters, outboundClusters } from './clusters/index.ts';
import type { InputsCache } from './common/inputs-cache.ts';
import type { NodeScope } from './common/node-scope.ts';
import { gatewayListener } from './listeners/gateway.ts';
import { gatewayPorts, gatewayRouteName, serverKind, type GatewayPort, type GatewayServerRef } from './listeners/gateway-servers.ts';
import { inboundPorts, type InboundPort } from './listeners/inbound-ports.ts';
import { boundInbound, virtualInbound } from './listeners/inbound.ts';
import { outboundListeners } from './listeners/outbound.ts';
import { gatewayRoutes } from './routes/gateway-routes.ts';
import { sidecarRoutes } from './routes/sidecar-routes.ts';
import type { MeshState } from './types.ts';

/** One node at one moment, with what it shares with others. */
export interface NodeView {
  readonly node: ProxyNode;
  readonly scope: NodeScope;
  readonly state: MeshState;
  readonly cache: InputsCache;
}

/** The tables of the snapshot that outbound resources depend on. */
function outboundInputs({ scope, state: { push } }: NodeView) {
  return {
    scope,
    services: visibleServices(push, scope.namespace),
    virtualServices: push.virtualServices,
    destinationRules: push.destinationRules,
    mesh: push.mesh,
  };
}

/** The workload's own ports; the same list (and the same ports in it) while nothing about them changes. */
function portsOf({ node, state: { push, endpoints }, cache }: NodeView): readonly InboundPort[] {
  const self = endpoints.workloadAt(node.address);
  const key = {
    services: push.services,
    policies: push.peerAuthentications,
    identity: [node.namespace, node.address, node.dataPlane],
    labels: JSON.stringify(node.labels),
    declared: JSON.stringify([node.ports, self?.ports, self?.portMap]),
  };
  return cache.get('inboundPorts', key, () => inboundPorts(push, node, endpoints));
}

function gatewayPortsOf({ node, state: { push }, cache }: NodeView): readonly GatewayPort[] {
  const key = {
    gateways: push.gateways,
    services: push.services,
    namespace: node.namespace,
    labels: JSON.stringify(node.labels),
    declared: JSON.stringify(node.ports),
  };
  return cache.get('gatewayPorts', key, () => gatewayPorts(push, node));
}

/** CDS. */
export function clustersFor(view: NodeView): readonly Cluster[] {
  const { node, state, cache, scope } = view;
  const { virtualServices: _, ...inputs } = outboundInputs(view);
  const outbound = cache.get(
    'outboundClusters',
    { ...inputs, endpoints: state.endpoints, accountsVersion: state.endpoints.accountsVersion },
    (key) => ({ list: outboundClusters(key, cache) }),
  ).list;
  if (node.type === 'router') return outbound;
  const inbound = inboundClusters(
    { ports: portsOf(view), appAddress: node.appAddress, mesh: state.push.mesh, redirect: scope.interception === 'REDIRECT' },
    cache,
  );
  return [...outbound, ...inbound];
}

/** LDS. */
export function listenersFor(view: NodeView): readonly Listener[] {
  const { node, state, cache } = view;
  const inputs = outboundInputs(view);
  if (node.type === 'router') {
    return gatewayPortsOf(view).flatMap((port) => {
      const made = cache.get('gatewayListener', { ...inputs, port, bindAddress: node.bindAddress }, (key) => ({
        listener: gatewayListener(key),
      })).listener;
      return made === undefined ? [] : [made];
    });
  }
  const outbound = cache.get('outboundListeners', inputs, (key) => ({ list: outboundListeners(key, cache) })).list;
  const { mesh } = state.push;
  const settings = { mesh, dataPlane: node.dataPlane, convertsB3: node.convertsB3 };
  const ports = portsOf(view);
  if (node.interception === 'NONE') {
    return [
      ...outbound,
      ...ports.map((port) =>
        cache.get('boundInbound', { ...settings, port, address: node.address }, (key) => boundInbound(key.port, key.address, settings)),
      ),
    ];
  }
  const others = effectiveMtls(state.push, node);
  return [
    ...outbound,
    cache.get('virtualInbound', { ...settings, ports, mode: others.mode, policy: others.policy }, () => virtualInbound(ports, others, settings)),
  ];
}

/** One RDS resource; undefined when the node has no such table. */
export function routesFor(view: NodeView, name: string): RouteConfiguration | undefined {
  const inputs = outboundInputs(view);
  if (view.node.type === 'router') {
    const table = gatewayTables(view).get(name);
    return table === undefined
      ? undefined
      : view.cache.get('gatewayRoutes', { ...inputs, name, port: table.port, servers: table.servers }, gatewayRoutes);
  }
  if (!/^[1-9]\d{0,4}$/.test(name)) return undefined;
  return view.cache.get('sidecarRoutes', { ...inputs, port: Number(name) }, (key) => sidecarRoutes(key, view.cache));
}

/** The route tables of a gateway: name → port and the servers that share it. */
function gatewayTables(view: NodeView): ReadonlyMap<string, { readonly port: number; readonly servers: readonly GatewayServerRef[] }> {
  const tables = new Map<string, { port: number; servers: GatewayServerRef[] }>();
  for (const port of gatewayPortsOf(view)) {
    for (const server of port.servers) {
      const kind = serverKind(server.server);
      if (kind !== 'http' && kind !== 'https') continue;
      const name = gatewayRouteName(kind, port.number, server);
      const table = tables.get(name);
      if (table === undefined) tables.set(name, { port: port.number, servers: [server] });
      else table.servers.push(server);
    }
  }
  return tables;
}

/** Names of the route tables that the node's listeners refer to. */
export function routeNamesFor(view: NodeView): readonly string[] {
  if (view.node.type === 'router') return [...gatewayTables(view).keys()];
  const names = new Set<string>();
  for (const listener of listenersFor(view)) {
    for (const chain of listener.filter_chains ?? []) {
      for (const filter of chain.filters ?? []) {
        const rds = (filter.typed_config as { readonly rds?: { readonly route_config_name?: string } } | undefined)?.rds?.route_config_name;
        if (rds !== undefined) names.add(rds);
      }
    }
  }
  return [...names];
}
