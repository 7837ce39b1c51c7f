import { isWildcard, meshVirtualServices } from '@meltemi/model';
import type { RouteConfiguration, VirtualHost } from '@meltemi/protos-types';
import { sameList, type InputsCache, type Made } from '../common/inputs-cache.ts';
import { BLACKHOLE_CLUSTER, PASSTHROUGH_CLUSTER } from '../common/names.ts';
import { bodyLimit } from './long-bodies.ts';
import { MESH_ONLY, type RouteScope } from './scope.ts';
import { serviceHosts, type ServiceHosts, type SidecarRouteInputs } from './service-hosts.ts';
import { catchAllHost, rulesOf, withoutDuplicateDomains } from './virtual-host.ts';

/** A route table with what the next one can take over. */
export interface SidecarTable extends ServiceHosts {
  readonly configuration: RouteConfiguration;
}

/**
 * The route table `<port>`: a virtual host for every HTTP service on that port, hosts that VirtualServices add, and the way for all others. With the table before,
 * whatever did not change is the same object.
 */
export function sidecarRoutes(inputs: SidecarRouteInputs, cache: InputsCache, before?: Made<SidecarRouteInputs, SidecarTable>): SidecarTable {
  const { scope, port } = inputs;
  const services = serviceHosts(inputs, routeScope(inputs), cache, before);
  // In ports mode there is no original destination to go on to.
  const unknownTo = inputs.unknownTo === PASSTHROUGH_CLUSTER && scope.interception !== 'REDIRECT' ? BLACKHOLE_CLUSTER : inputs.unknownTo;
  const added = port === 80 ? addedHosts(inputs, cache) : [];
  const catchAll = cache.get('catchAllHost', { unknownTo }, (key) => catchAllHost(key.unknownTo));
  // Those of services are without duplicates already.
  const hosts =
    added.length === 0 && !inputs.services.byHost.has('*')
      ? [...services.hosts, catchAll]
      : withoutDuplicateDomains([...services.hosts, ...added, catchAll]);
  const old = before?.made.configuration;
  const configuration =
    old !== undefined && sameList(old.virtual_hosts ?? [], hosts)
      ? old
      : { name: String(port), virtual_hosts: hosts, validate_clusters: false, ignore_port_in_host_matching: true, ...bodyLimit(hosts) };
  return { ...services, configuration };
}

/** The table of one service whose address told already that it is meant, whatever the request calls it. */
export function sniffedRoutes({ name, host }: { readonly name: string; readonly host: VirtualHost }): RouteConfiguration {
  const hosts = [{ ...host, domains: ['*'] }];
  return { name, virtual_hosts: hosts, validate_clusters: false, ignore_port_in_host_matching: true, ...bodyLimit(hosts) };
}

/** Hosts of VirtualServices that are no service of any registry: they are served on port 80. */
function addedHosts(inputs: SidecarRouteInputs, cache: InputsCache): readonly VirtualHost[] {
  const { services, virtualServices, destinationRules, mesh, scope, port } = inputs;
  const { byHost } = meshVirtualServices({ virtualServices }, scope.namespace);
  return [...byHost].flatMap(([host, claims]): readonly VirtualHost[] => {
    // Those that hold for services of a namespace hold for none here.
    const owners = claims.some(({ producer }) => producer !== undefined) ? claims.filter(({ producer }) => producer === undefined) : claims;
    if (owners.length === 0) return [];
    if (services.byHost.has(host) || host === '*' || (isWildcard(host) && services.list.some((service) => service.hostname.endsWith(host.slice(1)))))
      return [];
    return cache.get('addedVirtualHost', { host, owners, services, destinationRules, mesh, scope, port }, () => {
      const routes = rulesOf(owners, routeScope(inputs));
      if (routes === undefined) return [];
      return [{ name: `${host}:${port}`, domains: [host], routes, include_request_attempt_count: true }];
    });
  });
}

function routeScope({ scope: { namespace, labels }, mesh, destinationRules, services, port }: SidecarRouteInputs): RouteScope {
  return { push: { mesh, destinationRules }, services: services.byHost, namespace, labels, gateways: MESH_ONLY, port };
}
