import type { Problem } from '@meltemi/base';
import { parseLocality } from './locality.ts';
import { parseProtocol, selectProtocol } from './types/protocol.ts';
import type { ProxyNode, XdsNode } from './types/proxy-node.ts';
import type { Labels, WorkloadPort } from './types/service.ts';

type Metadata = Readonly<Record<string, unknown>>;

/**
 * A node from its xDS identity, or what is wrong with it. A gRPC application (metadata `GENERATOR: grpc`, or a gRPC user agent) may carry
 * an id of any form: it then counts as a client in namespace NAMESPACE or `default`.
 */
export function parseProxyNode(node: XdsNode): { readonly node: ProxyNode } | { readonly problem: Problem } {
  const metadata = node.metadata ?? {};
  const id = node.id ?? '';
  const grpc = metadata['GENERATOR'] === 'grpc' || (node.user_agent_name ?? '').toLowerCase().startsWith('grpc');
  const parts = id.split('~');
  const [type, ip, name, domain] = parts;
  if (!grpc && (parts.length !== 4 || (type !== 'sidecar' && type !== 'router'))) {
    return bad(`node id "${id}" is not of the form sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.cluster.local (or router~…)`);
  }
  if (!grpc && !isAddress(ip ?? '')) return bad(`node id "${id}" carries no IP address`);
  const dot = (name ?? '').lastIndexOf('.');
  const namespace = text(metadata, 'NAMESPACE') || (dot > 0 ? (name ?? '').slice(dot + 1) : 'default');
  const labels = labelsOf(metadata['LABELS']);
  const address = ip ?? '';
  const interception = text(metadata, 'INTERCEPTION_MODE') === 'NONE' ? 'NONE' : 'REDIRECT';
  return {
    node: {
      id,
      type: grpc ? 'grpc' : type === 'router' ? 'router' : 'sidecar',
      address,
      addresses: addressesOf(metadata, address),
      namespace,
      serviceAccount: text(metadata, 'SERVICE_ACCOUNT') || 'default',
      workload: text(metadata, 'WORKLOAD_NAME') || (dot > 0 ? (name ?? '').slice(0, dot) : (name ?? id)),
      labels,
      clusterId: text(metadata, 'CLUSTER_ID') || 'meltemi',
      meshId: text(metadata, 'MESH_ID') || 'cluster.local',
      dnsDomain: domain !== undefined && domain !== '' ? domain : `${namespace}.svc.cluster.local`,
      locality: node.locality === undefined ? parseLocality(labels['istio-locality']?.replaceAll('.', '/') ?? '') : { region: node.locality.region ?? '', zone: node.locality.zone ?? '', subZone: node.locality.sub_zone ?? '' },
      interception,
      appAddress: text(metadata, 'MELTEMI_APP_ADDRESS') || address,
      ports: portsOf(metadata['MELTEMI_PORTS']),
      dataPlane: text(metadata, 'MELTEMI_DATA_PLANE') === 'embedded' ? 'embedded' : 'envoy',
      bindAddress: text(metadata, 'MELTEMI_BIND_ADDRESS') || (interception === 'NONE' ? address : '0.0.0.0'),
    },
  };
}

function bad(message: string): { readonly problem: Problem } {
  return { problem: { code: 'MEL0901', severity: 'error', path: 'node.id', message } };
}

function isAddress(value: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(value) || (value.includes(':') && /^[0-9a-fA-F:.]+$/.test(value));
}

function text(metadata: Metadata, key: string): string {
  const value = metadata[key];
  return typeof value === 'string' ? value : '';
}

function addressesOf(metadata: Metadata, address: string): readonly string[] {
  const ips = text(metadata, 'INSTANCE_IPS').split(',').map((ip) => ip.trim()).filter((ip) => ip !== '');
  return ips.includes(address) || address === '' ? ips : [address, ...ips];
}

function labelsOf(value: unknown): Labels {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** MELTEMI_PORTS: `[{ "number": 9080, "protocol": "http", "name": "http" }]`; entries that are none are left out. */
function portsOf(value: unknown): readonly WorkloadPort[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown): WorkloadPort[] => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { number, protocol, name } = entry as Readonly<Record<string, unknown>>;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65_535) return [];
    const named = typeof name === 'string' ? { name } : {};
    const known = typeof protocol === 'string' ? parseProtocol(protocol) : undefined;
    return [{ number, protocol: known ?? selectProtocol({ number, ...named }), ...named }];
  });
}
