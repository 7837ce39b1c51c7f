import type { CompiledCluster, Host } from '../compiled.ts';
import { buildLevels, type Levels, type LocalityHosts } from '../lb/levels.ts';
import { createOutlierDetector } from '../lb/outlier.ts';
import type { Picker } from '../lb/picker.ts';
import type { RuntimeCluster, RuntimeEndpoint, RuntimeEndpoints } from '../types/cluster.ts';
import type { SocketAddress } from '../types/common.ts';
import type { UpstreamTransport } from '../types/tls.ts';

/** A cluster with its hosts. `before` hands its hosts over where they stay the same, so that connections and counts survive. */
export function compileCluster(
  config: RuntimeCluster,
  endpoints: RuntimeEndpoints,
  before: CompiledCluster | undefined,
  start: number,
): CompiledCluster {
  const known = new Map((before?.hosts() ?? []).map((host) => [hostId(host), host]));
  const usage = before?.usage ?? { connections: 0, pending: 0, requests: 0, retries: 0 };
  if (config.discovery.t === 'original-dst') return originalDstCluster(config, known, usage);
  const localities: LocalityHosts[] = endpoints.localities.map((locality) => ({
    priority: locality.priority,
    weight: locality.weight,
    hosts: locality.endpoints.map((endpoint) => hostFor(config, endpoint, known)),
  }));
  const all = localities.flatMap((locality) => locality.hosts);
  const balance = createBalance(config, endpoints, localities, start);
  const detector = config.outlier === undefined ? undefined : createOutlierDetector(config.outlier);
  const dropped = endpoints.drops.map((drop) => drop.fraction);
  return {
    config,
    usage,
    hosts: () => all,
    pick: balance.pick,
    originalDst: (address) => looseHost(config, address),
    drop: dropped.length === 0 ? () => false : (random) => drops(dropped, random),
    report(host, outcome, nowMs) {
      if (detector?.report(host, outcome, all, nowMs) === true) balance.rebuild(nowMs);
    },
  };
}

interface Balance {
  readonly pick: CompiledCluster['pick'];
  rebuild(nowMs: number): void;
}

/** Rebuilds the pickers when an ejection begins or ends; in between a pick costs a comparison and a draw. */
function createBalance(config: RuntimeCluster, endpoints: RuntimeEndpoints, localities: readonly LocalityHosts[], start: number): Balance {
  const all = localities.flatMap((locality) => locality.hosts);
  let levels: Levels | undefined;
  let validUntilMs = Infinity;
  const rebuild = (nowMs: number): void => {
    levels = buildLevels({ config, overprovisioningPercent: endpoints.overprovisioningPercent, localities, start }, nowMs);
    validUntilMs = Infinity;
    for (const host of all) if (host.ejectedUntilMs > nowMs) validUntilMs = Math.min(validUntilMs, host.ejectedUntilMs);
  };
  return {
    rebuild,
    pick(random, nowMs, avoid) {
      if (levels === undefined || nowMs >= validUntilMs) rebuild(nowMs);
      const picker = levels?.choose(random);
      if (avoid === undefined || avoid.length === 0) return picker?.pick(random);
      return picker === undefined ? undefined : pickAnother(picker, random, avoid);
    },
  };
}

/** A few draws; when they find only hosts that were tried, any other there is; when there is none, a tried one. */
function pickAnother(picker: Picker, random: () => number, avoid: readonly Host[]): Host | undefined {
  let host = picker.pick(random);
  for (let more = 0; more < 3 && host !== undefined && avoid.includes(host); more++) host = picker.pick(random);
  if (host === undefined || !avoid.includes(host)) return host;
  return picker.hosts.find((other) => !avoid.includes(other)) ?? host;
}

/** Categories drop one after the other, of what is left. */
function drops(fractions: readonly number[], random: number): boolean {
  const kept = fractions.reduce((share, fraction) => share * (1 - fraction), 1);
  return random >= kept;
}

/** Same cluster, address and transport: the same host. */
function hostId(host: Host): string {
  return `${host.key}|${host.transportName}`;
}

function hostFor(config: RuntimeCluster, endpoint: RuntimeEndpoint, known: Map<string, Host>): Host {
  const { name, transport } = selectTransport(config, endpoint.transportLabels);
  const key = addressKey(endpoint);
  const id = `${key}|${name}`;
  const old = known.get(id);
  if (old !== undefined && sameTransport(old.transport, transport)) {
    old.endpoint = endpoint;
    return old;
  }
  const host: Host = {
    endpoint,
    cluster: config.name,
    key,
    transport,
    transportName: name,
    active: 0,
    ejectedUntilMs: 0,
    removed: false,
    slot: undefined,
  };
  known.set(id, host);
  return host;
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

function addressKey(endpoint: RuntimeEndpoint): string {
  const { address } = endpoint;
  return address.t === 'pipe' ? address.path : formatAddress(address);
}

export function formatAddress(address: SocketAddress): string {
  return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

function looseHost(config: RuntimeCluster, address: SocketAddress): Host {
  const endpoint: RuntimeEndpoint = { address: { t: 'socket', ...address }, hostname: '', health: 'healthy', weight: 1, transportLabels: {} };
  return hostFor(config, endpoint, new Map());
}

/** Destinations idle and beyond this many are forgotten, oldest first: a scanner must not fill the memory. */
const MAX_ORIGINAL_DESTINATIONS = 1024;

function originalDstCluster(config: RuntimeCluster, known: Map<string, Host>, usage: CompiledCluster['usage']): CompiledCluster {
  const port = config.discovery.t === 'original-dst' ? config.discovery.portOverride : undefined;
  const detector = config.outlier === undefined ? undefined : createOutlierDetector(config.outlier);
  const originalDst = (destination: SocketAddress): Host => {
    const address = port === undefined ? destination : { address: destination.address, port };
    const id = `${formatAddress(address)}|`;
    const old = known.get(id);
    if (old !== undefined) return old;
    if (known.size >= MAX_ORIGINAL_DESTINATIONS) forgetOne(known);
    const host = looseHost(config, address);
    known.set(hostId(host), host);
    return host;
  };
  return {
    config,
    usage,
    pick: () => undefined,
    originalDst,
    drop: () => false,
    hosts: () => [...known.values()],
    report(host, outcome, nowMs) {
      detector?.report(host, outcome, [...known.values()], nowMs);
    },
  };
}

function forgetOne(known: Map<string, Host>): void {
  for (const [id, host] of known) {
    if (host.active > 0) continue;
    host.removed = true;
    known.delete(id);
    return;
  }
}
