import type { Point } from '../../graph/layout/geometry.ts';
import type { Scene } from '../../graph/render/scene.ts';

/** The nearest node in a direction from the selected one; without a selection the leftmost. */
export function neighbourInDirection(scene: Scene, selected: string | undefined, direction: Point): string | undefined {
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
