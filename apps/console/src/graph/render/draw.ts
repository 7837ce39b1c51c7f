import type { Point } from '../layout/geometry.ts';
import { drawBox, drawNode } from './draw-node.ts';
import { drawEdge, drawEdgeLabel } from './draw-edge.ts';
import type { Palette } from './palette.ts';
import type { Scene } from './scene.ts';

/** Which part of the graph the canvas shows: screen = graph × scale + offset. */
export interface Viewport {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** What is marked, besides the scene itself. */
export interface Marks {
  readonly selected: string | undefined;
  /** Ids that stay bright while something is selected; undefined when nothing is. */
  readonly bright: ReadonlySet<string> | undefined;
  readonly found: ReadonlySet<string>;
  readonly hovered: string | undefined;
}

export interface DrawOptions {
  readonly palette: Palette;
  readonly badges: { readonly sidecar: boolean; readonly virtualService: boolean };
  readonly rank: ((id: string) => number | undefined) | undefined;
  readonly hideHealthyEdges: boolean;
}

/** Where a scene is drawn. `ratio` is device pixels per CSS pixel. */
export interface Target {
  readonly context: CanvasRenderingContext2D;
  readonly view: Viewport;
  readonly ratio: number;
}

/** Empties the canvas; what is drawn next counts in the graph's own pixels. */
export function clearTarget({ context, view, ratio }: Target): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
}

const DIM = 0.12;
/** Small enough for thousands of nodes in one column. */
const MIN_SCALE = 0.01;
/** Below this scale labels are not readable: they are left out, and drawing stays fast. */
const LABEL_SCALE = 0.32;
/** Letters shrink less than shapes do, as far as the layout has room for them. */
const READABLE_SCALE = 0.86;
const MAX_LETTER_GROWTH = 1.16;

/** Draws the scene as a whole. */
export function drawScene(target: Target, scene: Scene, marks: Marks, options: DrawOptions): void {
  const { context, view } = target;
  clearTarget(target);
  const alpha = (id: string): number => (marks.bright === undefined || marks.bright.has(id) ? 1 : DIM);
  const label = view.scale >= LABEL_SCALE;
  const letters = Math.max(1, Math.min(MAX_LETTER_GROWTH, READABLE_SCALE / view.scale));
  const { palette } = options;
  const marksOf = (id: string): { selected: boolean; found: boolean; hovered: boolean } => ({
    selected: marks.selected === id,
    found: marks.found.has(id),
    hovered: marks.hovered === id,
  });
  for (const box of scene.boxes) {
    context.globalAlpha = alpha(box.node.id);
    drawBox(context, box, { palette, selected: marks.selected === box.node.id, label, letters });
  }
  const edges = [...scene.edges.values()].filter(({ edge }) => !options.hideHealthyEdges || edge.health !== 'Healthy' || marks.selected === edge.id);
  for (const edge of edges) {
    context.globalAlpha = alpha(edge.edge.id);
    drawEdge(context, edge, { palette, ...marksOf(edge.edge.id) });
  }
  for (const edge of label ? edges : []) {
    context.globalAlpha = alpha(edge.edge.id);
    drawEdgeLabel(context, edge, { palette, selected: marks.selected === edge.edge.id, letters });
  }
  for (const node of scene.nodes.values()) {
    const { id } = node.node;
    context.globalAlpha = alpha(id);
    drawNode(context, node, { palette, badges: options.badges, rank: options.rank?.(id), label, letters, ...marksOf(id) });
  }
  context.globalAlpha = 1;
}

/** A point of the screen as a point of the graph. */
export function toGraph(view: Viewport, screen: Point): Point {
  return { x: (screen.x - view.x) / view.scale, y: (screen.y - view.y) / view.scale };
}

/** The viewport that shows all of the scene with a margin, never larger than life times 1.4. */
export function fitView(bounds: { x: number; y: number; width: number; height: number }, width: number, height: number, margin = 22): Viewport {
  const scale = Math.max(MIN_SCALE, Math.min(1.4, (width - 2 * margin) / bounds.width, (height - 2 * margin) / bounds.height));
  return { scale, x: (width - bounds.width * scale) / 2 - bounds.x * scale, y: (height - bounds.height * scale) / 2 - bounds.y * scale };
}

/** Zooms by a factor around a point of the screen. */
export function zoomAt(view: Viewport, screen: Point, factor: number): Viewport {
  const scale = Math.max(MIN_SCALE, Math.min(4, view.scale * factor));
  const applied = scale / view.scale;
  return { scale, x: screen.x - (screen.x - view.x) * applied, y: screen.y - (screen.y - view.y) * applied };
}
