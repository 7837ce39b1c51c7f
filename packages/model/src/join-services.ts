import { compareByAge, configKey, isKind, type Config } from '@meltemi/api';
import { selects } from './convert/endpoints-of.ts';
import { kubernetesHostname, serviceFromKubernetes } from './convert/from-kubernetes.ts';
import { servicesFromServiceEntry } from './convert/from-service-entry.ts';
import { serviceKey } from './endpoint-index.ts';
import { isWildcard } from './hostname.ts';
import type { MeshConfig } from './types/mesh-config.ts';
import type { Service, ServicePort, Workload, WorkloadPort } from './types/service.ts';
import { allocateVips, type VipTable } from './vip.ts';

/** All services of a mesh, with their addresses. The value of one join is an input of the next. */
export interface JoinedServices {
  readonly services: readonly Service[];
  readonly vips: VipTable;
  /** Services as they were declared, by key: one that was declared by the same objects has not changed. */
  readonly declared: ReadonlyMap<string, Service>;
}

/**
 * Joins Kubernetes Services, ServiceEntries and connected workloads into the services of the mesh:
 * - a ServiceEntry for the host of a Kubernetes Service of its own namespace adds its names and endpoints to it; one of another namespace adds nothing to what
 *   is not its own (as in Istio, where endpoints belong to host and namespace);
 * - a connected workload with ports that no service selects gets a service named by its `app`.
 * A service that did not change is the same object as in `previous`.
 */
export function joinServices(
  configs: Iterable<Config>,
  workloads: readonly Workload[],
  mesh: MeshConfig,
  previous?: Pick<JoinedServices, 'vips'> & Partial<JoinedServices>,
): JoinedServices {
  const own = withAliases(decorate(declaredServices(configs, mesh)));
  const all = [...own, ...synthetic(own, workloads, mesh)];
  const vips = allocateVips(all.filter(hasVip).map(serviceKey), previous?.vips);
  const kept = new Map((previous?.services ?? []).map((service) => [serviceKey(service), service]));
  const declared = new Map<string, Service>();
  const services = all.map((service): Service => {
    const key = serviceKey(service);
    const vip = vips.get(key);
    const [base, before] = [previous?.declared?.get(key), kept.get(key)];
    const same = base !== undefined && before?.vip === vip && (base === service || JSON.stringify(base) === JSON.stringify(service));
    declared.set(key, same ? base : service);
    return same && before !== undefined ? before : { ...service, vip };
  });
  return { services, vips, declared };
}

// A memo of a pure function: what an object declares stays the same as long as the object and the settings do.
const conversions = new WeakMap<MeshConfig, WeakMap<Config, readonly Service[]>>();

function convert(config: Config, mesh: MeshConfig): readonly Service[] {
  let known = conversions.get(mesh);
  if (known === undefined) conversions.set(mesh, (known = new WeakMap()));
  let services = known.get(config);
  if (services === undefined) {
    services = isKind(config, 'Service')
      ? [serviceFromKubernetes(config, mesh)]
      : isKind(config, 'ServiceEntry')
        ? servicesFromServiceEntry(config, mesh)
        : [];
    known.set(config, services);
  }
  return services;
}

/** One service per namespace and host; of two that claim it the Kubernetes Service wins, then the older object. */
function declaredServices(configs: Iterable<Config>, mesh: MeshConfig): readonly Service[] {
  const found: { readonly config: Config; readonly service: Service }[] = [];
  for (const config of configs) {
    if (!isKind(config, 'Service') && !isKind(config, 'ServiceEntry')) continue;
    for (const service of convert(config, mesh)) found.push({ config, service });
  }
  const rank = (service: Service): number => (service.registry === 'kubernetes' ? 0 : 1);
  found.sort((a, b) => rank(a.service) - rank(b.service) || compareByAge(a.config, b.config) || (configKey(a.config) < configKey(b.config) ? -1 : 1));
  return found.map(({ service }) => service);
}

