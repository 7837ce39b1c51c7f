import { ofKind, type Config } from '@meltemi/api';
import type { ServiceView } from '@meltemi/console-api';
import { selects, serviceKey, vipAddress, type Endpoint, type EndpointIndex, type Service, type Workload } from '@meltemi/model';

interface Around {
  readonly endpoints: EndpointIndex;
  readonly configs: readonly Config[];
  readonly workloads: readonly Workload[];
}

export function serviceView(service: Service, around: Around): ServiceView {
  const meta = around.configs.find(
    (config) => config.kind === service.object.kind && config.meta.namespace === service.object.namespace && config.meta.name === service.object.name,
  )?.meta;
  const behind = around.workloads.filter((workload) => selects(service, workload)).map((workload) => workload.name);
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
    workloads: [...new Set(behind)].sort(),
    endpoints: service.ports.flatMap((port) =>
      around.endpoints.endpoints(serviceKey(service), port.number).map((endpoint) => endpointView(endpoint, port.name)),
    ),
    ...serviceEntryOf(service, around.configs),
  };
}

function typeOf(service: Service): ServiceView['type'] {
  if (service.registry === 'external') return 'External';
  return service.headless ? 'Headless' : 'ClusterIP';
}

/** An object without a time sorts last in the model. */
function createdAtOf(service: Service): string {
  return service.createdAt === '~' ? '' : service.createdAt;
}

function serviceEntryOf(service: Service, configs: readonly Config[]): Pick<ServiceView, 'serviceEntry'> {
  if (service.registry !== 'external') return {};
  const { namespace, name } = service.object;
  const entry = ofKind(configs, 'ServiceEntry').find(({ meta }) => meta.namespace === namespace && meta.name === name);
  return entry === undefined ? {} : { serviceEntry: { name, hosts: entry.spec.hosts, location: entry.spec.location } };
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
