import type { GraphEdge, GraphModel, GraphNode } from '../model.ts';
import type { FindContext } from './operands.ts';
import type { FindQuery } from './parse.ts';

/** Ids of what a query selects. Boxes are never found: their members are. */
export function findIn(model: GraphModel, query: FindQuery): ReadonlySet<string> {
  const context = rankContext(model);
  const found = new Set<string>();
  for (const node of model.nodes.values()) if (node.box === undefined && query.node(node, context)) found.add(node.id);
  for (const edge of model.edges.values()) if (query.edge(edge)) found.add(edge.id);
  return found;
}

/** The model without what a query selects, without edges that lost an end and without boxes that became empty. */
export function hideFrom(model: GraphModel, query: FindQuery): GraphModel {
  const hidden = findIn(model, query);
  const nodes = new Map<string, GraphNode>();
  for (const node of model.nodes.values()) if (!hidden.has(node.id)) nodes.set(node.id, node);
  const edges = new Map<string, GraphEdge>();
  for (const edge of model.edges.values()) {
    if (!hidden.has(edge.id) && nodes.has(edge.source) && nodes.has(edge.target)) edges.set(edge.id, edge);
  }
  return { ...model, nodes: withoutEmptyBoxes(nodes), edges };
}

function withoutEmptyBoxes(nodes: ReadonlyMap<string, GraphNode>): ReadonlyMap<string, GraphNode> {
  const used = new Set<string>();
  for (const node of nodes.values()) {
    if (node.box !== undefined) continue;
    for (let up = node.parent; up !== undefined; up = nodes.get(up)?.parent) used.add(up);
  }
  return new Map([...nodes].filter(([id, node]) => node.box === undefined || used.has(id)));
}

/** Ranks nodes by the requests and bytes that reach them, 1 is the busiest; equal traffic has equal rank. */
export function rankContext(model: GraphModel): FindContext {
  const traffic = new Map<string, number>();
  for (const edge of model.edges.values()) traffic.set(edge.target, (traffic.get(edge.target) ?? 0) + edge.rates.total);
  const levels = [...new Set(traffic.values())].filter((value) => value > 0).toSorted((a, b) => b - a);
  return {
    rank: (node) => {
      const at = levels.indexOf(traffic.get(node.id) ?? -1);
      return at < 0 ? undefined : at + 1;
    },
  };
}
