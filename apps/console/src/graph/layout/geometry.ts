import type { GraphModel, GraphNode } from '../model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Half the side of a node's shape, in the graph's own pixels. */
export const SHAPE_RADIUS = 20;
const LINE_HEIGHT = 16;
const CHARACTER_WIDTH = 6.9;
const BADGE_WIDTH = 22;
const BOX_PADDING: Readonly<Record<string, number>> = { app: 12, namespace: 16, cluster: 20 };
const BOX_LABEL_HEIGHT = 26;

/** Room that a node needs around its position: its shape and, below, its label. An estimate, so that it needs no canvas. */
export function footprint(node: GraphNode, at: Point): Rect {
  const lines = node.label.split('\n');
  const longest = Math.max(...lines.map((line) => line.length));
  const width = Math.max(2 * SHAPE_RADIUS + 8, longest * CHARACTER_WIDTH + (node.badge === '' ? 10 : BADGE_WIDTH + 10));
  return { x: at.x - width / 2, y: at.y - SHAPE_RADIUS - 2, width, height: 2 * SHAPE_RADIUS + 10 + lines.length * LINE_HEIGHT };
}

export function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

export function overlaps(a: Rect, b: Rect, gap: number): boolean {
  return a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap;
}

export function contains(rect: Rect, point: Point): boolean {
  return point.x >= rect.x && point.x <= rect.x + rect.width && point.y >= rect.y && point.y <= rect.y + rect.height;
}

/** Space between a box's frame and its members; the label stands below them. */
export function boxPadding(kind: string): { readonly side: number; readonly bottom: number } {
  const side = BOX_PADDING[kind] ?? 16;
  return { side, bottom: side + BOX_LABEL_HEIGHT };
}

/** Frames of all boxes from the places of their members, inner boxes first. A box without placed members has none. */
export function boxRects(model: GraphModel, places: ReadonlyMap<string, Point>): ReadonlyMap<string, Rect> {
  const rects = new Map<string, Rect>();
  const grow = (id: string, rect: Rect): void => {
    const known = rects.get(id);
    rects.set(id, known === undefined ? rect : union(known, rect));
  };
  for (const node of model.nodes.values()) {
    const at = places.get(node.id);
    if (node.box === undefined && node.parent !== undefined && at !== undefined) grow(node.parent, footprint(node, at));
  }
  for (const kind of ['app', 'namespace', 'cluster'] as const) {
    for (const node of model.nodes.values()) {
      const content = rects.get(node.id);
      if (node.box !== kind || content === undefined) continue;
      const { side, bottom } = boxPadding(kind);
      const width = Math.max(content.width, node.label.length * CHARACTER_WIDTH + 36);
      const rect = {
        x: content.x - side - (width - content.width) / 2,
        y: content.y - side,
        width: width + 2 * side,
        height: content.height + side + bottom,
      };
      rects.set(node.id, rect);
      if (node.parent !== undefined) grow(node.parent, rect);
    }
  }
  return rects;
}
