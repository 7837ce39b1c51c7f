import type { GraphModel, GraphNode } from '../model.ts';
import type { Layout } from './elk-input.ts';
import { boxRects, footprint, overlaps, type Point, type Rect } from './geometry.ts';

/** When more than this share of the nodes is new there is no picture to keep, and the fresh layout is taken whole. */
const RELAYOUT_SHARE = 0.6;
const GAP = 12;
const STEP = 28;

/**
 * Joins a fresh layout to the places that nodes already have: what has a place keeps it, what is new stands beside its
 * neighbours as in the fresh layout, moved to the nearest free spot. Nothing that somebody looks at ever jumps.
 */
export function pinLayout(model: GraphModel, known: ReadonlyMap<string, Point>, fresh: Layout): Layout {
  const leaves = [...model.nodes.values()].filter((node) => node.box === undefined);
  const added = leaves.filter((node) => !known.has(node.id));
  if (added.length > leaves.length * RELAYOUT_SHARE) return fresh;
  const places = new Map<string, Point>();
  for (const node of leaves) {
    const at = known.get(node.id);
    if (at !== undefined) places.set(node.id, at);
  }
  const neighbours = neighboursOf(model);
  const order = added.toSorted((a, b) => (fresh.places.get(a.id)?.x ?? 0) - (fresh.places.get(b.id)?.x ?? 0));
  for (const node of order) {
    const at = fresh.places.get(node.id);
    if (at === undefined) continue;
    const shift = meanShift([...(neighbours.get(node.id) ?? []), ...siblings(leaves, node)], places, fresh.places);
    places.set(node.id, freeSpot(model, node, { x: at.x + shift.x, y: at.y + shift.y }, places));
  }
  return { places, bends: validBends(model, places, fresh) };
}

function neighboursOf(model: GraphModel): Map<string, string[]> {
  const neighbours = new Map<string, string[]>();
  for (const { source, target } of model.edges.values()) {
    neighbours.set(source, [...(neighbours.get(source) ?? []), target]);
    neighbours.set(target, [...(neighbours.get(target) ?? []), source]);
  }
  return neighbours;
}

/** Members of the same box pull thrice: a version belongs beside the other versions. */
function siblings(leaves: readonly GraphNode[], node: GraphNode): string[] {
  if (node.parent === undefined) return [];
  const ids = leaves.filter((other) => other.parent === node.parent && other.id !== node.id).map((other) => other.id);
  return [...ids, ...ids, ...ids];
}

function meanShift(anchors: readonly string[], places: ReadonlyMap<string, Point>, fresh: ReadonlyMap<string, Point>): Point {
  let [x, y, count] = [0, 0, 0];
  for (const id of anchors) {
    const [now, then] = [places.get(id), fresh.get(id)];
    if (now === undefined || then === undefined) continue;
    x += now.x - then.x;
    y += now.y - then.y;
    count += 1;
  }
  return count === 0 ? { x: 0, y: 0 } : { x: x / count, y: y / count };
}

function freeSpot(model: GraphModel, node: GraphNode, wanted: Point, places: ReadonlyMap<string, Point>): Point {
  const taken = obstacles(model, node, places);
  for (let distance = 0; distance < 60; distance += 1) {
    for (const sign of distance === 0 ? [1] : [1, -1]) {
      const at = { x: wanted.x, y: wanted.y + sign * distance * STEP };
      const room = footprint(node, at);
      if (!taken.some((rect) => overlaps(room, rect, GAP))) return at;
    }
  }
  return wanted;
}

function obstacles(model: GraphModel, node: GraphNode, places: ReadonlyMap<string, Point>): Rect[] {
  const rects: Rect[] = [];
  for (const [id, at] of places) {
    const other = model.nodes.get(id);
    if (other !== undefined) rects.push(footprint(other, at));
  }
  for (const [id, rect] of boxRects(model, places)) {
    if (model.nodes.get(id)?.box === 'app' && id !== node.parent) rects.push(rect);
  }
  return rects;
}

/** Bends hold only where both ends stand as the fresh layout put them, relative to each other and to the bends. */
function validBends(model: GraphModel, places: ReadonlyMap<string, Point>, fresh: Layout): ReadonlyMap<string, readonly Point[]> {
  const bends = new Map<string, readonly Point[]>();
  for (const edge of model.edges.values()) {
    const points = fresh.bends.get(edge.id);
    const same = [edge.source, edge.target].every((id) => samePlace(places.get(id), fresh.places.get(id)));
    if (points !== undefined && same) bends.set(edge.id, points);
  }
  return bends;
}

export function samePlace(a: Point | undefined, b: Point | undefined): boolean {
  return a !== undefined && b !== undefined && Math.abs(a.x - b.x) < 0.5 && Math.abs(a.y - b.y) < 0.5;
}
