import { type MergedDestinationRule, type MeshConfig, type ResolvedVirtualService, type Service, type ServicePort } from '@meltemi/model';
import type { Route, VirtualHost } from '@meltemi/protos-types';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import { outboundCluster, BLACKHOLE_CLUSTER } from '../common/names.ts';
import { perRouteConfig } from '../http-filters/index.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { timeouts } from './forward.ts';
import { hashPolicy } from './hash-policy.ts';
import { ANY_PATH, isCatchAll } from './match.ts';
import { retryPolicy } from './retry.ts';
import { ruleOf, type RouteScope } from './scope.ts';
import { endOf, endsItself, virtualServiceRoutes } from './virtual-service-routes.ts';

/** A service port as a virtual host is made of it. */
export interface ServiceHost {
  readonly service: Service;
  readonly port: ServicePort;
  readonly domains: readonly string[];
  /** The VirtualServices that claim the host, in order of precedence. */
  readonly owners: readonly ResolvedVirtualService[];
}

/**
 * The virtual host of a service port: the rules of the first VirtualService that has any for this client and port, else straight to the service. Rules that
 * select others only are none.
 */
export function serviceVirtualHost(host: ServiceHost, scope: RouteScope): VirtualHost {
  const { service, port, domains, owners } = host;
  const routes = rulesOf(owners, scope);
  const straight = (): VirtualHost => defaultVirtualHost({ service, port, domains, rule: ruleOf(service, scope), mesh: scope.push.mesh });
  if (routes === undefined) return straight();
  if (routes.every((route) => endsItself(route))) routes.push(...(straight().routes ?? []));
  return { name: `${service.hostname}:${port.number}`, domains, routes, include_request_attempt_count: true };
}

/** Everything that the virtual host of a service port depends on when no VirtualService governs it. */
export interface DefaultHost extends Pick<ServiceHost, 'service' | 'port' | 'domains'> {
  /** The client's rule for the service. */
  readonly rule: MergedDestinationRule | undefined;
  readonly mesh: MeshConfig;
}

/** Straight to the service. */
export function defaultVirtualHost(host: DefaultHost): VirtualHost {
  const { service, port, domains } = host;
  return { name: `${service.hostname}:${port.number}`, domains, routes: [defaultRoute(host)], include_request_attempt_count: true };
}

/** The routes of the first VirtualService that has any here. Behind those that all end by themselves stand those that count then. */
export function rulesOf(owners: readonly ResolvedVirtualService[], scope: RouteScope): Route[] | undefined {
  for (const [index, owner] of owners.entries()) {
    const routes = virtualServiceRoutes(owner, scope);
    if (routes.length === 0) continue;
    const untilMs = routes.reduce((last, route) => Math.max(last, endOf(route) ?? Infinity), 0);
    if (untilMs === Infinity) return [...routes];
    const isClosed = routes.some((route) => isCatchAll(route.match) && endOf(route) === untilMs);
    return [...routes, ...(isClosed ? [] : [notFound(owner, untilMs)]), ...(rulesOf(owners.slice(index + 1), scope) ?? [])];
  }
  return undefined;
}

/** As long as a VirtualService counts, what none of its rules takes is not found; what stands behind counts only then. */
function notFound({ config }: ResolvedVirtualService, untilMs: number): Route {
  return {
    name: 'not-found',
    match: ANY_PATH,
    direct_response: { status: 404 },
    metadata: originMetadata(originText(refOf(config)), { 'meltemi.io': { until: untilMs } }),
  };
}

function defaultRoute({ service, port, rule, mesh }: DefaultHost): Route {
  const cluster = outboundCluster(port.number, '', service.hostname);
  const hash = hashPolicy(effectivePolicy(rule, '', port.number, mesh).loadBalancer);
  const retry = retryPolicy(undefined, mesh, hash.length > 0);
  const filters = perRouteConfig({}, service);
  return {
    name: 'default',
    match: ANY_PATH,
    route: {
      cluster,
      ...timeouts(undefined),
      ...(retry === undefined ? {} : { retry_policy: retry }),
      ...(hash.length === 0 ? {} : { hash_policy: hash }),
    },
    decorator: { operation: `${service.hostname}:${port.number}/*` },
    ...(filters === undefined ? {} : { typed_per_filter_config: filters }),
    metadata: originMetadata(originText(service.object)),
  };
}

/** Where requests for hosts that the mesh does not know go: on as they are, or refused with 502. */
export function catchAllHost(cluster: string): VirtualHost {
  const allowed = cluster !== BLACKHOLE_CLUSTER;
  const name = allowed ? 'allow_any' : 'block_all';
  const route: Route = allowed
    ? { name, match: ANY_PATH, route: { cluster, ...timeouts(undefined) } }
    : { name, match: ANY_PATH, direct_response: { status: 502 }, metadata: { filter_metadata: { 'meltemi.io': { virtual_host: name } } } };
  return { name, domains: ['*'], routes: [route], include_request_attempt_count: true };
}

/** A virtual host to nowhere, for a gateway port without any route. */
export function blackHoleHost(port: number): VirtualHost {
  return { name: `blackhole:${port}`, domains: ['*'] };
}

/** Drops domains that an earlier host has: a proxy refuses a table with two owners of one. Hosts left without a domain go. */
export function withoutDuplicateDomains(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const seen = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = host.domains.filter((domain) => !seen.has(domain));
    for (const domain of domains) seen.add(domain);
    if (domains.length === 0) return [];
    return domains.length === host.domains.length ? [host] : [{ ...host, domains }];
  });
}
