import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simpleLayout } from '../layout/simple-layouts.ts';
import { buildModel } from '../model.ts';
import { small } from '../testdata.ts';
import { dotPeriodMs } from './animation.ts';
import { fitView, toGraph, zoomAt } from './draw.ts';
import { edgeLabel } from './labels.ts';
import { pointAt } from './path.ts';
import { buildScene, hitTest, related } from './scene.ts';

const model = buildModel(small());
const scene = buildScene(model, simpleLayout(model, 'breadthfirst'), { label: () => ['1'], locks: true });

describe('drawing', () => {
  it('draws every edge from border to border, and finds what lies under the pointer', () => {
    assert.equal(scene.edges.size, 4);
    for (const { edge, path } of scene.edges.values()) {
      const [from, to] = [scene.nodes.get(edge.source), scene.nodes.get(edge.target)];
      const [start, end] = [pointAt(path, 0), pointAt(path, path.length)];
      for (const [node, point] of [
        [from, start],
        [to, end],
      ] as const) {
        const distance = Math.hypot(point.x - (node?.at.x ?? 0), point.y - (node?.at.y ?? 0));
        assert.ok(distance > 8 && distance < 36, `${edge.id} ends ${distance} from the middle of ${node?.node.id}`);
      }
      const { x, y } = pointAt(path, path.length * 0.6);
      assert.deepEqual(hitTest(scene, { x, y }, 4)?.t, 'edge');
    }
    const db = scene.nodes.get('db');
    assert.deepEqual(hitTest(scene, db?.at ?? { x: 0, y: 0 }, 4), { t: 'node', id: 'db' });
    assert.equal(hitTest(scene, { x: 9999, y: 9999 }, 4), undefined);
  });

  it('marks what belongs to a selection: upstream and downstream, not the neighbour’s other ways', () => {
    assert.deepEqual([...related(model, 'reviews-v2')].toSorted(), [
      'box',
      'db',
      'gateway',
      'gateway>svc',
      'reviews-v2',
      'reviews-v2>db',
      'svc',
      'svc>reviews-v2',
    ]);
    assert.ok(!related(model, 'svc>reviews-v1').has('reviews-v2'));
    assert.ok(related(model, 'box').has('svc>reviews-v1'));
  });

  it('fits, zooms around the pointer and converts points', () => {
    const view = fitView({ x: -100, y: 0, width: 1000, height: 200 }, 800, 600);
    const left = toGraph(view, { x: 22, y: 300 });
    assert.ok(Math.abs(left.x + 100) < 1 && Math.abs(left.y - 100) < 1);
    const at = { x: 123, y: 45 };
    const zoomed = zoomAt(view, at, 2);
    assert.ok(Math.abs(toGraph(zoomed, at).x - toGraph(view, at).x) < 1e-9);
  });

  it('labels edges as Kiali does', () => {
    const [gateway, v1] = [model.edges.get('gateway>svc'), model.edges.get('svc>reviews-v1')];
    const tcp = model.edges.get('reviews-v2>db');
    assert.ok(gateway !== undefined && v1 !== undefined && tcp !== undefined);
    assert.deepEqual(edgeLabel(gateway, new Set(['trafficRate']), false), ['4', '25%err']);
    assert.deepEqual(edgeLabel(v1, new Set(['trafficRate']), true), ['3rps']);
    assert.deepEqual(edgeLabel(v1, new Set(['responseTime', 'trafficRate']), false), ['12ms', '3rps']);
    assert.deepEqual(edgeLabel(tcp, new Set(['trafficRate']), false), ['200bps']);
    assert.deepEqual([dotPeriodMs(v1), dotPeriodMs(tcp)], [1000 / 3, 100]);
  });
});
