import type { GraphEdge, GraphModel, GraphNode } from '../model.ts';
import { boxRects, contains, footprint, overlaps, SHAPE_RADIUS, union, type Point, type Rect } from '../layout/geometry.ts';
import type { Layout } from '../layout/elk-input.ts';
import { distanceTo, edgePath, pointAt, type EdgeEnd, type EdgePath } from './path.ts';

export interface SceneNode {
  readonly node: GraphNode;
  readonly at: Point;
  readonly room: Rect;
}

export interface SceneBox {
  readonly node: GraphNode;
  readonly rect: Rect;
}

export interface SceneEdge {
  readonly edge: GraphEdge;
  readonly path: EdgePath;
  readonly label: readonly string[];
  readonly locked: boolean;
  readonly labelAt: Point;
}

/** Everything with its place, in the graph's own pixels; what to draw, hit and animate. */
export interface Scene {
  readonly nodes: ReadonlyMap<string, SceneNode>;
  readonly boxes: readonly SceneBox[];
  readonly edges: ReadonlyMap<string, SceneEdge>;
  readonly bounds: Rect;
}

export interface LabelOptions {
  readonly label: (edge: GraphEdge) => readonly string[];
  readonly locks: boolean;
}

const CROWDED_EDGES = 300;
const EMPTY: Rect = { x: 0, y: 0, width: 1, height: 1 };

export function buildScene(model: GraphModel, layout: Layout, options: LabelOptions): Scene {
  const nodes = new Map<string, SceneNode>();
  for (const node of model.nodes.values()) {
    const at = layout.places.get(node.id);
    if (node.box === undefined && at !== undefined) nodes.set(node.id, { node, at, room: footprint(node, at) });
  }
  const rects = boxRects(model, layout.places);
  const boxes: SceneBox[] = [];
  for (const kind of ['cluster', 'namespace', 'app'] as const) {
    for (const node of model.nodes.values()) {
      const rect = rects.get(node.id);
      if (node.box === kind && rect !== undefined) boxes.push({ node, rect });
    }
  }
  const edges = placeEdges(model, layout, { nodes, rects }, options);
  const all = [...[...nodes.values()].map((one) => one.room), ...boxes.map((one) => one.rect)];
  return { nodes, boxes, edges, bounds: all.length === 0 ? EMPTY : all.reduce(union) };
}

interface Placed {
  readonly nodes: ReadonlyMap<string, SceneNode>;
  readonly rects: ReadonlyMap<string, Rect>;
}

/** What an edge ends at: a node, or the frame of a box. */
function edgeEnd({ nodes, rects }: Placed, id: string): EdgeEnd | undefined {
  const scene = nodes.get(id);
  if (scene !== undefined) return { at: scene.at, shape: scene.node.shape };
  const frame = rects.get(id);
  return frame === undefined ? undefined : { at: { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 }, shape: 'box', frame };
}

function placeEdges(model: GraphModel, layout: Layout, placed: Placed, options: LabelOptions): Map<string, SceneEdge> {
  const parallel = new Map<string, number>();
  const edges = new Map<string, SceneEdge>();
  // Among very many edges labels are too small to read, and finding room for them would take longer than drawing.
  const taken = model.edges.size > CROWDED_EDGES ? [] : [...placed.nodes.values()].map((one) => one.room);
  for (const edge of model.edges.values()) {
    const [from, to] = [edgeEnd(placed, edge.source), edgeEnd(placed, edge.target)];
    if (from === undefined || to === undefined) continue;
    const pair = [edge.source, edge.target].toSorted().join(' ');
    const nth = parallel.get(pair) ?? 0;
    parallel.set(pair, nth + 1);
    // Of several edges between two nodes the first takes the layout's way, the others bow to its sides in turn.
    const offset = Math.ceil(nth / 2) * (nth % 2 === 1 ? 44 : -44);
    const path = edgePath(from, to, nth === 0 ? (layout.bends.get(edge.id) ?? []) : [], offset);
    const label = options.label(edge);
    const locked = options.locks && edge.mtlsPercent > 0;
    edges.set(edge.id, { edge, path, label, locked, labelAt: placeLabel(path, label, locked, taken) });
  }
  return edges;
}

/** About how wide an edge's label is, without a canvas to measure it. */
export function labelWidth(label: readonly string[], locked: boolean): number {
  return Math.max(16, ...label.map((line) => line.length * 6.6 + 12)) + (locked ? 12 : 0);
}

