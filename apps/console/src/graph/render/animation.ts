import { SHAPE_RADIUS } from '../layout/geometry.ts';
import type { GraphEdge } from '../model.ts';
import { edgeColor } from './draw-edge.ts';
import { clearTarget, type Target } from './draw.ts';
import type { Palette } from './palette.ts';
import { pointAt } from './path.ts';
import { labelWidth, type Scene, type SceneEdge } from './scene.ts';

const TCP_BYTES_PER_DOT = 20;
const MIN_PERIOD_MS = 40;
const MAX_PERIOD_MS = 5000;

interface Dot {
  readonly bornMs: number;
  readonly kind: 'error' | 'success' | 'tcp';
  /** Sideways, −1…1. */
  readonly side: number;
}

interface Stream {
  nextMs: number;
  readonly dots: Dot[];
}

/** Moving dots that stand for traffic. State is kept by edge, so that a new frame of the graph does not restart it. */
export interface TrafficAnimation {
  /** Draws the moment `nowMs`. */
  draw(target: Target, scene: Scene, nowMs: number, options: AnimationOptions): void;
}

interface AnimationOptions {
  readonly palette: Palette;
  readonly visible: (id: string) => boolean;
}

/** Milliseconds between two dots: one request per second is about one dot per second. */
export function dotPeriodMs(edge: GraphEdge): number | undefined {
  if (edge.protocol === undefined || edge.rates.total <= 0) return undefined;
  const perSecond = edge.protocol === 'tcp' ? edge.rates.total / TCP_BYTES_PER_DOT : edge.rates.total;
  return Math.max(MIN_PERIOD_MS, Math.min(MAX_PERIOD_MS, 1000 / perSecond));
}

/** Pixels per second: slower answers, slower dots. */
function dotSpeed(edge: GraphEdge): number {
  const ms = edge.responseTimeMs ?? 20;
  return 150 - 100 * Math.max(0, Math.min(1, Math.log10(Math.max(1, ms / 10)) / 2.5));
}

export function createTrafficAnimation(random: () => number): TrafficAnimation {
  const streams = new Map<string, Stream>();
  return {
    draw: (target, scene, nowMs, options) => {
      const { context } = target;
      clearTarget(target);
      for (const id of streams.keys()) if (!scene.edges.has(id)) streams.delete(id);
      for (const edge of scene.edges.values()) {
        if (!options.visible(edge.edge.id)) continue;
        advance(streams, edge, nowMs, random);
        for (const dot of streams.get(edge.edge.id)?.dots ?? []) drawDot(context, edge, { ...dot, ageMs: nowMs - dot.bornMs }, options.palette);
      }
      clearUnderLabels(target.context, scene);
    },
  };
}

/** Labels lie on the canvas below: dots pass under them. */
function clearUnderLabels(context: CanvasRenderingContext2D, scene: Scene): void {
  for (const { label, locked, labelAt } of scene.edges.values()) {
    if (label.length === 0 && !locked) continue;
    const [width, height] = [labelWidth(label, locked), label.length * 13 + 5];
    context.clearRect(labelAt.x - width / 2, labelAt.y - height / 2, width, height);
  }
  for (const { at, room } of scene.nodes.values()) {
    const top = at.y + SHAPE_RADIUS + 4;
    context.clearRect(room.x + 3, top, room.width - 6, room.y + room.height - top - 2);
  }
}

function advance(streams: Map<string, Stream>, { edge, path }: SceneEdge, nowMs: number, random: () => number): void {
  const period = dotPeriodMs(edge);
  if (period === undefined) {
    streams.delete(edge.id);
    return;
  }
  const stream = streams.get(edge.id) ?? { nextMs: nowMs + random() * Math.min(period, 1000), dots: [] };
  streams.set(edge.id, stream);
  const lifeMs = (path.length / dotSpeed(edge)) * 1000;
  // After a pause (a hidden tab) traffic starts anew instead of being made up for.
  if (nowMs - stream.nextMs > 1000) stream.nextMs = nowMs;
  while (stream.nextMs <= nowMs) {
    const kind = edge.protocol === 'tcp' ? 'tcp' : random() * 100 < edge.errorPercent ? 'error' : 'success';
    stream.dots.push({ bornMs: stream.nextMs, kind, side: kind === 'tcp' ? random() * 2 - 1 : 0 });
    stream.nextMs += period * (0.75 + random() * 0.5);
  }
  while (stream.dots.length > 0 && nowMs - (stream.dots[0]?.bornMs ?? 0) > lifeMs) stream.dots.shift();
}

function drawDot(context: CanvasRenderingContext2D, { edge, path }: SceneEdge, dot: Dot & { readonly ageMs: number }, palette: Palette): void {
  const at = pointAt(path, (dot.ageMs / 1000) * dotSpeed(edge));
  const [x, y] = [at.x - Math.sin(at.angle) * dot.side * 4, at.y + Math.cos(at.angle) * dot.side * 4];
  context.beginPath();
  if (dot.kind === 'error') {
    context.moveTo(x, y - 6);
    context.lineTo(x + 6, y);
    context.lineTo(x, y + 6);
    context.lineTo(x - 6, y);
    context.closePath();
  } else context.arc(x, y, dot.kind === 'tcp' ? 3.2 : 4, 0, Math.PI * 2);
  context.fillStyle = dot.kind === 'tcp' ? '#a3a3a3' : '#ffffff';
  context.fill();
  context.lineWidth = dot.kind === 'error' ? 2 : 1.6;
  context.strokeStyle = dot.kind === 'error' ? palette.danger : edgeColor(edge, palette);
  context.stroke();
}
