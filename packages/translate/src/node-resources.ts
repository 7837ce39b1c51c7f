import {
  collectorServices,
  effectiveMtls,
  requestAuthenticationsFor,
  resolveHost,
  sidecarScope,
  type EgressScope,
  type ProxyNode,
} from '@meltemi/model';
import type { Cluster, Listener, RouteConfiguration } from '@meltemi/protos-types';
import { inboundClusters, outboundClusters, type OutboundClusters } from './clusters/index.ts';
import type { InputsCache, Made } from './common/inputs-cache.ts';
import { headlessPorts } from './common/headless.ts';
import type { NodeScope } from './common/node-scope.ts';
import { BLACKHOLE_CLUSTER, DYNAMIC_DNS_CLUSTER, outboundCluster, parseSniffedRoute, PASSTHROUGH_CLUSTER } from './common/names.ts';
import type { Patcher } from './envoy-filter/index.ts';
import { gatewayListener } from './listeners/gateway.ts';
import { gatewayPorts, gatewayRouteName, serverKind, type GatewayPort, type GatewayServerRef } from './listeners/gateway-servers.ts';
import { inboundPorts, ownWorkload, type InboundPort } from './listeners/inbound-ports.ts';
import { boundInbound, virtualInbound } from './listeners/inbound.ts';
import { egressRouteName } from './listeners/egress.ts';
import { outboundListeners } from './listeners/outbound.ts';
import { gatewayRoutes } from './routes/gateway-routes.ts';
import type { SidecarRouteInputs } from './routes/service-hosts.ts';
import { sidecarRoutes, sniffedRoutes, type SidecarTable } from './routes/sidecar-routes.ts';
import type { MeshState } from './types.ts';

const NONE: readonly never[] = [];

/** One node at one moment, with what it shares with others. */
export interface NodeView {
  readonly node: ProxyNode;
  readonly scope: NodeScope;
  readonly state: MeshState;
  readonly cache: InputsCache;
  readonly patcher: Patcher;
}

/** The tables of the snapshot that outbound resources depend on. */
function outboundInputs({ scope, state: { push } }: NodeView) {
  const { services, virtualServices } = sidecarScope(push, scope);
  return { scope, services, virtualServices, destinationRules: push.destinationRules, mesh: push.mesh };
}

/** The workload's own ports; the same list (and the same ports in it) while nothing about them changes. */
function portsOf({ node, state: { push, endpoints }, cache }: NodeView): readonly InboundPort[] {
  const key = {
    services: push.services,
    policies: push.peerAuthentications,
    rules: push.destinationRules,
    sidecars: push.sidecars,
    mesh: push.mesh,
    self: ownWorkload(node, endpoints),
  };
  return cache.latest('inboundPorts', node, key, (_, before: Made<object, readonly InboundPort[]> | undefined) => {
    const ports = inboundPorts(push, node, endpoints);
    // Most changes of services and workloads are those of others.
    return before !== undefined && sameItems(before.made, ports) ? before.made : ports;
  });
}

function sameItems<T extends object>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => sameFields(item, b[index]));
}

function sameFields<T extends object>(a: T, b: T | undefined): boolean {
  if (b === undefined) return false;
  for (const name in a) if (a[name] !== b[name]) return false;
  return true;
}

/** Shared by the replicas of a gateway. */
function gatewayPortsOf({ node, state: { push }, cache }: NodeView): readonly GatewayPort[] {
  const key = {
    gateways: push.gateways,
    services: push.services,
    namespace: node.namespace,
    labels: JSON.stringify(node.labels),
    declared: JSON.stringify(node.ports),
    bindAddress: node.bindAddress,
  };
  return cache.get('gatewayPorts', key, () => gatewayPorts(push, node));
}

/** Resources of a type for a node: what it shares with all nodes of its scope, and what is its own. */
export interface NodeResources<T> {
  readonly shared: readonly T[];
  readonly own: readonly T[];
}

/** CDS, with the changes of EnvoyFilters. What is changed is the node's own. */
export function clustersFor(view: NodeView): NodeResources<Cluster> {
  const made = generatedClusters(view);
  return view.patcher.changes(view) ? { shared: NONE, own: view.patcher.clusters(view, [...made.shared, ...made.own]) } : made;
}

/** LDS, with the changes of EnvoyFilters. */
export function listenersFor(view: NodeView): NodeResources<Listener> {
  const made = generatedListeners(view);
  return view.patcher.changes(view) ? { shared: NONE, own: view.patcher.listeners(view, [...made.shared, ...made.own]) } : made;
}

/** One RDS resource, with the changes of EnvoyFilters; undefined when the node has no such table. */
export function routesFor(view: NodeView, name: string): RouteConfiguration | undefined {
  const made = generatedRoutes(view, name);
  if (made === undefined || !view.patcher.changes(view)) return made;
  const gateways =
    view.node.type === 'router'
      ? (gatewayTables(view)
          .get(name)
          ?.servers.map(({ gateway }) => gateway) ?? [])
      : [];
  return view.patcher.routes(view, made, gateways);
}

/** CDS as it is generated. */
export function generatedClusters(view: NodeView): NodeResources<Cluster> {
  const { node, state, cache, scope } = view;
  const { virtualServices: _, ...inputs } = outboundInputs(view);
  const key = { ...inputs, collectors: collectorServices(state.push), endpoints: state.endpoints, accountsVersion: state.endpoints.accountsVersion };
  const shared = cache.latest('outboundClusters', scope, key, (known, before: Made<typeof key, OutboundClusters> | undefined) =>
    outboundClusters(known, cache, before),
  ).list;
  if (node.type === 'router') return { shared, own: NONE };
  const own = inboundClusters(
    {
      ports: portsOf(view),
      appAddress: node.appAddress,
      address: node.address,
      mesh: state.push.mesh,
      redirect: scope.interception === 'REDIRECT',
    },
    cache,
  );
  return { shared, own };
}

