import type { GraphEdge } from '../model.ts';
import type { Point } from '../layout/geometry.ts';
import { FONT } from './draw-node.ts';
import { healthColor, type Palette } from './palette.ts';
import { pointAt } from './path.ts';
import type { SceneEdge } from './scene.ts';

interface EdgeStyle {
  readonly palette: Palette;
  readonly selected: boolean;
  readonly found: boolean;
  readonly hovered: boolean;
}

export function edgeColor(edge: GraphEdge, palette: Palette): string {
  if (edge.idle) return palette.idle;
  if (edge.protocol === 'tcp') return palette.tcp;
  return healthColor(palette, edge.health === 'NA' ? 'Healthy' : edge.health);
}

export function drawEdge(context: CanvasRenderingContext2D, scene: SceneEdge, style: EdgeStyle): void {
  const { path, edge } = scene;
  const color = style.selected ? style.palette.selected : edgeColor(edge, style.palette);
  const alpha = context.globalAlpha;
  trace(context, scene);
  context.lineJoin = 'round';
  context.lineCap = 'round';
  if (style.found || style.selected || style.hovered) {
    context.strokeStyle = style.found ? style.palette.halo : style.palette.selected;
    context.globalAlpha = alpha * (style.hovered && !style.found ? 0.16 : 0.35);
    context.lineWidth = 11;
    context.stroke();
    context.globalAlpha = alpha;
  }
  context.strokeStyle = color;
  context.lineWidth = style.selected ? 3.4 : 2.4;
  context.setLineDash(edge.idle ? [6, 5] : []);
  context.stroke();
  context.setLineDash([]);
  arrow(context, pointAt(path, path.length), pointAt(path, Math.max(0, path.length - 6)), color);
}

function trace(context: CanvasRenderingContext2D, { path }: SceneEdge): void {
  context.beginPath();
  // The line ends within the arrow's head, so that its tip stays sharp.
  const last = path.points.length - 1;
  path.points.forEach((point, index) => {
    if (index === 0) context.moveTo(point.x, point.y);
    else if (index < last) context.lineTo(point.x, point.y);
  });
  const end = pointAt(path, Math.max(0, path.length - 6));
  context.lineTo(end.x, end.y);
}

function arrow(context: CanvasRenderingContext2D, tip: Point, from: Point, color: string): void {
  const angle = Math.atan2(tip.y - from.y, tip.x - from.x);
  context.beginPath();
  context.moveTo(tip.x, tip.y);
  for (const turn of [2.62, -2.62]) context.lineTo(tip.x + Math.cos(angle + turn) * 11, tip.y + Math.sin(angle + turn) * 11);
  context.closePath();
  context.fillStyle = color;
  context.fill();
}

export function drawEdgeLabel(
  context: CanvasRenderingContext2D,
  scene: SceneEdge,
  style: { readonly palette: Palette; readonly selected: boolean; readonly letters: number },
): void {
  const { label, locked, labelAt, edge } = scene;
  if (label.length === 0 && !locked) return;
  const { palette } = style;
  context.save();
  context.translate(labelAt.x, labelAt.y);
  context.scale(style.letters, style.letters);
  context.font = `500 11px ${FONT}`;
  const text = Math.max(0, ...label.map((line) => context.measureText(line).width));
  const lock = locked ? 12 : 0;
  const width = text + lock + (label.length > 0 ? 10 : 6);
  const height = Math.max(1, label.length) * 13 + 3;
  context.beginPath();
  context.roundRect(-width / 2, -height / 2, width, height, label.length > 1 ? 6 : height / 2);
  context.fillStyle = palette.raised;
  context.fill();
  context.lineWidth = 1.2;
  context.strokeStyle = style.selected ? palette.selected : edgeColor(edge, palette);
  context.stroke();
  if (locked) drawLock(context, { x: -width / 2 + 9, y: 0 }, palette.ink);
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  label.forEach((line, index) => {
    context.fillStyle = line.endsWith('%err') ? palette.danger : palette.ink;
    context.fillText(line, -width / 2 + lock + 5, -height / 2 + 8.5 + index * 13);
  });
  context.restore();
}

function drawLock(context: CanvasRenderingContext2D, at: Point, color: string): void {
  context.fillStyle = color;
  context.strokeStyle = color;
  context.lineWidth = 1.3;
  context.beginPath();
  context.roundRect(at.x - 4, at.y - 1, 8, 5.6, 1.2);
  context.fill();
  context.beginPath();
  context.arc(at.x, at.y - 1.4, 2.5, Math.PI, 0);
  context.stroke();
}
