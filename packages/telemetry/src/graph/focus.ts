import { createTrafficMap, type FocusNode, type GraphNode, type TrafficMap } from './types.ts';

/** Only the nodes of interest and their neighbours; a service node is walked through to what is behind it. */
export function focusOn(map: TrafficMap, focus: FocusNode): TrafficMap {
  const centre = [...map.nodes.values()].filter((node) => isFocus(node, focus));
  const keep = new Set(centre.map((node) => node.id));
  const edges = new Set<string>();
  walk(map, centre, keep, edges, 'target');
  walk(map, centre, keep, edges, 'source');
  const result = createTrafficMap();
  for (const [id, node] of map.nodes) if (keep.has(id)) result.nodes.set(id, node);
  for (const [key, edge] of map.edges) if (edges.has(key)) result.edges.set(key, edge);
  return result;
}

function isFocus(node: GraphNode, focus: FocusNode): boolean {
  if (node.namespace !== focus.namespace) return false;
  if (focus.service !== undefined) return node.nodeType === 'service' && node.service === focus.service;
  if (focus.workload !== undefined) return node.workload === focus.workload;
  return node.app === focus.app && (focus.version === undefined || node.version === focus.version);
}

function walk(map: TrafficMap, from: readonly GraphNode[], keep: Set<string>, edges: Set<string>, to: 'source' | 'target'): void {
  const back = to === 'target' ? 'source' : 'target';
  const visited = new Set<string>();
  const queue = [...from];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (visited.has(node.id)) continue;
    visited.add(node.id);
    for (const [key, edge] of map.edges) {
      if (edge[back] !== node.id) continue;
      edges.add(key);
      keep.add(edge[to]);
      const next = map.nodes.get(edge[to]);
      if (next?.nodeType === 'service') queue.push(next);
    }
  }
}