/** LDS as it is generated. */
export function generatedListeners(view: NodeView): NodeResources<Listener> {
  const { node, cache, scope } = view;
  const inputs = outboundInputs(view);
  if (node.type === 'router') {
    const tokens = requestAuthenticationsFor(view.state.push, node);
    const own = gatewayPortsOf(view).flatMap((port) => {
      const made = cache.get('gatewayListener', { ...inputs, tokens, port, bindAddress: node.bindAddress }, (key) => ({
        listener: gatewayListener(key),
      })).listener;
      return made === undefined ? [] : [made];
    });
    return { shared: NONE, own };
  }
  const { egress } = sidecarScope(view.state.push, scope);
  const headless = headlessPorts(inputs.services, view.state.endpoints, scope);
  const key = { ...inputs, egress, unknownTo: unknownTo(view), headless };
  const shared = cache.latest('outboundListeners', scope, key, (known) => outboundListeners(known, cache));
  return { shared, own: inboundListeners(view) };
}

function inboundListeners(view: NodeView): readonly Listener[] {
  const { node, state, cache } = view;
  const tokens = requestAuthenticationsFor(state.push, node);
  const settings = { mesh: state.push.mesh, dataPlane: node.dataPlane, convertsB3: node.convertsB3, tokens };
  const ports = portsOf(view);
  const bound = ports
    .filter((port) => !port.redirected)
    .map((port) => {
      const address = port.bind === '' ? node.address : port.bind;
      return cache.get('boundInbound', { ...settings, port, address }, (key) => boundInbound(key.port, key.address, settings));
    });
  if (node.interception === 'NONE') return bound;
  const others = effectiveMtls(state.push, node);
  const redirected = ports.filter((port) => port.redirected);
  const key = { ...settings, redirected, mode: others.mode, policy: others.policy };
  return [cache.get('virtualInbound', key, () => virtualInbound(redirected, others, settings)), ...bound];
}

function generatedRoutes(view: NodeView, name: string): RouteConfiguration | undefined {
  if (view.node.type === 'router') {
    const inputs = outboundInputs(view);
    const table = gatewayTables(view).get(name);
    return table === undefined
      ? undefined
      : view.cache.get('gatewayRoutes', { ...inputs, name, port: table.port, servers: table.servers }, gatewayRoutes);
  }
  const sniffed = parseSniffedRoute(name);
  if (sniffed === undefined) return portTable(view, name)?.configuration;
  const row = portTable(view, String(sniffed.port))?.rows.find(({ service }) => service.hostname === sniffed.hostname);
  return row === undefined ? undefined : view.cache.get('sniffedRoutes', { name, host: row.host }, sniffedRoutes);
}

/** What a sidecar's callers may mean by a port. */
function portTable(view: NodeView, name: string): SidecarTable | undefined {
  const egress = egressOf(view, name);
  if (egress === undefined) return undefined;
  const { services, virtualServices } = egress;
  const key = { ...outboundInputs(view), services, virtualServices, port: Number(name), unknownTo: unknownHostsTo(view) };
  return view.cache.latest(`sidecarRoutes ${name}`, view.scope, key, (known, before: Made<SidecarRouteInputs, SidecarTable> | undefined) =>
    sidecarRoutes(known, view.cache, before),
  );
}

/** The egress listener that the route table of this name belongs to: that of the port, else the one for all others. */
function egressOf({ scope, state }: NodeView, name: string): EgressScope | undefined {
  const { egress } = sidecarScope(state.push, scope);
  const own = egress.find(({ listener }) => listener?.port !== undefined && egressRouteName(listener) === name);
  if (own !== undefined || !/^[1-9]\d{0,4}$/.test(name)) return own;
  return egress.find(({ listener }) => listener?.port === undefined);
}

/** Where calls of unknown hosts go: on as they are, to the egress proxy of the Sidecar, or nowhere. */
function unknownTo({ scope, state: { push } }: NodeView): string {
  const policy = scope.sidecar?.spec.outboundTrafficPolicy;
  const mode = policy?.mode ?? push.mesh.outboundTrafficPolicy;
  if (mode === 'REGISTRY_ONLY') return BLACKHOLE_CLUSTER;
  const egress = policy?.egressProxy;
  if (egress === undefined) return PASSTHROUGH_CLUSTER;
  const host = resolveHost(egress.host, scope.sidecar?.meta.namespace ?? scope.namespace, push.mesh.domainSuffix);
  return outboundCluster(egress.port?.number ?? 0, egress.subset ?? '', host);
}

/** Requests name their hosts; connections do not. */
function unknownHostsTo(view: NodeView): string {
  const to = unknownTo(view);
  const own = view.scope.sidecar?.spec.outboundTrafficPolicy?.mode !== undefined;
  return to === PASSTHROUGH_CLUSTER && !own && view.state.push.mesh.outboundTrafficPolicy === 'ALLOW_ANY_DYNAMIC_DNS' ? DYNAMIC_DNS_CLUSTER : to;
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
  const { shared, own } = listenersFor(view);
  for (const listener of [...shared, ...own]) {
    for (const chain of listener.filter_chains ?? []) {
      for (const filter of chain.filters ?? []) {
        const rds = (filter.typed_config as { readonly rds?: { readonly route_config_name?: string } } | undefined)?.rds?.route_config_name;
        if (rds !== undefined) names.add(rds);
      }
    }
  }
  return [...names];
}
