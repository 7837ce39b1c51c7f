import type { Config } from '@meltemi/api';
import type { KubernetesServiceSpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import { selectProtocol } from '../types/protocol.ts';
import type { Service, ServicePort } from '../types/service.ts';

/** `reviews.bookinfo.svc.cluster.local`. */
export function kubernetesHostname(name: string, namespace: string, domainSuffix: string): string {
  return `${name}.${namespace}.svc.${domainSuffix}`;
}

/** A Kubernetes Service as a service of the mesh, still without its virtual address. Kubernetes' own addresses mean nothing outside of a cluster. */
export function serviceFromKubernetes(config: Config<KubernetesServiceSpec>, mesh: MeshConfig): Service {
  const { name, namespace, labels, annotations } = config.meta;
  const { spec } = config;
  const externalName = spec.type === 'ExternalName' ? spec.externalName?.toLowerCase().replace(/\.$/, '') : undefined;
  const exportTo = listOf(annotations['networking.istio.io/exportTo'] ?? '');
  return {
    hostname: kubernetesHostname(name, namespace, mesh.domainSuffix),
    name,
    namespace,
    ports: (spec.ports ?? []).filter((port) => port.protocol !== 'SCTP').map(portOf),
    resolution: externalName === undefined ? 'static' : 'dns',
    addresses: [],
    vip: undefined,
    selector: externalName === undefined ? spec.selector : undefined,
    labels,
    external: externalName !== undefined,
    headless: spec.clusterIP === 'None' && externalName === undefined,
    ...endpointRules(spec),
    subjectAltNames: [],
    endpoints: externalName === undefined ? [] : [{ address: externalName, ports: {}, labels: {}, locality: '', weight: 1, serviceAccount: '' }],
    exportTo: exportTo.length === 0 ? mesh.defaultServiceExportTo : exportTo,
    registry: 'kubernetes',
    createdAt: config.meta.creationTimestamp ?? '~',
    object: { kind: 'Service', namespace, name },
    origin: config.origin,
  };
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function endpointRules(spec: KubernetesServiceSpec): Pick<Service, 'trafficDistribution' | 'nodeLocal' | 'publishNotReady'> {
  const near = spec.trafficDistribution;
  return {
    ...(near === undefined ? {} : { trafficDistribution: near === 'PreferSameNode' ? 'node' : 'zone' }),
    ...(spec.internalTrafficPolicy === 'Local' ? { nodeLocal: true } : {}),
    ...(spec.publishNotReadyAddresses === true ? { publishNotReady: true } : {}),
  };
}

function portOf(port: NonNullable<KubernetesServiceSpec['ports']>[number]): ServicePort {
  const protocol = selectProtocol({
    number: port.port,
    transport: port.protocol,
    ...(port.name === undefined ? {} : { name: port.name }),
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  });
  return { name: port.name ?? '', number: port.port, protocol, targetPort: port.targetPort ?? port.port };
}
