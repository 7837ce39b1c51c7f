import type { Layout } from '../layout/elk-input.ts';
import type { Point } from '../layout/geometry.ts';
import type { GraphModel } from '../model.ts';

const TWEEN_MS = 320;
/** Above this many nodes a change of layout is shown at once: tweening would not keep up. */
const TWEEN_NODES = 300;

/** A change of layout on its way. */
export interface Tween {
  readonly from: ReadonlyMap<string, Point>;
  readonly startMs: number;
}

/** A tween from one layout to another, when something would jump otherwise. */
export function tweenBetween(before: Layout, after: Layout, nowMs: number): Tween | undefined {
  if (after.places.size > TWEEN_NODES || !jumps(before.places, after.places)) return undefined;
  return { from: new Map(before.places), startMs: nowMs };
}

/** The layout at a moment of a tween; undefined when it is over. */
export function tweened(tween: Tween, to: Layout, nowMs: number): Layout | undefined {
  const t = (nowMs - tween.startMs) / TWEEN_MS;
  if (t >= 1) return undefined;
  const eased = 1 - (1 - t) ** 3;
  const places = new Map<string, Point>();
  for (const [id, at] of to.places) {
    const old = tween.from.get(id) ?? at;
    places.set(id, { x: old.x + (at.x - old.x) * eased, y: old.y + (at.y - old.y) * eased });
  }
  return { places, bends: new Map() };
}

/** The layout with one node elsewhere; bends of its edges make no sense any more. */
export function withNodeAt(layout: Layout, model: GraphModel, id: string, at: Point): Layout {
  const bends = [...layout.bends].filter(([edgeId]) => {
    const edge = model.edges.get(edgeId);
    return edge !== undefined && edge.source !== id && edge.target !== id;
  });
  return { places: new Map([...layout.places, [id, at]]), bends: new Map(bends) };
}

/** Whether something that was there before stands elsewhere now. */
function jumps(before: ReadonlyMap<string, Point>, after: ReadonlyMap<string, Point>): boolean {
  for (const [id, at] of after) {
    const old = before.get(id);
    if (old !== undefined && Math.hypot(old.x - at.x, old.y - at.y) > 1) return true;
  }
  return false;
}
