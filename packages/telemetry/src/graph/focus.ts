import { createTrafficMap, type FocusNode, type GraphEdge, type GraphNode, type TrafficMap } from './types.ts';

/** Only the nodes of interest and their neighbours; a service node is walked through to what is behind it. */
export function focusOn(map: TrafficMap, focus: FocusNode): TrafficMap {
  const centre = [...map.nodes.values()].filter((node) => isFocus(node, focus));
  const edges = [...neighbours(map, centre, 'target'), ...neighbours(map, centre, 'source')];
  const keep = new Set([...centre.map((node) => node.id), ...edges.flatMap(([, edge]) => [edge.source, edge.target])]);
  const kept = new Set(edges.map(([key]) => key));
  const result = createTrafficMap();
  for (const [id, node] of map.nodes) if (keep.has(id)) result.nodes.set(id, node);
  for (const [key, edge] of map.edges) if (kept.has(key)) result.edges.set(key, edge);
  return result;
}

function isFocus(node: GraphNode, focus: FocusNode): boolean {
  if (node.namespace !== focus.namespace) return false;
  if (focus.service !== undefined) return node.nodeType === 'service' && node.service === focus.service;
  if (focus.workload !== undefined) return node.workload === focus.workload;
  return node.app === focus.app && (focus.version === undefined || node.version === focus.version);
}

/** The edges that lead away from some nodes, forwards (`target`) or backwards. */
function neighbours(map: TrafficMap, from: readonly GraphNode[], to: 'source' | 'target'): (readonly [key: string, edge: GraphEdge])[] {
  const back = to === 'target' ? 'source' : 'target';
  const found: (readonly [string, GraphEdge])[] = [];
  const visited = new Set<string>();
  const queue = [...from];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (visited.has(node.id)) continue;
    visited.add(node.id);
    for (const [key, edge] of map.edges) {
      if (edge[back] !== node.id) continue;
      found.push([key, edge]);
      const next = map.nodes.get(edge[to]);
      if (next?.nodeType === 'service') queue.push(next);
    }
  }
  return found;
}
