import { destinationRuleFor, serviceKey, virtualServicesFor, visibleServices, type Service, type ServicePort } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type Cluster,
  type Listener,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from '@meltemi/protos-types';
import { ADS } from '../common/ads.ts';
import { outboundCluster, parseOutboundCluster } from '../common/names.ts';
import { circuitBreakers, outlierFields } from '../clusters/limits.ts';
import { loadBalancing } from '../clusters/load-balancing.ts';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import type { NodeView } from '../node-resources.ts';
import { MESH_ONLY, type RouteScope } from '../routes/scope.ts';
import { serviceVirtualHost } from '../routes/virtual-host.ts';

type Names = ReadonlySet<string> | '*';

interface Target {
  readonly name: string;
  readonly service: Service;
  readonly port: ServicePort;
}

/** `host:port`, as an application writes it behind `xds:///`; short names work from the client's own namespace. */
function targetOf(view: NodeView, name: string): Target | undefined {
  const colon = name.lastIndexOf(':');
  const host = colon < 0 ? name : name.slice(0, colon);
  const number = colon < 0 ? 80 : Number(name.slice(colon + 1));
  const { byHost } = visibleServices(view.state.push, view.scope.namespace);
  const suffix = `svc.${view.state.push.mesh.domainSuffix}`;
  const service =
    byHost.get(host) ??
    byHost.get(`${host}.${view.scope.namespace}.${suffix}`) ??
    byHost.get(`${host}.${suffix}`) ??
    byHost.get(`${host}.${view.state.push.mesh.domainSuffix}`);
  const port = service?.ports.find((candidate) => candidate.number === number);
  return service === undefined || port === undefined ? undefined : { name, service, port };
}

function allTargets(view: NodeView): readonly Target[] {
  const { list } = visibleServices(view.state.push, view.scope.namespace);
  return list.flatMap((service) => service.ports.map((port) => ({ name: `${service.hostname}:${port.number}`, service, port })));
}

/** LDS of a proxyless client: the name it dials, with an API listener whose routes come by that name. */
export function grpcListeners(view: NodeView, names: Names): readonly Listener[] {
  const targets = names === '*' ? allTargets(view) : [...names].flatMap((name) => targetOf(view, name) ?? []);
  return targets.map(({ name }) =>
    view.cache.get('grpcListener', { name }, (key) => ({
      name: key.name,
      api_listener: {
        api_listener: packAny(ANY_TYPE.httpConnectionManager, {
          rds: { config_source: ADS, route_config_name: `outbound|${key.name}` },
          http_filters: [{ name: EXTENSION_NAME.router, typed_config: packAny(ANY_TYPE.router, {}) }],
        }),
      },
    })),
  );
}

/** RDS: one virtual host, which also answers for the name as it was dialled. */
export function grpcRoutes(view: NodeView, name: string): RouteConfiguration | undefined {
  const target = name.startsWith('outbound|') ? targetOf(view, name.slice('outbound|'.length)) : undefined;
  if (target === undefined) return undefined;
  const { push } = view.state;
  const { namespace, labels } = view.scope;
  const { service, port } = target;
  const services = visibleServices(push, namespace);
  const owners = virtualServicesFor(push, namespace, service);
  const key = { name, service, port, owners, scope: view.scope, services, destinationRules: push.destinationRules, mesh: push.mesh };
  return view.cache.get('grpcRoutes', key, () => {
    const scope: RouteScope = { push, services: services.byHost, namespace, labels, gateways: MESH_ONLY, port: port.number };
    const host = serviceVirtualHost({ service, port, owners, domains: ['*'] }, scope);
    return { name, virtual_hosts: [grpcHost(host)] };
  });
}

/** gRPC clients read only part of a route; they refuse none of the rest, but what they cannot do should not be promised. */
function grpcHost(host: VirtualHost): VirtualHost {
  const routes = (host.routes ?? []).map((route): Route => {
    if (route.route === undefined) return route;
    const { retry_policy: retry, ...action } = route.route;
    const conditions = retry?.retry_on?.split(',').filter((condition) => GRPC_RETRY.has(condition)) ?? [];
    return {
      ...route,
      route: {
        ...action,
        ...(retry === undefined || conditions.length === 0
          ? {}
          : { retry_policy: { retry_on: conditions.join(), num_retries: retry.num_retries ?? 1 } }),
      },
    };
  });
  return { name: host.name, domains: host.domains, routes };
}

const GRPC_RETRY: ReadonlySet<string> = new Set(['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable']);

/** CDS of the names asked for: EDS clusters without a transport of their own (the application has no certificate of the mesh). */
export function grpcClusters(view: NodeView, names: Names): readonly Cluster[] {
  const wanted = names === '*' ? allTargets(view).map(({ service, port }) => outboundCluster(port.number, '', service.hostname)) : [...names];
  return wanted.flatMap((name) => grpcCluster(view, name) ?? []);
}

function grpcCluster(view: NodeView, name: string): Cluster | undefined {
  const { push } = view.state;
  const parsed = parseOutboundCluster(name);
  const service = parsed === undefined ? undefined : visibleServices(push, view.scope.namespace).byHost.get(parsed.hostname);
  if (parsed === undefined || service === undefined || service.resolution !== 'static') return undefined;
  const rule = destinationRuleFor(push, view.scope, service);
  const known = parsed.subset === '' || rule?.subsets.some((entry) => entry.subset.name === parsed.subset) === true;
  if (!known || !service.ports.some((port) => port.number === parsed.port)) return undefined;
  return view.cache.get('grpcCluster', { name, service: serviceKey(service), rule, mesh: push.mesh }, (): Cluster => {
    const policy = effectivePolicy(rule, parsed.subset, parsed.port, push.mesh);
    const balancer = loadBalancing(policy.loadBalancer);
    return {
      name,
      type: 'EDS',
      eds_cluster_config: { eds_config: ADS, service_name: name },
      // gRPC knows round robin and ring hash only.
      lb_policy: balancer.lb_policy === 'RING_HASH' ? 'RING_HASH' : 'ROUND_ROBIN',
      ...(balancer.lb_policy === 'RING_HASH' && balancer.ring_hash_lb_config !== undefined
        ? { ring_hash_lb_config: balancer.ring_hash_lb_config }
        : {}),
      circuit_breakers: circuitBreakers(policy),
      ...outlierFields(policy.outlierDetection),
    };
  });
}
