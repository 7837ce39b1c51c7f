import { pushAll } from '@meltemi/base';
import {
  gatewayVirtualServices,
  hostCovers,
  isWildcard,
  type DestinationRuleTable,
  type MeshConfig,
  type NamespaceServices,
  type ResolvedVirtualService,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { Route, RouteConfiguration, VirtualHost } from '@meltemi/protos-types';
import type { GatewayServerRef } from '../listeners/gateway-servers.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { bodyLimit } from './long-bodies.ts';
import { isCatchAll } from './match.ts';
import type { RouteScope } from './scope.ts';
import { blackHoleHost } from './virtual-host.ts';
import { endsItself, virtualServiceRoutes } from './virtual-service-routes.ts';

/** Everything a gateway's route table depends on. */
export interface GatewayRouteInputs {
  readonly name: string;
  readonly port: number;
  /** The servers that share this table, oldest Gateway first. */
  readonly servers: readonly GatewayServerRef[];
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
}

/**
 * The route table of a gateway port: per host, the rules of all VirtualServices bound to its Gateways, oldest first, with those that take everything at the
 * end. The port in `Host` is ignored, for it may be another one outside.
 */
export function gatewayRoutes(inputs: GatewayRouteInputs): RouteConfiguration {
  const hosts = new Map<string, HostRules>();
  for (const server of inputs.servers) {
    const redirect = server.server.tls?.httpsRedirect === true;
    for (const entry of gatewayVirtualServices(inputs, server.gateway, inputs.scope.namespace)) {
      const served = servedHosts(server, entry);
      if (served.length === 0) continue;
      const routes = virtualServiceRoutes(entry, routeScope(inputs, server));
      if (routes.length === 0 && !redirect) continue;
      for (const host of served) addRoutes(rulesOf(hosts, host), entry, routes, redirect);
    }
    if (redirect) for (const host of server.server.hosts) rulesOf(hosts, host.slice(host.indexOf('/') + 1).toLowerCase()).redirect = true;
  }
  const virtualHosts = [...hosts].map(([host, { routes, redirect }]): VirtualHost => ({
    name: `${host}:${inputs.port}`,
    domains: [host],
    routes: orderRoutes(routes),
    ...(redirect ? { require_tls: 'ALL' as const } : {}),
    include_request_attempt_count: true,
  }));
  return {
    name: inputs.name,
    virtual_hosts: virtualHosts.length === 0 ? [blackHoleHost(inputs.port)] : virtualHosts,
    validate_clusters: false,
    ignore_port_in_host_matching: true,
    ...bodyLimit(virtualHosts),
  };
}

interface HostRules {
  readonly owners: Set<ResolvedVirtualService>;
  readonly routes: Route[];
  redirect: boolean;
}

function rulesOf(hosts: Map<string, HostRules>, host: string): HostRules {
  let rules = hosts.get(host);
  if (rules === undefined) hosts.set(host, (rules = { owners: new Set(), routes: [], redirect: false }));
  return rules;
}

function addRoutes(rules: HostRules, owner: ResolvedVirtualService, routes: readonly Route[], redirect: boolean): void {
  rules.redirect ||= redirect;
  // One VirtualService bound through two servers of a port brings its routes once.
  if (rules.owners.has(owner)) return;
  rules.owners.add(owner);
  pushAll(rules.routes, routes);
}

/** Rules of several objects follow one another; one that takes everything must not hide those of the next object. Behind one that ends stands the next. */
function orderRoutes(routes: readonly Route[]): readonly Route[] {
  const all = routes.filter((route) => isCatchAll(route.match));
  const last = all.findIndex((route) => !endsItself(route));
  return [...routes.filter((route) => !isCatchAll(route.match)), ...(last < 0 ? all : all.slice(0, last + 1))];
}

/** The hosts under which a VirtualService is served by a server: what both name, the more specific of each pair. `ns/host` admits objects of that namespace only. */
export function servedHosts(server: GatewayServerRef, entry: ResolvedVirtualService): readonly string[] {
  const found = new Set<string>();
  for (const text of server.server.hosts) {
    const slash = text.indexOf('/');
    const namespace = slash < 0 ? '*' : text.slice(0, slash);
    const wanted = namespace === '.' ? server.namespace : namespace;
    if (wanted !== '*' && wanted !== entry.config.meta.namespace) continue;
    const host = text.slice(slash + 1).toLowerCase();
    for (const own of entry.hosts) {
      if (hostCovers(host, own)) found.add(own);
      else if (isWildcard(own) && hostCovers(own, host)) found.add(host);
    }
  }
  return [...found];
}

function routeScope(inputs: GatewayRouteInputs, { gateway, server }: GatewayServerRef): RouteScope {
  return {
    push: { mesh: inputs.mesh, destinationRules: inputs.destinationRules },
    services: inputs.services.byHost,
    namespace: inputs.scope.namespace,
    labels: inputs.scope.labels,
    gateways: [gateway],
    port: server.port.number,
    tls: inputs.name.startsWith('https.'),
  };
}
