import { isKind, type Config } from '@meltemi/api';
import type { ServiceView } from '@meltemi/console-api';
import { selects, serviceKey, vipAddress, type Endpoint, type EndpointIndex, type Service, type Workload } from '@meltemi/model';

/** What stands around the services. */
export interface Around {
  readonly endpoints: EndpointIndex;
  /** Objects by `configKey`. */
  readonly configs: ReadonlyMap<string, Config>;
  readonly workloadsByNamespace: ReadonlyMap<string, readonly Workload[]>;
}

export function serviceView(service: Service, around: Around): ServiceView {
  const { kind, namespace, name } = service.object;
  const config = around.configs.get(`${kind}/${namespace}/${name}`);
  const meta = config?.meta;
  return {
    name: service.registry === 'external' ? service.hostname : service.name,
    namespace: service.namespace,
    hostname: service.hostname,
    labels: service.labels,
    annotations: meta?.annotations ?? {},
    selector: service.selector ?? {},
    ports: service.ports.map((port) => ({ name: port.name, port: port.number, protocol: port.protocol, targetPort: String(port.targetPort) })),
    type: typeOf(service),
    ips: service.vip === undefined ? service.addresses : [vipAddress(service.vip, { interception: 'REDIRECT', address: '' })],
    registry: service.registry === 'external' ? 'External' : 'Kubernetes',
    createdAt: meta?.creationTimestamp ?? createdAtOf(service),
    resourceVersion: meta?.resourceVersion ?? '',
    workloads: workloadsBehind(service, around),
    endpoints: service.ports.flatMap((port) =>
      around.endpoints.endpoints(serviceKey(service), port.number).map((endpoint) => endpointView(endpoint, port.name)),
    ),
    ...serviceEntryOf(service, config),
  };
}

function workloadsBehind(service: Service, { workloadsByNamespace }: Around): readonly string[] {
  const selected = (workloadsByNamespace.get(service.namespace) ?? []).filter((workload) => selects(service, workload));
  return [...new Set(selected.map((workload) => workload.name))].sort();
}

function typeOf(service: Service): ServiceView['type'] {
  if (service.registry === 'external') return 'External';
  return service.headless ? 'Headless' : 'ClusterIP';
}

/** An object without a time sorts last in the model. */
function createdAtOf(service: Service): string {
  return service.createdAt === '~' ? '' : service.createdAt;
}

function serviceEntryOf(service: Service, entry: Config | undefined): Pick<ServiceView, 'serviceEntry'> {
  if (service.registry !== 'external' || entry === undefined || !isKind(entry, 'ServiceEntry')) return {};
  return { serviceEntry: { name: entry.meta.name, hosts: entry.spec.hosts, location: entry.spec.location } };
}

function endpointView(endpoint: Endpoint, portName: string): ServiceView['endpoints'][number] {
  return {
    address: endpoint.address,
    port: endpoint.port,
    portName,
    workload: endpoint.workload,
    instance: endpoint.workload,
    isReady: endpoint.health === 'healthy',
  };
}
