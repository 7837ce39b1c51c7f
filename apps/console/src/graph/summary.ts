import { NO_RATES, type GraphEdge, type GraphModel, type GraphNode, type Protocol, type Rates } from './model.ts';

export interface TrafficSummary {
  readonly http: Rates;
  readonly grpc: Rates;
  /** Bytes per second. */
  readonly tcp: number;
}

export interface GraphCounts {
  readonly apps: number;
  readonly services: number;
  readonly workloads: number;
  readonly edges: number;
}

/** "9 apps, 5 services, 14 edges": nodes by kind, boxes not counted. */
export function countGraph(model: GraphModel): GraphCounts {
  const counts = { apps: 0, services: 0, workloads: 0, edges: model.edges.size };
  for (const node of model.nodes.values()) {
    if (node.box !== undefined) continue;
    if (node.data.nodeType === 'app') counts.apps += 1;
    else if (node.data.nodeType === 'service' || node.data.nodeType === 'serviceentry') counts.services += 1;
    else if (node.data.nodeType === 'workload') counts.workloads += 1;
  }
  return counts;
}

function addRates(a: Rates, b: Rates): Rates {
  return {
    total: a.total + b.total,
    ok: a.ok + b.ok,
    redirect: a.redirect + b.redirect,
    clientError: a.clientError + b.clientError,
    serverError: a.serverError + b.serverError,
    noResponse: a.noResponse + b.noResponse,
  };
}

export function sumEdges(edges: Iterable<GraphEdge>): TrafficSummary {
  const sum: Record<Protocol, Rates> = { http: NO_RATES, grpc: NO_RATES, tcp: NO_RATES };
  for (const edge of edges) {
    if (edge.protocol !== undefined) sum[edge.protocol] = addRates(sum[edge.protocol], edge.rates);
  }
  return { http: sum.http, grpc: sum.grpc, tcp: sum.tcp.total };
}

/** All traffic of the graph, each request once: what leaves an injected service node has entered it already. */
export function totalTraffic(model: GraphModel): TrafficSummary {
  return sumEdges([...model.edges.values()].filter((edge) => model.nodes.get(edge.source)?.service !== true));
}

/** What comes into a set of nodes from outside it, and what leaves it. */
export function crossTraffic(
  model: GraphModel,
  inside: (node: GraphNode) => boolean,
): { readonly inbound: TrafficSummary; readonly outbound: TrafficSummary } {
  const inbound: GraphEdge[] = [];
  const outbound: GraphEdge[] = [];
  for (const edge of model.edges.values()) {
    const [source, target] = [model.nodes.get(edge.source), model.nodes.get(edge.target)];
    if (source === undefined || target === undefined) continue;
    const [from, to] = [inside(source), inside(target)];
    if (!from && to) inbound.push(edge);
    if (from && !to) outbound.push(edge);
  }
  return { inbound: sumEdges(inbound), outbound: sumEdges(outbound) };
}

/** Everything that lies inside a box, boxes in boxes included. */
export function membersOf(model: GraphModel, boxId: string): ReadonlySet<string> {
  const members = new Set<string>();
  for (const node of model.nodes.values()) {
    for (let up = node.parent; up !== undefined; up = model.nodes.get(up)?.parent) {
      if (up !== boxId) continue;
      members.add(node.id);
      break;
    }
  }
  return members;
}
