import { addRate, createEdge, createTrafficMap, edgeKey, type GraphEdge, type GraphNode, type TrafficMap } from './types.ts';

/**
 * The workload graph (with service nodes) as a graph of services: `service → workload → service` becomes one edge. Workloads that
 * nothing calls (a gateway, a load generator) stay, as the places where traffic begins.
 */
export function reduceToServices(map: TrafficMap): TrafficMap {
  const reduced = createTrafficMap();
  const callers = new Set([...map.edges.values()].map((edge) => edge.target));
  for (const node of map.nodes.values()) if (isService(node) || !callers.has(node.id)) reduced.nodes.set(node.id, node);
  for (const node of reduced.nodes.values()) if (isService(node)) forgetSent(node);
  const services = servicesOf(map);
  for (const edge of map.edges.values()) {
    if (!isService(map.nodes.get(edge.target))) continue;
    const sources = reduced.nodes.has(edge.source) ? [edge.source] : (services.get(edge.source) ?? []);
    for (const source of sources) merge(reduced, edge, source);
  }
  return reduced;
}

function isService(node: GraphNode | undefined): boolean {
  return node?.nodeType === 'service';
}

/** What a service sends is now what its workloads send on, not what it hands to them. */
function forgetSent(node: GraphNode): void {
  for (const name of Object.keys(node.rates)) if (name.endsWith('Out')) delete node.rates[name];
}

/** The services in front of each workload. */
function servicesOf(map: TrafficMap): ReadonlyMap<string, ReadonlySet<string>> {
  const services = new Map<string, Set<string>>();
  for (const edge of map.edges.values()) {
    if (!isService(map.nodes.get(edge.source))) continue;
    const list = services.get(edge.target) ?? new Set();
    services.set(edge.target, list.add(edge.source));
  }
  return services;
}

function merge(map: TrafficMap, edge: GraphEdge, source: string): void {
  const key = edgeKey(source, edge.target, edge.protocol);
  const known = map.edges.get(key) ?? {
    ...createEdge(source, edge.target, edge.protocol),
    mtlsPercent: edge.mtlsPercent,
    sourcePrincipal: edge.sourcePrincipal,
    destPrincipal: edge.destPrincipal,
    responseTimeMs: edge.responseTimeMs,
  };
  map.edges.set(key, known);
  for (const [name, value] of Object.entries(edge.rates)) addRate(known.rates, name, value);
  const caller = map.nodes.get(source);
  if (caller?.nodeType === 'service') addRate(caller.rates, `${edge.protocol}Out`, edge.rates[edge.protocol] ?? 0);
  if (edge.throughputBps !== undefined) known.throughputBps = (known.throughputBps ?? 0) + edge.throughputBps;
  for (const [code, detail] of Object.entries(edge.responses)) {
    const into = (known.responses[code] ??= { flags: {}, hosts: {} });
    for (const [flags, value] of Object.entries(detail.flags)) addRate(into.flags, flags, value);
    for (const [host, value] of Object.entries(detail.hosts)) addRate(into.hosts, host, value);
  }
}
