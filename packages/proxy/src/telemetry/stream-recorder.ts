import { createPeer, type EdgeRecorder, type Peer, type StandardMetrics, type WorkloadLabels } from '@meltemi/telemetry/recording';
import type { CompiledCluster, Host, WorkloadRef } from '@meltemi/runtime';
import { formatFlags, type StreamInfo, type StreamSink } from '../types.ts';
import type { ClientPeers } from './peers.ts';
import { destinationService } from './services.ts';
import type { SpanMaker } from './spans.ts';

export interface StreamRecorderOptions {
  readonly metrics: StandardMetrics;
  readonly clients: ClientPeers;
  readonly spans: SpanMaker;
  readonly gateway: boolean;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

/** Turns finished streams into metrics and spans. The request path pays for two map look-ups and a few additions. */
export interface StreamRecorder extends StreamSink {
  /** Counts the bytes of TCP connections that are still open; once a second. */
  flushOpen(): void;
  readonly openTcp: number;
}

interface OpenTcp {
  readonly edge: EdgeRecorder;
  received: number;
  sent: number;
}

/** Recorders of one host or client, by what else tells requests apart. */
type Edges = Map<string, EdgeRecorder>;
const MAX_EDGES = 1_000;

/** What tells the recorders of one peer apart, besides cluster and protocol. */
interface Facts {
  readonly inbound: boolean;
  readonly source: string;
  readonly destination: string;
  readonly authority: string;
}

interface Recent extends Facts {
  readonly cluster: CompiledCluster | undefined;
  readonly clusterName: string;
  readonly grpc: boolean;
  readonly workload: WorkloadRef | undefined;
  readonly edge: EdgeRecorder;
}

const UNNAMED: WorkloadLabels = { workload: '', namespace: '', app: '', version: '', canonicalService: '', canonicalRevision: '', cluster: '' };

export function createStreamRecorder(options: StreamRecorderOptions): StreamRecorder {
  const { metrics, clients, spans, now } = options;
  const hostPeers = new WeakMap<Host, { readonly workload: WorkloadRef | undefined; readonly peer: Peer }>();
  const nobody = createPeer(0, UNNAMED);
  const edges = new WeakMap<Peer, Edges>();
  const recent = new WeakMap<object, Recent>();
  const open = new Map<StreamInfo, OpenTcp>();
  const pending = new Set<StreamInfo>();

  /** Endpoint metadata comes with the host, so its labels are there at once; they may change with a later resource. */
  const serverPeer = (host: Host | undefined): Peer => {
    if (host === undefined) return nobody;
    const { workload } = host.endpoint;
    let known = hostPeers.get(host);
    if (known === undefined || known.workload !== workload) {
      known = { workload, peer: createPeer(now(), workload === undefined ? UNNAMED : labelsOf(workload)) };
      hostPeers.set(host, known);
    }
    return known.peer;
  };

  const findEdge = (info: StreamInfo, facts: Facts): EdgeRecorder => {
    const { inbound, source, destination, authority } = facts;
    const { tls, remoteAddress } = info.connection;
    const peer = inbound ? clients.peer(remoteAddress, tls?.peerUri ?? '', now()) : serverPeer(info.host);
    const security = inbound ? (tls !== undefined && tls.peerUri !== '' ? 'mutual_tls' : 'none') : 'unknown';
    const protocol = info.protocol === 'tcp' ? 'tcp' : info.grpc ? 'grpc' : 'http';
    let byPeer = edges.get(peer);
    if (byPeer === undefined) edges.set(peer, (byPeer = new Map()));
    const key = `${info.clusterName}|${protocol}|${security}|${source}|${destination}|${authority}|${inbound ? 'i' : 'o'}`;
    let edge = byPeer.get(key);
    if (edge === undefined) {
      const reporter = inbound ? 'destination' : 'source';
      const service = destinationService(info, options.gateway);
      edge = metrics.edge({ reporter, peer, service, protocol, security, sourcePrincipal: source, destinationPrincipal: destination });
      // Hosts that clients invent must not fill the memory; the registry has its own bound on series.
      if (byPeer.size >= MAX_EDGES) byPeer.clear();
      byPeer.set(key, edge);
    }
    return edge;
  };

  /** Most requests have everything in common with the one before on the same connection or to the same host. */
  const edgeOf = (info: StreamInfo): EdgeRecorder => {
    const inbound = info.chain.listener.direction === 'inbound';
    const near: object = inbound ? info.connection : (info.host ?? info.connection);
    const tls = inbound ? info.connection.tls : info.upstreamTls;
    const source = (inbound ? tls?.peerUri : tls?.localUri) ?? '';
    const destination = (inbound ? tls?.localUri : tls?.peerUri) ?? '';
    // The host asked for tells services apart only where the cluster does not.
    const authority = info.cluster?.config.services.length === 1 ? '' : info.authority;
    const workload = info.host?.endpoint.workload;
    const last = recent.get(near);
    if (
      last !== undefined && last.cluster === info.cluster && last.clusterName === info.clusterName && last.grpc === info.grpc && last.workload === workload &&
      last.source === source && last.destination === destination && last.authority === authority
    ) {
      return last.edge;
    }
    const facts: Facts = { inbound, source, destination, authority };
    const edge = findEdge(info, facts);
    recent.set(near, { ...facts, cluster: info.cluster, clusterName: info.clusterName, grpc: info.grpc, workload, edge });
    return edge;
  };

  const addBytes = (info: StreamInfo, tcp: OpenTcp): void => {
    const received = info.bytesReceived - tcp.received;
    const sent = info.bytesSent - tcp.sent;
    if (received === 0 && sent === 0) return;
    tcp.edge.tcpBytes(received, sent);
    tcp.received = info.bytesReceived;
    tcp.sent = info.bytesSent;
  };

  const openTcp = (info: StreamInfo): OpenTcp => {
    let tcp = open.get(info);
    if (tcp === undefined) {
      tcp = { edge: edgeOf(info), received: 0, sent: 0 };
      tcp.edge.tcpOpened();
      open.set(info, tcp);
    }
    return tcp;
  };

  return {
    /** The upstream is chosen a little later: who it is counts, so the connection is counted at the next tick or at its end. */
    onTcpOpen(info) {
      pending.add(info);
    },
    onStreamEnd(info) {
      if (info.protocol === 'tcp') {
        pending.delete(info);
        const tcp = openTcp(info);
        addBytes(info, tcp);
        tcp.edge.tcpClosed(formatFlags(info.flags));
        open.delete(info);
        return;
      }
      const grpcStatus = info.grpc ? Number(info.grpcStatus === '' ? 2 : info.grpcStatus) : undefined;
      edgeOf(info).request(info.responseCode, formatFlags(info.flags), grpcStatus, info.endMs - info.startMs, info.bytesReceived, info.bytesSent);
      if (info.trace?.sampled === true) spans.record(info);
    },
    flushOpen() {
      for (const info of pending) openTcp(info);
      pending.clear();
      for (const [info, tcp] of open) addBytes(info, tcp);
    },
    get openTcp() {
      return open.size + pending.size;
    },
  };
}

export function labelsOf(workload: WorkloadRef): WorkloadLabels {
  const { name, namespace, app, version, canonicalName, canonicalRevision, cluster } = workload;
  return { workload: name, namespace, app, version, canonicalService: canonicalName, canonicalRevision, cluster };
}