function decorate(services: readonly Service[]): readonly Service[] {
  const result = new Map<string, Service>();
  for (const service of services) {
    const key = serviceKey(service);
    const owner = result.get(key);
    if (owner === undefined) result.set(key, service);
    else if (service.registry === 'external' && owner.registry === 'kubernetes') result.set(key, joined(owner, service));
  }
  return [...result.values()];
}

/** A service that only stands for another of the mesh is a name of that one: rules of the other govern its calls. */
function withAliases(services: readonly Service[]): readonly Service[] {
  const named = services.filter((service) => standsFor(service) !== undefined);
  if (named.length === 0) return services;
  const known = new Set(services.filter((service) => standsFor(service) === undefined).map((service) => service.hostname));
  const aliases = Map.groupBy(
    named.filter((service) => known.has(standsFor(service) ?? '')),
    (service) => standsFor(service) ?? '',
  );
  const gone = new Set([...aliases.values()].flat());
  return services
    .filter((service) => !gone.has(service))
    .map((service) => {
      const own = aliases.get(service.hostname);
      return own === undefined ? service : { ...service, aliases: own.map(({ hostname }) => hostname).sort() };
    });
}

/** The name behind a Kubernetes Service of type ExternalName. */
function standsFor(service: Service): string | undefined {
  return service.registry === 'kubernetes' && service.external ? service.endpoints[0]?.address : undefined;
}

function joined(owner: Service, entry: Service): Service {
  return {
    ...owner,
    subjectAltNames: [...new Set([...owner.subjectAltNames, ...entry.subjectAltNames])],
    endpoints: [...owner.endpoints, ...entry.endpoints],
  };
}

/** Services for connected workloads that none selects: by namespace and `app`, with the ports that any of them declares. */
function synthetic(declared: readonly Service[], workloads: readonly Workload[], mesh: MeshConfig): readonly Service[] {
  const groups = new Map<string, { readonly app: string; readonly namespace: string; readonly ports: Map<number, WorkloadPort> }>();
  // Of its own namespace: a ServiceEntry elsewhere with the host of a workload takes nothing from it.
  const known = new Set(declared.map(serviceKey));
  const byNamespace = Map.groupBy(
    declared.filter((service) => service.selector !== undefined),
    (service) => service.namespace,
  );
  for (const workload of workloads) {
    const app = workload.labels['app'];
    if (workload.registry !== 'connected' || workload.ports.length === 0 || app === undefined || app === '') continue;
    if (
      known.has(serviceKey({ namespace: workload.namespace, hostname: kubernetesHostname(app, workload.namespace, mesh.domainSuffix) })) ||
      byNamespace.get(workload.namespace)?.some((service) => selects(service, workload)) === true
    )
      continue;
    const key = `${workload.namespace}/${app}`;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { app, namespace: workload.namespace, ports: new Map() }));
    for (const port of workload.ports) if (!group.ports.has(port.number)) group.ports.set(port.number, port);
  }
  return [...groups.values()]
    .sort((a, b) => (a.namespace + a.app < b.namespace + b.app ? -1 : 1))
    .map(({ app, namespace, ports }) => syntheticService(app, namespace, [...ports.values()], mesh));
}

function syntheticService(app: string, namespace: string, ports: readonly WorkloadPort[], mesh: MeshConfig): Service {
  return {
    hostname: kubernetesHostname(app, namespace, mesh.domainSuffix),
    name: app,
    namespace,
    ports: [...ports]
      .sort((a, b) => a.number - b.number)
      .map((port): ServicePort => ({
        name: `${port.protocol}-${port.number}`,
        number: port.number,
        protocol: port.protocol,
        targetPort: port.number,
      })),
    resolution: 'static',
    addresses: [],
    vip: undefined,
    selector: { app },
    labels: { app },
    external: false,
    headless: false,
    subjectAltNames: [],
    endpoints: [],
    exportTo: mesh.defaultServiceExportTo,
    registry: 'synthetic',
    createdAt: '~',
    object: { kind: 'Workload', namespace, name: app },
    origin: { source: 'connected' },
  };
}

/** A call of a service without endpoints of its own goes to the address that was called: that must be a real one. */
function hasVip({ hostname, resolution }: Service): boolean {
  return !isWildcard(hostname) && resolution !== 'none';
}