/** The first of some spots along the edge where the label covers neither a node nor another label; the middle when there is none. */
function placeLabel(path: EdgePath, label: readonly string[], locked: boolean, taken: Rect[]): Point {
  if (taken.length === 0 || (label.length === 0 && !locked)) return pointAt(path, path.length / 2);
  const width = labelWidth(label, true);
  const height = 16 + Math.max(0, label.length - 1) * 13;
  const rectAt = (at: Point): Rect => ({ x: at.x - width / 2, y: at.y - height / 2, width, height });
  let chosen = pointAt(path, path.length * 0.46);
  for (const share of [0.46, 0.54, 0.38, 0.62, 0.3, 0.7, 0.78]) {
    const at = pointAt(path, path.length * share);
    if (taken.some((rect) => overlaps(rectAt(at), rect, 1))) continue;
    chosen = at;
    break;
  }
  taken.push(rectAt(chosen));
  return { x: chosen.x, y: chosen.y };
}

export type Hit = { readonly t: 'node' | 'edge' | 'box'; readonly id: string };

/** What lies at a point: nodes first, then edges within reach, then the smallest box around it. */
export function hitTest(scene: Scene, point: Point, reach: number): Hit | undefined {
  const node = [...scene.nodes.values()].findLast((one) => isOnNode(one, point));
  if (node !== undefined) return { t: 'node', id: node.node.id };
  let best: { id: string; distance: number } | undefined;
  for (const edge of scene.edges.values()) {
    const distance = isOnLabel(edge, point) ? 0 : distanceTo(edge.path, point);
    if (distance <= reach && (best === undefined || distance < best.distance)) best = { id: edge.edge.id, distance };
  }
  if (best !== undefined) return { t: 'edge', id: best.id };
  const box = scene.boxes.findLast(({ rect }) => contains(rect, point));
  return box === undefined ? undefined : { t: 'box', id: box.node.id };
}

function isOnNode({ at, room }: SceneNode, point: Point): boolean {
  if (Math.hypot(point.x - at.x, point.y - at.y) <= SHAPE_RADIUS + 3) return true;
  return point.y > at.y && contains({ ...room, y: at.y + SHAPE_RADIUS, height: room.height - 2 * SHAPE_RADIUS }, point);
}

function isOnLabel({ label, locked, labelAt }: SceneEdge, point: Point): boolean {
  if (label.length === 0 && !locked) return false;
  return Math.abs(point.x - labelAt.x) < 22 && Math.abs(point.y - labelAt.y) < 9 + label.length * 4;
}

/** Ids that belong to a selection: for a node everything up- and downstream of it, for an edge the same from its ends, for a box its content. */
export function related(model: GraphModel, id: string): ReadonlySet<string> {
  const found = new Set<string>([id]);
  const edge = model.edges.get(id);
  const node = model.nodes.get(id);
  if (node?.box !== undefined) addBox(model, id, found);
  else if (edge !== undefined) {
    walk(model, edge.source, 'up', found);
    walk(model, edge.target, 'down', found);
  } else {
    walk(model, id, 'up', found);
    found.delete(id);
    walk(model, id, 'down', found);
  }
  for (const one of found) {
    for (let up = model.nodes.get(one)?.parent; up !== undefined; up = model.nodes.get(up)?.parent) found.add(up);
  }
  return found;
}

function addBox(model: GraphModel, id: string, found: Set<string>): void {
  for (const node of model.nodes.values()) {
    for (let up: string | undefined = node.parent; up !== undefined; up = model.nodes.get(up)?.parent) if (up === id) found.add(node.id);
  }
  const members = new Set(found);
  for (const edge of model.edges.values()) {
    if (!members.has(edge.source) && !members.has(edge.target)) continue;
    for (const one of [edge.id, edge.source, edge.target]) found.add(one);
  }
}

function walk(model: GraphModel, start: string, direction: 'down' | 'up', found: Set<string>): void {
  const seen = new Set([start]);
  const queue = [start];
  found.add(start);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const edge of model.edges.values()) {
      if ((direction === 'down' ? edge.source : edge.target) !== id) continue;
      const next = direction === 'down' ? edge.target : edge.source;
      found.add(edge.id).add(next);
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
}
