import { HEALTH_ANNOTATION, overallHealth, requestsHealth, tolerancesOf, worse } from '../../health/rules.ts';
import type { RatesByCode, RequestHealth } from '../../health/types.ts';
import type { GraphEdge, GraphNode, TrafficMap } from '../types.ts';
import { nameKey, workloadsOf, type Appender, type AppenderContext } from './context.ts';

/** Health of nodes and edges from the traffic of the graph's own window and from replicas. */
export const healthAppender: Appender = {
  name: 'health',
  run(map, context) {
    const inbound = Map.groupBy(map.edges.values(), (edge) => edge.target);
    const outbound = Map.groupBy(map.edges.values(), (edge) => edge.source);
    for (const node of map.nodes.values()) {
      if (node.nodeType === 'unknown') continue;
      const workloads = workloadsOf(context, node).map((one) => one.status);
      const requests: RequestHealth = {
        inbound: ratesOf(inbound.get(node.id) ?? []),
        // What a service node "sends" is what it received.
        outbound: node.nodeType === 'service' ? {} : ratesOf(outbound.get(node.id) ?? []),
        healthAnnotations: annotationsOf(context, node),
      };
      node.health = { status: overallHealth(requests, workloads), requests, workloads };
    }
    for (const edge of map.edges.values()) edge.health = edgeHealth(map, edge);
  },
};

function annotationsOf(context: AppenderContext, node: GraphNode): Readonly<Record<string, string>> {
  const annotations =
    node.nodeType === 'service'
      ? context.services.get(nameKey(node.cluster, node.namespace, node.service))?.annotations
      : workloadsOf(context, node)[0]?.annotations;
  const rate = annotations?.[HEALTH_ANNOTATION];
  return rate === undefined ? {} : { [HEALTH_ANNOTATION]: rate };
}

function ratesOf(edges: readonly GraphEdge[]): RatesByCode {
  const rates: RatesByCode = {};
  for (const edge of edges) {
    if (edge.protocol === 'tcp') continue;
    const codes = (rates[edge.protocol] ??= {});
    for (const [code, detail] of Object.entries(edge.responses)) {
      const total = Object.values(detail.flags).reduce((a, b) => a + b, 0);
      codes[code] = (codes[code] ?? 0) + total;
    }
  }
  return rates;
}

function edgeHealth(map: TrafficMap, edge: GraphEdge): GraphEdge['health'] {
  const rates = ratesOf([edge]);
  const annotations = (id: string): Readonly<Record<string, string>> => map.nodes.get(id)?.health?.requests.healthAnnotations ?? {};
  const source = requestsHealth(rates, 'outbound', tolerancesOf(annotations(edge.source)));
  const target = requestsHealth(rates, 'inbound', tolerancesOf(annotations(edge.target)));
  return worse(source, target);
}
