import type { Problem } from '@meltemi/base';
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
  const grpc = metadata['GENERATOR'] === 'grpc' || (node.user_agent_name ?? '').toLowerCase().startsWith('grpc');
  const parsed = parseId(node.id ?? '', grpc);
  if ('problem' in parsed) return parsed;
  const problem = excessOf(metadata);
  return problem === undefined ? { node: nodeOf(node, parsed, metadata) } : { problem };
}

/** Each port is a listener's chain and a cluster, and workloads say themselves which they have. */
const MAX_PORTS = 1_000;
const MAX_LABELS = 1_000;

function excessOf({ MELTEMI_PORTS: ports, LABELS: labels }: Metadata): Problem | undefined {
  const excess = (path: string, message: string): Problem => ({ code: 'MEL0901', severity: 'error', path, message });
  if (Array.isArray(ports) && ports.length > MAX_PORTS)
    return excess('node.metadata.MELTEMI_PORTS', `the node has ${ports.length} ports; at most ${MAX_PORTS} are served`);
  if (Object.keys(labels ?? {}).length > MAX_LABELS) return excess('node.metadata.LABELS', `the node has more than ${MAX_LABELS} labels`);
  return undefined;
}

/** `type~ip~name.namespace~domain`, taken apart. */
interface NodeId {
  readonly type: ProxyNode['type'];
  readonly address: string;
  readonly name: string;
  readonly namespace: string;
  readonly domain: string;
}

function parseId(id: string, grpc: boolean): NodeId | { readonly problem: Problem } {
  const [type = '', address = '', full = id, domain = ''] = id.split('~');
  const fault = grpc ? undefined : idFault(id, type, address);
  if (fault !== undefined) return { problem: { code: 'MEL0901', severity: 'error', path: 'node.id', message: fault } };
  const dot = full.lastIndexOf('.');
  const [name, namespace] = dot > 0 ? [full.slice(0, dot), full.slice(dot + 1)] : [full, 'default'];
  return { type: grpc ? 'grpc' : type === 'router' ? 'router' : 'sidecar', address, name, namespace, domain };
}

function idFault(id: string, type: string, address: string): string | undefined {
  if (id.split('~').length !== 4 || (type !== 'sidecar' && type !== 'router')) {
    return `node id "${id}" is not of the form sidecar~IP~NAME.NAMESPACE~NAMESPACE.svc.cluster.local (or router~…)`;
  }
  return isAddress(address) ? undefined : `node id "${id}" carries no IP address`;
}

function nodeOf(node: XdsNode, id: NodeId, metadata: Metadata): ProxyNode {
  const namespace = text(metadata, 'NAMESPACE', id.namespace);
  const interception = text(metadata, 'INTERCEPTION_MODE') === 'NONE' ? 'NONE' : 'REDIRECT';
  return {
    id: node.id ?? '',
    type: id.type,
    address: id.address,
    addresses: addressesOf(metadata, id.address),
    namespace,
    serviceAccount: text(metadata, 'SERVICE_ACCOUNT', 'default'),
    workload: text(metadata, 'WORKLOAD_NAME', id.name),
    labels: labelsOf(metadata['LABELS']),
    metadata: labelsOf(metadata),
    clusterId: text(metadata, 'CLUSTER_ID', 'meltemi'),
    meshId: text(metadata, 'MESH_ID', 'cluster.local'),
    dnsDomain: id.domain === '' ? `${namespace}.svc.cluster.local` : id.domain,
    locality: { region: node.locality?.region ?? '', zone: node.locality?.zone ?? '', subZone: node.locality?.sub_zone ?? '' },
    interception,
    appAddress: text(metadata, 'MELTEMI_APP_ADDRESS', id.address),
    nodeName: text(metadata, 'NODE_NAME'),
    ports: portsOf(metadata['MELTEMI_PORTS']),
    reportsHealth: metadata['MELTEMI_REPORTS_HEALTH'] === true,
    dataPlane: text(metadata, 'MELTEMI_DATA_PLANE') === 'embedded' ? 'embedded' : 'envoy',
    convertsB3: isAtLeast(text(metadata, 'MELTEMI_ENVOY_VERSION'), 1, 40),
    bindAddress: text(metadata, 'MELTEMI_BIND_ADDRESS', interception === 'NONE' ? id.address : '0.0.0.0'),
  };
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

function isAddress(value: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(value) || (value.includes(':') && /^[0-9a-fA-F:.]+$/.test(value));
}

function text(metadata: Metadata, key: string, fallback = ''): string {
  const value = metadata[key];
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function addressesOf(metadata: Metadata, address: string): readonly string[] {
  const ips = text(metadata, 'INSTANCE_IPS')
    .split(',')
    .map((ip) => ip.trim())
    .filter((ip) => ip !== '');
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
