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

const DIM = 0.12;
/** Below this scale labels are not readable: they are left out, and drawing stays fast. */
const LABEL_SCALE = 0.32;
/** Letters shrink less than shapes do, as far as the layout has room for them. */
const READABLE_SCALE = 0.86;
const MAX_LETTER_GROWTH = 1.16;

/** Draws the scene as a whole. `ratio` is device pixels per CSS pixel. */
export function drawScene(context: CanvasRenderingContext2D, scene: Scene, view: Viewport, ratio: number, marks: Marks, options: DrawOptions): void {
  const { canvas } = context;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  const alpha = (id: string): number => (marks.bright === undefined || marks.bright.has(id) ? 1 : DIM);
  const labels = view.scale >= LABEL_SCALE;
  const letters = Math.max(1, Math.min(MAX_LETTER_GROWTH, READABLE_SCALE / view.scale));
  for (const box of scene.boxes) {
    context.globalAlpha = alpha(box.node.id);
    drawBox(context, box, { palette: options.palette, selected: marks.selected === box.node.id, label: labels, letters });
  }
  for (const edge of scene.edges.values()) {
    if (options.hideHealthyEdges && edge.edge.health === 'Healthy' && marks.selected !== edge.edge.id) continue;
    context.globalAlpha = alpha(edge.edge.id);
    drawEdge(context, edge, {
      palette: options.palette,
      selected: marks.selected === edge.edge.id,
      found: marks.found.has(edge.edge.id),
      hovered: marks.hovered === edge.edge.id,
    });
  }
  for (const edge of scene.edges.values()) {
    if (!labels || (options.hideHealthyEdges && edge.edge.health === 'Healthy')) continue;
    context.globalAlpha = alpha(edge.edge.id);
    drawEdgeLabel(context, edge, { palette: options.palette, selected: marks.selected === edge.edge.id, letters });
  }
  for (const node of scene.nodes.values()) {
    context.globalAlpha = alpha(node.node.id);
    drawNode(context, node, {
      palette: options.palette,
      badges: options.badges,
      rank: options.rank?.(node.node.id),
      label: labels,
      letters,
      selected: marks.selected === node.node.id,
      found: marks.found.has(node.node.id),
      hovered: marks.hovered === node.node.id,
    });
  }
  context.globalAlpha = 1;
}

/** A point of the screen as a point of the graph. */
export function toGraph(view: Viewport, screen: Point): Point {
  return { x: (screen.x - view.x) / view.scale, y: (screen.y - view.y) / view.scale };
}

/** The viewport that shows all of the scene with a margin, never larger than life times 1.4. */
export function fitView(bounds: { x: number; y: number; width: number; height: number }, width: number, height: number, margin = 22): Viewport {
  const scale = Math.max(0.05, Math.min(1.4, (width - 2 * margin) / bounds.width, (height - 2 * margin) / bounds.height));
  return { scale, x: (width - bounds.width * scale) / 2 - bounds.x * scale, y: (height - bounds.height * scale) / 2 - bounds.y * scale };
}

/** Zooms by a factor around a point of the screen. */
export function zoomAt(view: Viewport, screen: Point, factor: number): Viewport {
  const scale = Math.max(0.05, Math.min(4, view.scale * factor));
  const applied = scale / view.scale;
  return { scale, x: screen.x - (screen.x - view.x) * applied, y: screen.y - (screen.y - view.y) * applied };
}
