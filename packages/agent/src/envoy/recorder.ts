import {
  createPeer,
  createStandardMetrics,
  type DestinationService,
  type MetricRegistry,
  type Peer,
  type WorkloadLabels,
} from '@meltemi/telemetry/recording';
import type { LogEntry } from './access-log-entry.ts';
import { type Clients, NOBODY } from './clients.ts';
import type { KnownEndpoint, MeshFacts } from './mesh-facts.ts';

export interface RecorderOptions {
  readonly registry: MetricRegistry;
  readonly local: WorkloadLabels;
  /** The workload's own SPIFFE ID. */
  readonly principal: string;
  readonly gateway: boolean;
  readonly facts: MeshFacts;
  readonly clients: Clients;
  readonly now: () => number;
}

/** Makes Istio's standard metrics out of Envoy's access-log entries, with the labels that our own proxy gives them. */
export interface Recorder {
  record(entry: LogEntry, direction: 'inbound' | 'outbound'): void;
}

/** `AccessLogType` of entries. */
const TYPE = { connected: 1, tcpPeriodic: 2, requestStarted: 4, requestPeriodic: 5 } as const;
const PASSTHROUGH = new Set(['PassthroughCluster', 'BlackHoleCluster', 'InboundPassthroughCluster']);
/** The virtual host of what REGISTRY_ONLY refuses. It answers by itself; in metrics that is the cluster that leads nowhere. */
const BLOCKED = 'block_all';
const MAX_OPEN = 10_000;

export function createRecorder(options: RecorderOptions): Recorder {
  const { facts, clients, now } = options;
  const metrics = createStandardMetrics({ registry: options.registry, local: options.local, now });
  const nobody = createPeer(0, NOBODY);
  const servers = new WeakMap<KnownEndpoint, Peer>();
  /** Connections that were told of before their end. */
  const open = new Map<string, { received: number; sent: number }>();

  const serverPeer = (endpoint: KnownEndpoint | undefined): Peer => {
    if (endpoint === undefined) return nobody;
    let peer = servers.get(endpoint);
    if (peer === undefined) servers.set(endpoint, (peer = createPeer(now(), endpoint.labels ?? NOBODY)));
    return peer;
  };

  const edgeOf = (entry: LogEntry, direction: 'inbound' | 'outbound'): ReturnType<typeof metrics.edge> => {
    const protocol = entry.protocol === 'tcp' ? 'tcp' : entry.grpc ? 'grpc' : 'http';
    const service = destinationService(entry, direction, options);
    if (direction === 'inbound') {
      const peer = clients.peer(entry.directRemote === '' ? entry.remote : entry.directRemote, entry.peerUri, now());
      const security = entry.peerUri === '' ? 'none' : 'mutual_tls';
      const principals = { sourcePrincipal: entry.peerUri, destinationPrincipal: entry.localUri };
      return metrics.edge({ reporter: 'destination', peer, service, protocol, security, ...principals });
    }
    const endpoint = facts.endpoint(entry.upstreamCluster, entry.upstream);
    // The log tells nothing of the upstream's certificate; the cluster insists on the endpoint's identity when it speaks mutual TLS.
    const mutual = endpoint !== undefined && endpoint.mesh && facts.autoMtls(entry.upstreamCluster);
    const principals = mutual
      ? { sourcePrincipal: options.principal, destinationPrincipal: endpoint.principal }
      : { sourcePrincipal: '', destinationPrincipal: '' };
    return metrics.edge({ reporter: 'source', peer: serverPeer(endpoint), service, protocol, security: 'unknown', ...principals });
  };

  const recordTcp = (entry: LogEntry, direction: 'inbound' | 'outbound'): void => {
    const edge = edgeOf(entry, direction);
    const before = open.get(entry.streamId);
    if (before === undefined) edge.tcpOpened();
    edge.tcpBytes(Math.max(0, entry.received - (before?.received ?? 0)), Math.max(0, entry.sent - (before?.sent ?? 0)));
    if (entry.type === TYPE.connected || entry.type === TYPE.tcpPeriodic) {
      for (const oldest of open.size >= MAX_OPEN ? open.keys() : []) {
        open.delete(oldest);
        break;
      }
      open.set(entry.streamId, { received: entry.received, sent: entry.sent });
      return;
    }
    open.delete(entry.streamId);
    edge.tcpClosed(entry.flags);
  };

  return {
    record(entry, direction) {
      if (entry.protocol === 'tcp') return recordTcp(entry, direction);
      if (entry.type === TYPE.requestStarted || entry.type === TYPE.requestPeriodic) return;
      const grpcStatus = entry.grpc ? (entry.grpcStatus ?? 2) : undefined;
      const { responseCode, flags, durationMs, requestBytes, responseBytes } = entry;
      edgeOf(entry, direction).request({ responseCode, flags, grpcStatus, durationMs, requestBytes, responseBytes });
    },
  };
}

/** The rules are our own proxy's: a cluster of one service says which; a gateway's host header never becomes a label. */
function destinationService(entry: LogEntry, direction: 'inbound' | 'outbound', options: RecorderOptions): DestinationService {
  const services = options.facts.services(entry.upstreamCluster);
  const host = entry.authority.replace(/:\d+$/, '');
  const [first] = services;
  if (first !== undefined) {
    if (services.length === 1 || host === '') return first;
    return (
      services.find((service) => service.host === host || service.name === host || host.startsWith(`${service.name}.${service.namespace}`)) ?? first
    );
  }
  const named = entry.upstreamCluster === '' && entry.virtualHost === BLOCKED ? 'BlackHoleCluster' : entry.upstreamCluster;
  if (PASSTHROUGH.has(named)) return { host, name: named, namespace: '' };
  return direction === 'outbound' && !options.gateway ? { host, name: host, namespace: '' } : { host: '', name: '', namespace: '' };
}
