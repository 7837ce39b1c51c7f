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
  /** What a service was made from, to recognise one that did not change. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Joins Kubernetes Services, ServiceEntries and connected workloads into the services of the mesh:
 * - a ServiceEntry for the host of a Kubernetes Service adds its names and endpoints to it;
 * - a connected workload with ports that no service selects gets a service named by its `app`.
 * A service that did not change is the same object as in `previous`.
 */
export function joinServices(
  configs: Iterable<Config>,
  workloads: readonly Workload[],
  mesh: MeshConfig,
  previous?: Pick<JoinedServices, 'vips'> & Partial<JoinedServices>,
): JoinedServices {
  const declared = decorate(declaredServices(configs, mesh));
  const all = [...declared, ...synthetic(declared, workloads, mesh)];
  const vips = allocateVips(all.filter((service) => !isWildcard(service.hostname)).map(serviceKey), previous?.vips);
  const kept = new Map((previous?.services ?? []).map((service) => [serviceKey(service), service]));
  const sources = new Map<string, string>();
  const services = all.map((service): Service => {
    const key = serviceKey(service);
    const made = { ...service, vip: vips.get(key) };
    const source = JSON.stringify(made);
    sources.set(key, source);
    const before = kept.get(key);
    return before !== undefined && previous?.sources?.get(key) === source ? before : made;
  });
  return { services, vips, sources };
}

/** One service per namespace and host; of two that claim it the Kubernetes Service wins, then the older object. */
function declaredServices(configs: Iterable<Config>, mesh: MeshConfig): readonly Service[] {
  const found: { readonly config: Config; readonly service: Service }[] = [];
  for (const config of configs) {
    if (isKind(config, 'Service')) found.push({ config, service: serviceFromKubernetes(config, mesh) });
    else if (isKind(config, 'ServiceEntry')) for (const service of servicesFromServiceEntry(config, mesh)) found.push({ config, service });
  }
  const rank = (service: Service): number => (service.registry === 'kubernetes' ? 0 : 1);
  found.sort((a, b) => rank(a.service) - rank(b.service) || compareByAge(a.config, b.config) || (configKey(a.config) < configKey(b.config) ? -1 : 1));
  return found.map(({ service }) => service);
}

function decorate(services: readonly Service[]): readonly Service[] {
  const byHost = new Map<string, Service>();
  const result = new Map<string, Service>();
  for (const service of services) {
    const owner = byHost.get(service.hostname);
    if (service.registry === 'external' && owner?.registry === 'kubernetes') {
      const merged: Service = {
        ...owner,
        subjectAltNames: [...new Set([...owner.subjectAltNames, ...service.subjectAltNames])],
        endpoints: [...owner.endpoints, ...service.endpoints],
      };
      byHost.set(service.hostname, merged);
      result.set(serviceKey(owner), merged);
      continue;
    }
    if (owner === undefined) byHost.set(service.hostname, service);
    const key = serviceKey(service);
    if (!result.has(key)) result.set(key, service);
  }
  return [...result.values()];
}

/** Services for connected workloads that none selects: by namespace and `app`, with the ports that any of them declares. */
function synthetic(declared: readonly Service[], workloads: readonly Workload[], mesh: MeshConfig): readonly Service[] {
  const groups = new Map<string, { readonly app: string; readonly namespace: string; readonly ports: Map<number, WorkloadPort> }>();
  const hosts = new Set(declared.map((service) => service.hostname));
  const byNamespace = Map.groupBy(
    declared.filter((service) => service.selector !== undefined),
    (service) => service.namespace,
  );
  for (const workload of workloads) {
    const app = workload.labels['app'];
    if (workload.registry !== 'connected' || workload.ports.length === 0 || app === undefined || app === '') continue;
    if (
      hosts.has(kubernetesHostname(app, workload.namespace, mesh.domainSuffix)) ||
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
