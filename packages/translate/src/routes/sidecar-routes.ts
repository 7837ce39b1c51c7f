import {
  isWildcard,
  meshVirtualServices,
  MESH_GATEWAY,
  virtualServicesFor,
  type DestinationRuleTable,
  type MeshConfig,
  type NamespaceServices,
  type ServicePort,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { RouteConfiguration, VirtualHost } from '@meltemi/protos-types';
import { wireProtocol } from '../common/capabilities.ts';
import type { InputsCache } from '../common/inputs-cache.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { domainsOf } from './domains.ts';
import type { RouteScope } from './scope.ts';
import { catchAllHost, rulesOf, serviceVirtualHost, withoutDuplicateDomains } from './virtual-host.ts';

/** Everything an outbound route table of a sidecar depends on. */
export interface SidecarRouteInputs {
  readonly port: number;
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
}

/** The route table `<port>`: a virtual host for every HTTP service on that port, hosts that VirtualServices add, and the way for all others. */
export function sidecarRoutes(inputs: SidecarRouteInputs, cache: InputsCache): RouteConfiguration {
  const hosts = [...serviceHosts(inputs, cache), ...(inputs.port === 80 ? addedHosts(inputs) : [])];
  // In ports mode there is no original destination to go on to.
  const passthrough = inputs.mesh.outboundTrafficPolicy === 'ALLOW_ANY' && inputs.scope.interception === 'REDIRECT';
  const all = withoutDuplicateDomains([...hosts, cache.get('catchAllHost', { passthrough }, (key) => catchAllHost(key.passthrough))]);
  return cache.get('sidecarRouteConfiguration', { name: String(inputs.port), hosts: all }, ({ name, hosts: virtual_hosts }) => ({
    name,
    virtual_hosts,
    validate_clusters: false,
  }));
}

function serviceHosts(inputs: SidecarRouteInputs, cache: InputsCache): readonly VirtualHost[] {
  const { scope, services, virtualServices, destinationRules, mesh } = inputs;
  const push = { mesh, destinationRules };
  return services.list.flatMap((service) => {
    const port = service.ports.find((candidate) => candidate.number === inputs.port && isRouted(candidate, scope));
    if (port === undefined) return [];
    const owners = virtualServicesFor({ virtualServices }, scope.namespace, service.hostname);
    // Routes name other services only through their owners; without any, those of the namespace do not matter.
    const key = { service, port, owners, scope, mesh, destinationRules, services: owners.length === 0 ? undefined : services };
    return [
      cache.get('serviceVirtualHost', key, () =>
        serviceVirtualHost(
          { service, port, owners, domains: domainsOf(service, port.number, { ...scope, domainSuffix: mesh.domainSuffix }) },
          routeScope(push, inputs),
        ),
      ),
    ];
  });
}

function isRouted(port: ServicePort, scope: NodeScope): boolean {
  return wireProtocol(port.protocol, scope.dataPlane) !== 'tcp';
}

/** Hosts of VirtualServices that are no service of any registry: they are served on port 80. */
function addedHosts(inputs: SidecarRouteInputs): readonly VirtualHost[] {
  const { services, virtualServices, destinationRules, mesh, scope } = inputs;
  const routing = routeScope({ mesh, destinationRules }, inputs);
  const { byHost } = meshVirtualServices({ virtualServices }, scope.namespace);
  return [...byHost].flatMap(([host, owners]): VirtualHost[] => {
    if (services.byHost.has(host) || host === '*' || (isWildcard(host) && services.list.some((service) => service.hostname.endsWith(host.slice(1)))))
      return [];
    const routes = rulesOf(owners, routing);
    if (routes === undefined) return [];
    return [{ name: `${host}:${inputs.port}`, domains: [host, `${host}:${inputs.port}`], routes, include_request_attempt_count: true }];
  });
}

function routeScope(push: RouteScope['push'], inputs: SidecarRouteInputs): RouteScope {
  const { namespace, labels } = inputs.scope;
  return { push, services: inputs.services.byHost, namespace, labels, gateways: [MESH_GATEWAY], port: inputs.port };
}
