import type { GraphNode, Shape } from '../model.ts';
import { SHAPE_RADIUS, type Point, type Rect } from '../layout/geometry.ts';
import { BADGE_COLORS, healthColor, type Palette } from './palette.ts';
import type { SceneBox, SceneNode } from './scene.ts';

export const FONT = "'Red Hat Text', system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif";

interface NodeStyle {
  readonly palette: Palette;
  readonly badges: { readonly sidecar: boolean; readonly virtualService: boolean };
  readonly rank: number | undefined;
  readonly label: boolean;
  /** Growth of letters against shapes. */
  readonly letters: number;
  readonly selected: boolean;
  readonly found: boolean;
  readonly hovered: boolean;
}

/** Traces a node's outline around a point. */
function shapePath(context: CanvasRenderingContext2D, shape: Shape, at: Point, radius: number): void {
  const { x, y } = at;
  const r = radius;
  context.beginPath();
  switch (shape) {
    case 'circle':
      context.arc(x, y, r, 0, Math.PI * 2);
      break;
    case 'triangle':
      polygon(context, [
        [x, y - r],
        [x + r * 1.06, y + r * 0.76],
        [x - r * 1.06, y + r * 0.76],
      ]);
      break;
    case 'trapezoid':
      polygon(context, [
        [x - r * 0.62, y - r * 0.8],
        [x + r * 0.62, y - r * 0.8],
        [x + r * 1.08, y + r * 0.8],
        [x - r * 1.08, y + r * 0.8],
      ]);
      break;
    case 'hexagon':
      polygon(
        context,
        Array.from({ length: 6 }, (_, i) => [x + r * Math.cos((i * Math.PI) / 3), y + r * Math.sin((i * Math.PI) / 3)]),
      );
      break;
    case 'square':
    case 'box':
      context.roundRect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84, 6);
  }
}

