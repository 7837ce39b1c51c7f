import type { Shape } from '../model.ts';
import { SHAPE_RADIUS, type Point, type Rect } from '../layout/geometry.ts';

/** An edge as it is drawn: points close together from border to border, and how far along each lies. */
export interface EdgePath {
  readonly points: readonly Point[];
  /** Length up to each point. */
  readonly along: readonly number[];
  readonly length: number;
}

/** What an edge ends at: a node's shape or a box's frame. */
export interface EdgeEnd {
  readonly at: Point;
  readonly shape: Shape;
  readonly frame?: Rect;
}

const SAMPLES = 28;

/** The way from one end to the other: through the layout's bends where it has them, else a gentle curve. `offset` parts parallel edges. */
export function edgePath(from: EdgeEnd, to: EdgeEnd, bends: readonly Point[], offset: number): EdgePath {
  const raw =
    from.at.x === to.at.x && from.at.y === to.at.y
      ? loop(from.at)
      : bends.length > 0
        ? rounded([from.at, ...bends, to.at])
        : curve(from.at, to.at, offset);
  return measure(clip(raw, from, to));
}

function loop(at: Point): Point[] {
  const points: Point[] = [];
  for (let step = 0; step <= SAMPLES; step += 1) {
    const angle = Math.PI * (0.75 + (step / SAMPLES) * 1.5);
    points.push({ x: at.x + Math.cos(angle) * 24, y: at.y - SHAPE_RADIUS - 14 - Math.sin(angle + Math.PI) * 24 });
  }
  return [at, ...points, at];
}

function curve(from: Point, to: Point, offset: number): Point[] {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy) || 1;
  const side = { x: (-dy / length) * offset, y: (dx / length) * offset };
  // Left to right, edges leave and arrive level; backwards or steep, they bow to one side instead of crossing what lies between.
  const level = dx > 60;
  const back = dx < -20;
  const pull = level ? Math.min(dx * 0.5, 140) : 0;
  const bow = back ? Math.min(90, 30 + Math.abs(dx) * 0.15) : 0;
  const c1 = { x: from.x + (level ? pull : dx * 0.33) + side.x, y: from.y + (level ? 0 : dy * 0.33) + side.y - bow };
  const c2 = { x: to.x - (level ? pull : dx * 0.33) + side.x, y: to.y - (level ? 0 : dy * 0.33) + side.y - bow };
  const points: Point[] = [];
  for (let step = 0; step <= SAMPLES; step += 1) points.push(cubic([from, c1, c2, to], step / SAMPLES));
  return points;
}

function cubic([a, b, c, d]: readonly [Point, Point, Point, Point], t: number): Point {
  const u = 1 - t;
  const [ka, kb, kc, kd] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: ka * a.x + kb * b.x + kc * c.x + kd * d.x, y: ka * a.y + kb * b.y + kc * c.y + kd * d.y };
}

const CORNER = 22;
const CORNER_STEPS = 8;

/** A line through given points with round corners. */
function rounded(given: readonly Point[]): Point[] {
  const points: Point[] = given.slice(0, 1);
  for (const [index, corner] of given.entries()) {
    const [before, after] = [given[index - 1], given[index + 1]];
    if (before === undefined || after === undefined) continue;
    const [start, end] = [towards(corner, before), towards(corner, after)];
    for (let step = 0; step <= CORNER_STEPS; step += 1) {
      const t = step / CORNER_STEPS;
      points.push(between(between(start, corner, t), between(corner, end, t), t));
    }
  }
  return [...points, ...given.slice(-1)];
}

/** The point from a corner towards its neighbour where the curve begins: never beyond half the way. */
function towards(corner: Point, neighbour: Point): Point {
  const length = Math.hypot(neighbour.x - corner.x, neighbour.y - corner.y) || 1;
  return between(corner, neighbour, Math.min(CORNER / length, 0.5));
}

function inside(end: EdgeEnd, point: Point): boolean {
  if (end.frame !== undefined)
    return point.x > end.frame.x && point.x < end.frame.x + end.frame.width && point.y > end.frame.y && point.y < end.frame.y + end.frame.height;
  const [dx, dy, r] = [Math.abs(point.x - end.at.x), point.y - end.at.y, SHAPE_RADIUS + 2];
  if (end.shape === 'circle' || end.shape === 'hexagon') return dx * dx + dy * dy < r * r;
  if (end.shape === 'triangle') return dy < r * 0.72 && dy > -r && dx < (dy + r) * 0.6 + 1;
  return dx < r && Math.abs(dy) < r;
}

function clip(points: readonly Point[], from: EdgeEnd, to: EdgeEnd): Point[] {
  const first = points.findIndex((point) => !inside(from, point));
  const last = points.findLastIndex((point) => !inside(to, point));
  if (first < 0 || last <= first) return [points[0] ?? from.at, points.at(-1) ?? to.at];
  const kept = points.slice(first, last + 1);
  const [before, after] = [points[first - 1], points[last + 1]];
  const head = before === undefined ? undefined : border(before, kept[0] ?? from.at, from);
  const tail = after === undefined ? undefined : border(after, kept.at(-1) ?? to.at, to);
  return [...(head === undefined ? [] : [head]), ...kept, ...(tail === undefined ? [] : [tail])];
}

/** Where the segment from a point inside to one outside crosses the border. */
function border(within: Point, without: Point, end: EdgeEnd): Point {
  let [low, high] = [0, 1];
  for (let step = 0; step < 8; step += 1) {
    const t = (low + high) / 2;
    if (inside(end, between(within, without, t))) low = t;
    else high = t;
  }
  return between(within, without, high);
}

function between(a: Point, b: Point, t: number): Point {
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

function measure(points: readonly Point[]): EdgePath {
  const along = [0];
  for (let index = 1; index < points.length; index += 1) {
    const [a, b] = [points[index - 1], points[index]];
    along.push((along[index - 1] ?? 0) + (a === undefined || b === undefined ? 0 : Math.hypot(b.x - a.x, b.y - a.y)));
  }
  return { points, along, length: along.at(-1) ?? 0 };
}

/** The point at a distance from the start, with the direction there. */
export function pointAt(path: EdgePath, distance: number): Point & { readonly angle: number } {
  let index = 1;
  while (index < path.points.length - 1 && (path.along[index] ?? 0) < distance) index += 1;
  const [a, b] = [path.points[index - 1] ?? { x: 0, y: 0 }, path.points[index] ?? path.points[index - 1] ?? { x: 0, y: 0 }];
  const [start, end] = [path.along[index - 1] ?? 0, path.along[index] ?? 0];
  const t = end > start ? Math.max(0, Math.min(1, (distance - start) / (end - start))) : 0;
  return { ...between(a, b, t), angle: Math.atan2(b.y - a.y, b.x - a.x) };
}

/** Distance of a point from the drawn line. */
export function distanceTo(path: EdgePath, point: Point): number {
  let best = Infinity;
  for (let index = 1; index < path.points.length; index += 1) {
    const [a, b] = [path.points[index - 1], path.points[index]];
    if (a === undefined || b === undefined) continue;
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const t = Math.max(0, Math.min(1, ((point.x - a.x) * dx + (point.y - a.y) * dy) / (dx * dx + dy * dy || 1)));
    best = Math.min(best, Math.hypot(point.x - a.x - t * dx, point.y - a.y - t * dy));
  }
  return best;
}
