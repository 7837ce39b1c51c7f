import type { GraphModel, GraphNode } from '../model.ts';
import type { Layout, LayoutName } from './elk-input.ts';
import type { Point } from './geometry.ts';

const CELL_WIDTH = 170;
const CELL_HEIGHT = 120;

/** The layouts that are plain arithmetic. Members of one box stand together, since order follows the boxes. */
export function simpleLayout(model: GraphModel, name: Exclude<LayoutName, 'layered'>): Layout {
  const nodes = [...model.nodes.values()]
    .filter((node) => node.box === undefined)
    .toSorted((a, b) => (orderKey(model, a) < orderKey(model, b) ? -1 : 1));
  const places = name === 'grid' ? grid(nodes) : name === 'concentric' ? concentric(model, nodes) : breadthFirst(model, nodes);
  return { places, bends: new Map() };
}

function orderKey(model: GraphModel, node: GraphNode): string {
  const box = node.parent === undefined ? undefined : model.nodes.get(node.parent);
  return `${node.data.namespace ?? ''}|${box?.box === 'app' ? box.label : node.label}|${node.label}|${node.id}`;
}

function grid(nodes: readonly GraphNode[]): Map<string, Point> {
  const columns = Math.ceil(Math.sqrt(nodes.length * 1.6));
  return new Map(nodes.map((node, index) => [node.id, { x: (index % columns) * CELL_WIDTH, y: Math.floor(index / columns) * CELL_HEIGHT }]));
}

/** The busiest in the middle, the others on rings around it. */
function concentric(model: GraphModel, nodes: readonly GraphNode[]): Map<string, Point> {
  const degree = new Map<string, number>();
  for (const edge of model.edges.values()) for (const id of [edge.source, edge.target]) degree.set(id, (degree.get(id) ?? 0) + 1);
  const sorted = nodes.toSorted((a, b) => (degree.get(b.id) ?? 0) - (degree.get(a.id) ?? 0));
  const places = new Map<string, Point>();
  for (let ring = 0, next = 0; next < sorted.length; ring += 1) {
    const radius = ring * 190;
    const room = ring === 0 ? 1 : Math.max(4, Math.floor((2 * Math.PI * radius) / CELL_WIDTH));
    const members = sorted.slice(next, next + room);
    members.forEach((node, index) => {
      const angle = (index / members.length) * 2 * Math.PI - Math.PI / 2;
      places.set(node.id, { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius });
    });
    next += members.length;
  }
  return places;
}

/** Rows by distance from where traffic starts, top to bottom. */
function breadthFirst(model: GraphModel, nodes: readonly GraphNode[]): Map<string, Point> {
  const depth = depths(model, nodes);
  const places = new Map<string, Point>();
  for (const [level, members] of Map.groupBy(nodes, (node) => depth.get(node.id) ?? 0)) {
    members.forEach((node, index) => places.set(node.id, { x: (index - (members.length - 1) / 2) * CELL_WIDTH, y: level * CELL_HEIGHT }));
  }
  return places;
}

/** How many edges lie between a node and where traffic starts. */
function depths(model: GraphModel, nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const edges = [...model.edges.values()];
  const next = Map.groupBy(edges, (edge) => edge.source);
  const entered = new Set(edges.map((edge) => edge.target));
  const depth = new Map<string, number>();
  const walk = (starts: readonly string[]): void => {
    let row = starts;
    for (let level = 0; row.length > 0; level += 1) {
      const fresh = row.filter((id) => !depth.has(id));
      for (const id of fresh) depth.set(id, level);
      row = [...new Set(fresh.flatMap((id) => (next.get(id) ?? []).map((edge) => edge.target)))];
    }
  };
  walk(nodes.filter((node) => !entered.has(node.id)).map((node) => node.id));
  // A cycle has no start: its first member is one.
  for (const node of nodes) if (!depth.has(node.id)) walk([node.id]);
  return depth;
}
