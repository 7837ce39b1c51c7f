import type { GraphDestinationRule, GraphVirtualService } from '../mesh.ts';
import type { GraphNode, NodeBadges, ServiceName } from '../types.ts';
import { workloadsOf, type Appender, type AppenderContext } from './context.ts';

/** What VirtualServices and DestinationRules do to the services in the picture, and which nodes are gateways. */
export const istioAppender: Appender = {
  name: 'istio',
  run(map, context) {
    for (const node of map.nodes.values()) {
      node.gateway = workloadsOf(context, node).find((one) => one.gateway !== undefined)?.gateway;
      const services =
        node.nodeType === 'service' ? [{ cluster: node.cluster, namespace: node.namespace, name: node.service }] : [...node.destServices.values()];
      const badges = node.nodeType === 'service' ? routingBadges(context, services) : {};
      if (services.some((service) => hasCircuitBreaker(context.mesh.destinationRules, service, node)))
        node.badges = { ...badges, hasCircuitBreaker: true };
      else node.badges = badges;
    }
  },
};

/** A host as an object of `namespace` writes it, against a service. */
export function hostNames(host: string | undefined, namespace: string | undefined, service: ServiceName): boolean {
  if (host === undefined || host === '') return false;
  if (host === service.name) return namespace === undefined || namespace === service.namespace || host.includes('.');
  const full = `${service.name}.${service.namespace}`;
  if (host === full || host.startsWith(`${full}.svc`)) return true;
  return host.startsWith('*') && `${full}.svc.cluster.local`.endsWith(host.slice(1));
}

function hasPolicy(policy: { readonly connectionPool?: unknown; readonly outlierDetection?: unknown } | undefined): boolean {
  return policy?.connectionPool !== undefined || policy?.outlierDetection !== undefined;
}

/** On a service: any rule with limits. On a version: limits for all, or of the subset that is this version. */
function hasCircuitBreaker(rules: readonly GraphDestinationRule[], service: ServiceName, node: GraphNode): boolean {
  return rules.some(({ meta, spec }) => {
    if (!hostNames(spec.host, meta.namespace, service)) return false;
    if (hasPolicy(spec.trafficPolicy)) return true;
    return (spec.subsets ?? []).some(
      (subset) =>
        hasPolicy(subset.trafficPolicy) && (node.nodeType === 'service' || (node.version !== '' && subset.labels?.['version'] === node.version)),
    );
  });
}

function routingBadges({ mesh }: AppenderContext, services: readonly ServiceName[]): NodeBadges {
  const on = mesh.virtualServices.filter((one) => services.some((service) => routesService(one, service)));
  if (on.length === 0) return {};
  const http = on.flatMap((one) => one.spec.http ?? []);
  const tcp = on.flatMap((one) => one.spec.tcp ?? []);
  const splits = (route: readonly unknown[] | undefined): boolean => (route?.length ?? 0) > 1;
  const flag = (name: keyof NodeBadges, value: boolean): Partial<NodeBadges> => (value ? { [name]: true } : {});
  return {
    virtualServiceHosts: [...new Set(on.flatMap((one) => one.spec.hosts ?? []))],
    ...flag(
      'hasFaultInjection',
      http.some((one) => one.fault !== undefined),
    ),
    ...flag(
      'hasMirroring',
      http.some((one) => one.mirror !== undefined || (one.mirrors?.length ?? 0) > 0),
    ),
    ...flag(
      'hasRequestTimeout',
      http.some((one) => one.timeout !== undefined),
    ),
    ...flag(
      'hasTrafficShifting',
      http.some((one) => splits(one.route)),
    ),
    ...flag(
      'hasTcpTrafficShifting',
      tcp.some((one) => splits(one.route)),
    ),
    ...flag(
      'hasRequestRouting',
      http.some((one) => (one.match?.length ?? 0) > 0 || (one.route ?? []).some((to) => to.destination?.subset !== undefined)),
    ),
  };
}

/**
 * Whether a VirtualService has a say in requests to a service: by its hosts, or by where its routes lead. Hosts of one that is bound to gateways
 * only are names of the world outside: `*` there does not mean every service of the mesh.
 */
export function routesService(one: GraphVirtualService, service: ServiceName): boolean {
  const { meta, spec } = one;
  const names = (host: string | undefined): boolean => hostNames(host, meta.namespace, service);
  const gateways = spec.gateways ?? [];
  const bindsMesh = gateways.length === 0 || gateways.includes('mesh');
  return (
    (bindsMesh && (spec.hosts ?? []).some(names)) ||
    [...(spec.http ?? []), ...(spec.tcp ?? [])].some((rule) => (rule.route ?? []).some((to) => names(to.destination?.host)))
  );
}
