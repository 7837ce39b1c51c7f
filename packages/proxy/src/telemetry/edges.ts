import { createPeer, type EdgeRecorder, type Peer, type StandardMetrics, type WorkloadLabels } from '@meltemi/telemetry/recording';
import type { CompiledCluster, Host, WorkloadRef } from '@meltemi/runtime';
import type { StreamInfo } from '../types.ts';
import type { ClientPeers } from './peers.ts';
import { destinationService } from './services.ts';

export interface EdgesOptions {
  readonly metrics: StandardMetrics;
  readonly clients: ClientPeers;
  readonly gateway: boolean;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

/** The recorder that a stream is counted in. */
export type EdgeOf = (info: StreamInfo) => EdgeRecorder;

/** What tells recorders apart. */
interface Facts {
  readonly inbound: boolean;
  readonly cluster: CompiledCluster | undefined;
  readonly clusterName: string;
  readonly protocol: 'http' | 'grpc' | 'tcp';
  readonly workload: WorkloadRef | undefined;
  /** SPIFFE IDs, '' = none. */
  readonly source: string;
  readonly destination: string;
  /** The host asked for; '' where the cluster already tells the service. */
  readonly authority: string;
}

interface Recent extends Facts {
  readonly edge: EdgeRecorder;
}

/** Recorders of one peer, by everything else. */
type PeerEdges = Map<string, EdgeRecorder>;
const MAX_EDGES = 1_000;

const UNNAMED: WorkloadLabels = { workload: '', namespace: '', app: '', version: '', canonicalService: '', canonicalRevision: '', cluster: '' };

/** Most requests have everything in common with the one before on the same connection (inbound) or to the same host (outbound). */
export function createEdges(options: EdgesOptions): EdgeOf {
  const find = createFinder(options);
  const recent = new WeakMap<object, Recent>();
  return (info) => {
    const facts = factsOf(info);
    const near: object = facts.inbound ? info.connection : (info.host ?? info.connection);
    const last = recent.get(near);
    if (last !== undefined && same(last, facts)) return last.edge;
    const edge = find(info, facts);
    recent.set(near, { ...facts, edge });
    return edge;
  };
}

function factsOf(info: StreamInfo): Facts {
  const inbound = info.chain.listener.direction === 'inbound';
  const { cluster, host } = info;
  const tls = inbound ? info.connection.tls : info.upstreamTls;
  const peer = tls?.peerUri ?? '';
  const own = tls?.localUri ?? '';
  return {
    inbound,
    cluster,
    clusterName: info.clusterName,
    protocol: protocolOf(info),
    workload: host?.endpoint.workload,
    source: inbound ? peer : own,
    destination: inbound ? own : peer,
    authority: cluster?.config.services.length === 1 ? '' : info.authority,
  };
}

function protocolOf(info: StreamInfo): Facts['protocol'] {
  if (info.protocol === 'tcp') return 'tcp';
  return info.grpc ? 'grpc' : 'http';
}

/** Field by field: a loop over names would look each up anew, on every request. */
function same(a: Facts, b: Facts): boolean {
  return (
    a.cluster === b.cluster &&
    a.clusterName === b.clusterName &&
    a.protocol === b.protocol &&
    a.workload === b.workload &&
    a.source === b.source &&
    a.destination === b.destination &&
    a.authority === b.authority
  );
}

function createFinder({ metrics, clients, gateway, now }: EdgesOptions): (info: StreamInfo, facts: Facts) => EdgeRecorder {
  const serverPeer = createServerPeers(now);
  const edges = new WeakMap<Peer, PeerEdges>();
  return (info, facts) => {
    const { inbound, protocol, source, destination } = facts;
    const peer = inbound ? clients.peer(info.connection.remoteAddress, source, now()) : serverPeer(info.host);
    // Only the server's side knows for certain whether the connection proved both ends.
    const security = inbound ? (source === '' ? 'none' : 'mutual_tls') : 'unknown';
    let byPeer = edges.get(peer);
    if (byPeer === undefined) edges.set(peer, (byPeer = new Map()));
    const key = [inbound, facts.clusterName, protocol, security, source, destination, facts.authority].join('|');
    const known = byPeer.get(key);
    if (known !== undefined) return known;
    const reporter = inbound ? 'destination' : 'source';
    const edge = metrics.edge({
      reporter,
      peer,
      service: destinationService(info, gateway),
      protocol,
      security,
      sourcePrincipal: source,
      destinationPrincipal: destination,
    });
    // Hosts that clients invent must not fill the memory; the registry has its own bound on series.
    if (byPeer.size >= MAX_EDGES) byPeer.clear();
    byPeer.set(key, edge);
    return edge;
  };
}

/** Servers: endpoint metadata comes with the host, so the labels are there at once; a later resource may change them. */
function createServerPeers(now: () => number): (host: Host | undefined) => Peer {
  const peers = new WeakMap<Host, { readonly workload: WorkloadRef | undefined; readonly peer: Peer }>();
  const nobody = createPeer(0, UNNAMED);
  return (host) => {
    if (host === undefined) return nobody;
    const { workload } = host.endpoint;
    let known = peers.get(host);
    if (known === undefined || known.workload !== workload) {
      known = { workload, peer: createPeer(now(), workload === undefined ? UNNAMED : labelsOf(workload)) };
      peers.set(host, known);
    }
    return known.peer;
  };
}

function labelsOf(workload: WorkloadRef): WorkloadLabels {
  const { name, namespace, app, version, canonicalName, canonicalRevision, cluster } = workload;
  return { workload: name, namespace, app, version, canonicalService: canonicalName, canonicalRevision, cluster };
}
