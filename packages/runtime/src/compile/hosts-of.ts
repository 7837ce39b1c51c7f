import type { CompiledCluster, Host } from '../compiled.ts';
import type { LocalityHosts } from '../lb/host-sets.ts';
import { createLatency } from '../lb/peak-ewma.ts';
import { createHostCounts } from '../stats/cluster-counts.ts';
import type { RuntimeCluster, RuntimeEndpoint, RuntimeEndpoints, RuntimeLocality } from '../types/cluster.ts';
import type { SocketAddress } from '../types/common.ts';
import type { UpstreamTransport } from '../types/tls.ts';
import { parseIp } from './cidr.ts';

/** Hosts by identity: those of before stay where they are the same. */
export type KnownHosts = Map<string, Host>;

function knownHosts(before: CompiledCluster | undefined): KnownHosts {
  return new Map((before?.hosts() ?? []).map((host) => [hostId(host), host]));
}

/** The hosts of a resource by locality, and those that have left it but are still known to be healthy, which stay until they fail. */
export function localitiesOf(config: RuntimeCluster, endpoints: RuntimeEndpoints, before: CompiledCluster | undefined): readonly LocalityHosts[] {
  const known = knownHosts(before);
  const localities = endpoints.localities.map((locality): LocalityHosts => ({
    region: locality.region,
    zone: locality.zone,
    subZone: locality.subZone,
    priority: locality.priority,
    weight: locality.weight ?? 0,
    hosts: locality.endpoints.map((endpoint) => hostFor({ config, known, locality }, endpoint)),
  }));
  const present = new Set(localities.flatMap((locality) => locality.hosts));
  for (const host of present) host.leaving = false;
  const staying = (before?.hosts() ?? []).filter((host) => !present.has(host) && outlivesItsEndpoint(config, host));
  for (const host of staying) host.leaving = true;
  return staying.length === 0 ? localities : [...localities, ...stayingLocalities(staying)];
}

/** Active checks are believed more than the absence from a resource, unless the cluster says otherwise. */
function outlivesItsEndpoint(config: RuntimeCluster, host: Host): boolean {
  return config.healthChecks.length > 0 && !config.ignoreHealthOnRemoval && (host.activeHealth === 'healthy' || host.activeHealth === 'degraded');
}

function stayingLocalities(hosts: readonly Host[]): readonly LocalityHosts[] {
  return hosts.map((host) => ({ ...host.locality, priority: host.priority, weight: 0, hosts: [host] }));
}

/** Same cluster, address and transport: the same host. */
function hostId(host: Pick<Host, 'key' | 'transportName'>): string {
  return `${host.key}|${host.transportName}`;
}

interface Place {
  readonly config: RuntimeCluster;
  readonly known: KnownHosts;
  readonly locality: Pick<RuntimeLocality, 'region' | 'zone' | 'subZone' | 'priority'>;
}

function hostFor({ config, known, locality }: Place, endpoint: RuntimeEndpoint): Host {
  const { name, transport } = selectTransport(config, endpoint.transportLabels);
  const key = addressKey(endpoint);
  const id = hostId({ key, transportName: name });
  const old = known.get(id);
  if (old !== undefined && sameTransport(old.transport, transport)) {
    old.endpoint = endpoint;
    old.priority = locality.priority;
    old.locality = locality;
    return old;
  }
  const host: Host = {
    endpoint,
    cluster: config.name,
    key,
    transport,
    transportName: name,
    priority: locality.priority,
    locality,
    active: 0,
    connections: 0,
    activeHealth: firstHealth(config, endpoint),
    healthySinceMs: NaN,
    latency: createLatency(),
    counts: createHostCounts(),
    ejectedUntilMs: 0,
    leaving: false,
    removed: false,
    slot: undefined,
    check: undefined,
  };
  known.set(id, host);
  return host;
}

/** With active checks a host has to pass one first. */
function firstHealth(config: RuntimeCluster, endpoint: RuntimeEndpoint): Host['activeHealth'] {
  if (config.healthChecks.length === 0 || endpoint.check.disabled) return 'unchecked';
  return config.ignoreNewHostsUntilChecked ? 'pending' : 'unhealthy';
}

function sameTransport(a: UpstreamTransport, b: UpstreamTransport): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function selectTransport(
  config: RuntimeCluster,
  labels: Readonly<Record<string, string>>,
): { readonly name: string; readonly transport: UpstreamTransport } {
  for (const match of config.transportMatches) {
    if (Object.entries(match.labels).every(([key, value]) => labels[key] === value)) return match;
  }
  return { name: '', transport: config.transport };
}

/** The transport for these labels. */
export function transportFor(config: RuntimeCluster, labels: Readonly<Record<string, string>>): UpstreamTransport {
  return selectTransport(config, labels).transport;
}

function addressKey(endpoint: RuntimeEndpoint): string {
  const { address } = endpoint;
  if (address.t === 'internal') return `envoy://${address.listener}/${address.id}`;
  return address.t === 'pipe' ? address.path : formatAddress(address);
}

export function formatAddress(address: SocketAddress): string {
  return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

/** `1.2.3.4:80` or `[::1]:80`; undefined = it is none. */
export function parseAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text.trim());
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? NaN);
  return parseIp(address) === undefined || !(port > 0 && port <= 65_535) ? undefined : { address, port };
}

const NOWHERE = { region: '', zone: '', subZone: '', priority: 0 };

/** A host that no resource names: an original destination, or an address that a name was looked up to have. */
export function looseHost(config: RuntimeCluster, address: SocketAddress, hostname = ''): Host {
  const endpoint: RuntimeEndpoint = {
    address: { t: 'socket', ...address },
    hostname,
    health: 'unknown',
    weight: 1,
    transportLabels: {},
    metadata: {},
    check: { port: 0, address: '', hostname: '', disabled: true },
  };
  return hostFor({ config, known: new Map(), locality: NOWHERE }, endpoint);
}
