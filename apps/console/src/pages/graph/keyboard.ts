import type { Point } from '../../graph/layout/geometry.ts';
import type { Scene } from '../../graph/render/scene.ts';

const DIRECTIONS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** What keys do to the graph. */
export interface KeyTarget {
  readonly scene: () => Scene | undefined;
  readonly selected: string | undefined;
  readonly select: (id: string | undefined) => void;
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
}

const KEYS: Readonly<Record<string, (target: KeyTarget) => void>> = {
  '+': (target) => target.zoom(1.25),
  '=': (target) => target.zoom(1.25),
  '-': (target) => target.zoom(0.8),
  '0': (target) => target.fit(),
  Escape: (target) => target.select(undefined),
};

/** Does what a key stands for; false when it stands for nothing. */
export function graphKey(key: string, target: KeyTarget): boolean {
  const direction = DIRECTIONS[key];
  const scene = target.scene();
  if (direction !== undefined && scene !== undefined) {
    const next = neighbourInDirection(scene, target.selected, direction);
    if (next !== undefined) target.select(next);
    return true;
  }
  KEYS[key]?.(target);
  return KEYS[key] !== undefined;
}

/** The nearest node in a direction from the selected one; without a selection the leftmost. */
function neighbourInDirection(scene: Scene, selected: string | undefined, direction: Point): string | undefined {
  const from = selected === undefined ? undefined : scene.nodes.get(selected)?.at;
  let best: { id: string; cost: number } | undefined;
  for (const { node, at } of scene.nodes.values()) {
    if (node.id === selected) continue;
    let cost = at.x + at.y * 0.01;
    if (from !== undefined) {
      const [dx, dy] = [at.x - from.x, at.y - from.y];
      const ahead = dx * direction.x + dy * direction.y;
      const aside = Math.abs(dx * direction.y) + Math.abs(dy * direction.x);
      if (ahead <= 1 || aside > ahead * 2.5) continue;
      cost = ahead + aside * 2;
    }
    if (best === undefined || cost < best.cost) best = { id: node.id, cost };
  }
  return best?.id;
}