function polygon(context: CanvasRenderingContext2D, points: readonly (readonly number[])[]): void {
  points.forEach(([x = 0, y = 0], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
}

export function drawNode(context: CanvasRenderingContext2D, scene: SceneNode, style: NodeStyle): void {
  const { node, at } = scene;
  const { palette } = style;
  const color = nodeColor(node, style);
  const alpha = context.globalAlpha;
  drawHalo(context, scene, style);
  shapePath(context, node.shape, at, SHAPE_RADIUS);
  context.fillStyle = palette.surface;
  context.fill();
  context.globalAlpha = alpha * (node.health === 'NA' || node.idle ? 0.04 : 0.13);
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = alpha;
  context.strokeStyle = color;
  context.lineWidth = style.selected ? 3.4 : 2.6;
  context.lineJoin = 'round';
  context.stroke();
  drawIcon(context, scene, color);
  if (style.label) drawNodeLabel(context, scene, style);
  drawCorners(context, scene, style);
}

function nodeColor(node: GraphNode, { palette, selected }: NodeStyle): string {
  if (selected) return palette.selected;
  return node.idle ? palette.idle : healthColor(palette, node.health);
}

/** Light around what is found, selected or under the pointer. */
function drawHalo(context: CanvasRenderingContext2D, { node, at }: SceneNode, { palette, found, selected, hovered }: NodeStyle): void {
  if (!found && !selected && !hovered) return;
  const alpha = context.globalAlpha;
  shapePath(context, node.shape, at, SHAPE_RADIUS + 3);
  context.strokeStyle = found ? palette.halo : palette.selected;
  context.lineWidth = found ? 12 : 8;
  context.globalAlpha = alpha * (selected ? 0.35 : found ? 0.45 : 0.16);
  context.lineJoin = 'round';
  context.stroke();
  context.globalAlpha = alpha;
}

/** The sign inside a shape: a globe for gateways, an arrow where traffic starts, a key or a globe for what cannot be seen. */
function drawIcon(context: CanvasRenderingContext2D, { node, at }: SceneNode, color: string): void {
  context.lineWidth = 1.6;
  context.strokeStyle = color;
  if (node.data.isGateway !== undefined && node.data.isGateway !== null) {
    context.beginPath();
    context.arc(at.x, at.y, 9, 0, Math.PI * 2);
    context.ellipse(at.x, at.y, 4, 9, 0, 0, Math.PI * 2);
    context.moveTo(at.x - 9, at.y);
    context.lineTo(at.x + 9, at.y);
    context.stroke();
  } else if (node.data.isRoot === true) {
    context.beginPath();
    context.moveTo(at.x - 8, at.y);
    context.lineTo(at.x + 8, at.y);
    context.moveTo(at.x + 2, at.y - 6);
    context.lineTo(at.x + 8, at.y);
    context.lineTo(at.x + 2, at.y + 6);
    context.stroke();
  } else if (node.health === 'Failure' || node.health === 'Degraded') {
    // Colour is never the only sign of trouble.
    context.font = `700 17px ${FONT}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillStyle = color;
    context.fillText('!', at.x, at.y + (node.shape === 'triangle' ? 4 : 1));
  }
}

function drawNodeLabel(context: CanvasRenderingContext2D, { node, at }: SceneNode, style: NodeStyle): void {
  const { palette } = style;
  const lines = node.label.split('\n');
  context.save();
  context.translate(at.x, at.y + SHAPE_RADIUS + 4);
  context.scale(style.letters, style.letters);
  context.font = `${style.selected ? 600 : 500} 12px ${FONT}`;
  const width = Math.max(...lines.map((line) => context.measureText(line).width));
  const badge = node.badge === '' ? 0 : node.badge.length > 1 ? 22 : 17;
  const total = width + badge + 10;
  const height = lines.length * 14 + 4;
  tag(
    context,
    { x: -total / 2, y: 0, width: total, height },
    style.selected ? palette.selected : palette.raised,
    style.selected ? palette.selected : palette.line,
  );
  if (badge > 0) drawBadge(context, node.badge, { x: -total / 2 + 2 + badge / 2, y: height / 2, width: badge - 3 });
  context.font = `${style.selected ? 600 : 500} 12px ${FONT}`;
  context.fillStyle = style.selected ? palette.surface : palette.ink;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  lines.forEach((line, index) => context.fillText(line, -total / 2 + badge + 5, 9.5 + index * 14));
  context.restore();
}

function tag(context: CanvasRenderingContext2D, at: Rect, fill: string, line: string): void {
  context.beginPath();
  context.roundRect(at.x, at.y, at.width, at.height, 4);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = line;
  context.stroke();
}

/** The letter of a kind in its coloured pill. */
function drawBadge(context: CanvasRenderingContext2D, letter: string, at: Point & { readonly width: number }): void {
  context.beginPath();
  context.roundRect(at.x - at.width / 2, at.y - 7, at.width, 14, 7);
  context.fillStyle = BADGE_COLORS[letter] ?? '#585858';
  context.fill();
  context.fillStyle = '#ffffff';
  context.font = `700 9px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(letter, at.x, at.y + 0.5);
}

/** Badges at their corners: circuit breaker up left, virtual service down left, missing sidecar down right, rank up right. */
function drawCorners(context: CanvasRenderingContext2D, { node, at }: SceneNode, style: NodeStyle): void {
  const { data } = node;
  const routed = data.hasVS !== undefined && data.hasVS !== false;
  if (data.hasCB === true) corner(context, { x: at.x - 18, y: at.y - 15 }, style.palette, bolt);
  if (
    style.badges.virtualService &&
    (routed || data.hasTrafficShifting === true || data.hasRequestRouting === true || data.hasFaultInjection === true)
  ) {
    corner(context, { x: at.x - 19, y: at.y + 13 }, style.palette, branch);
  }
  if (style.badges.sidecar && data.isOutOfMesh === true) corner(context, { x: at.x + 19, y: at.y + 13 }, style.palette, missing);
  if (style.rank !== undefined) {
    corner(context, { x: at.x + 19, y: at.y - 15 }, style.palette, (ctx, point) => {
      ctx.font = `700 10px ${FONT}`;
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      ctx.fillStyle = style.palette.ink;
      ctx.fillText(String(style.rank), point.x, point.y + 0.5);
    });
  }
}

function corner(
  context: CanvasRenderingContext2D,
  at: Point,
  palette: Palette,
  glyph: (context: CanvasRenderingContext2D, at: Point, palette: Palette) => void,
): void {
  context.beginPath();
  context.arc(at.x, at.y, 8.5, 0, Math.PI * 2);
  context.fillStyle = palette.raised;
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = palette.line;
  context.stroke();
  glyph(context, at, palette);
}

function bolt(context: CanvasRenderingContext2D, at: Point, palette: Palette): void {
  context.beginPath();
  polygon(context, [
    [at.x + 1.5, at.y - 5.5],
    [at.x - 3.5, at.y + 1],
    [at.x - 0.3, at.y + 1],
    [at.x - 1.5, at.y + 5.5],
    [at.x + 3.5, at.y - 1],
    [at.x + 0.3, at.y - 1],
  ]);
  context.fillStyle = palette.info;
  context.fill();
}

function branch(context: CanvasRenderingContext2D, at: Point, palette: Palette): void {
  context.strokeStyle = palette.info;
  context.fillStyle = palette.info;
  context.lineWidth = 1.4;
  context.beginPath();
  context.moveTo(at.x - 2.5, at.y + 3.5);
  context.lineTo(at.x - 2.5, at.y - 3.5);
  context.moveTo(at.x - 2.5, at.y + 1);
  context.quadraticCurveTo(at.x + 2.5, at.y + 1, at.x + 2.5, at.y - 2);
  context.stroke();
  for (const [x, y] of [
    [-2.5, -4],
    [-2.5, 4],
    [2.5, -3],
  ] as const) {
    context.beginPath();
    context.arc(at.x + x, at.y + y, 1.5, 0, Math.PI * 2);
    context.fill();
  }
}

function missing(context: CanvasRenderingContext2D, at: Point, palette: Palette): void {
  context.strokeStyle = palette.danger;
  context.lineWidth = 1.8;
  context.beginPath();
  context.moveTo(at.x - 3.2, at.y - 3.2);
  context.lineTo(at.x + 3.2, at.y + 3.2);
  context.moveTo(at.x + 3.2, at.y - 3.2);
  context.lineTo(at.x - 3.2, at.y + 3.2);
  context.stroke();
}

export function drawBox(
  context: CanvasRenderingContext2D,
  { node, rect }: SceneBox,
  style: { readonly palette: Palette; readonly selected: boolean; readonly label: boolean; readonly letters: number },
): void {
  const kind = node.box ?? 'app';
  const colors = style.palette.boxes[kind];
  context.beginPath();
  context.roundRect(rect.x, rect.y, rect.width, rect.height, kind === 'app' ? 8 : 12);
  context.fillStyle = colors.fill;
  context.fill();
  context.lineWidth = style.selected ? 2.4 : 1.2;
  context.strokeStyle = style.selected ? style.palette.selected : colors.line;
  context.setLineDash(kind === 'app' ? [] : [5, 4]);
  context.stroke();
  context.setLineDash([]);
  if (style.label) drawBoxLabel(context, { node, rect }, style);
}

function drawBoxLabel(
  context: CanvasRenderingContext2D,
  { node, rect }: SceneBox,
  style: { readonly palette: Palette; readonly letters: number },
): void {
  context.save();
  context.translate(rect.x + rect.width / 2, rect.y + rect.height - 16);
  context.scale(style.letters, style.letters);
  context.font = `600 12px ${FONT}`;
  const badge = node.badge.length > 1 ? 24 : 18;
  const width = context.measureText(node.label).width + badge + 12;
  tag(context, { x: -width / 2, y: -9, width, height: 18 }, style.palette.raised, style.palette.boxes[node.box ?? 'app'].line);
  drawBadge(context, node.badge, { x: -width / 2 + 2 + badge / 2, y: 0, width: badge - 3 });
  context.font = `600 12px ${FONT}`;
  context.textAlign = 'left';
  context.fillStyle = style.palette.ink;
  context.fillText(node.label, -width / 2 + badge + 5, 0.5);
  context.restore();
}
