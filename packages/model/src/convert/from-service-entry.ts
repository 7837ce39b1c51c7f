import type { Config } from '@meltemi/api';
import { isWildcard } from '../hostname.ts';
import type { ServiceEntrySpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import { parseProtocol, selectProtocol } from '../types/protocol.ts';
import type { InlineEndpoint, Resolution, Service } from '../types/service.ts';

const RESOLUTIONS: Readonly<Record<ServiceEntrySpec['resolution'], Resolution>> = {
  NONE: 'none',
  STATIC: 'static',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  // Nothing is known of the hosts before they are called.
  DYNAMIC_DNS: 'none',
};

/** The services of a ServiceEntry, one for each host, still without virtual addresses. */
export function servicesFromServiceEntry(config: Config<ServiceEntrySpec>, mesh: MeshConfig): readonly Service[] {
  const { name, namespace, labels } = config.meta;
  const { spec } = config;
  return spec.hosts.map((host): Service => ({
    hostname: host.toLowerCase(),
    name,
    namespace,
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name,
      number: port.number,
      protocol: (port.protocol === undefined ? undefined : parseProtocol(port.protocol)) ?? selectProtocol({ number: port.number, name: port.name }),
      targetPort: port.targetPort ?? port.number,
    })),
    resolution: RESOLUTIONS[spec.resolution],
    ...(spec.resolution === 'DYNAMIC_DNS' ? { dynamicDns: true } : {}),
    addresses: spec.addresses ?? [],
    vip: undefined,
    selector: spec.workloadSelector?.labels,
    labels,
    external: spec.location === 'MESH_EXTERNAL',
    headless: false,
    subjectAltNames: spec.subjectAltNames ?? [],
    endpoints: endpointsOf(spec, host),
    exportTo: spec.exportTo === undefined || spec.exportTo.length === 0 ? mesh.defaultServiceExportTo : spec.exportTo,
    registry: 'external',
    createdAt: config.meta.creationTimestamp ?? '~',
    object: { kind: 'ServiceEntry', namespace, name },
    origin: config.origin,
  }));
}

function endpointsOf(spec: ServiceEntrySpec, host: string): readonly InlineEndpoint[] {
  const listed = spec.endpoints ?? [];
  const byName = spec.resolution === 'DNS' || spec.resolution === 'DNS_ROUND_ROBIN';
  if (listed.length === 0 && byName && spec.workloadSelector === undefined && !isWildcard(host)) {
    return [{ address: host.toLowerCase(), ports: {}, labels: {}, locality: '', weight: 1, serviceAccount: '' }];
  }
  return listed.flatMap((entry): InlineEndpoint[] =>
    entry.address === undefined
      ? []
      : [
          {
            address: entry.address,
            ports: entry.ports ?? {},
            labels: entry.labels ?? {},
            locality: entry.locality ?? '',
            weight: Math.max(1, entry.weight ?? 1),
            serviceAccount: entry.serviceAccount ?? '',
          },
        ],
  );
}
