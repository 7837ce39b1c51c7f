import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildModel, type GraphModel } from '../model.ts';
import { edge, graph, node, small } from '../testdata.ts';
import { createLayoutCache } from './cache.ts';
import { elkInput, elkOutput, type Layout } from './elk-input.ts';
import { boxRects, footprint, overlaps } from './geometry.ts';
import { pinLayout } from './pin.ts';
import { simpleLayout } from './simple-layouts.ts';

function chain(ids: readonly string[]): GraphModel {
  return buildModel(
    graph(
      ids.map((id) => node(id)),
      ids.slice(1).map((id, index) => edge(ids[index] ?? '', id)),
    ),
  );
}

function row(ids: readonly string[], y = 0): Layout {
  return { places: new Map(ids.map((id, index) => [id, { x: index * 150, y }])), bends: new Map() };
}

describe('layout', () => {
  it('asks ELK with boxes around their members, and reads its answer', () => {
    const input = elkInput(buildModel(small()));
    assert.deepEqual(
      input.children?.map((child) => [child.id, child.children?.map((inner) => inner.id)]),
      [
        ['db', undefined],
        ['gateway', undefined],
        ['box', ['reviews-v1', 'reviews-v2']],
        ['svc', undefined],
      ],
    );
    const output = elkOutput({
      id: 'root',
      children: [
        { id: 'a', x: 10, y: 20, width: 60, height: 70 },
        { id: 'box', x: 0, y: 0, width: 9, height: 9, children: [{ id: 'b', x: 100, y: 50, width: 40, height: 60 }] },
      ],
      edges: [{ id: 'e', sections: [{ bendPoints: [{ x: 1, y: 2 }] }] }],
    });
    assert.deepEqual(
      [[...output.places], [...output.bends]],
      [
        [
          ['a', { x: 40, y: 42 }],
          ['b', { x: 120, y: 72 }],
        ],
        [['e', [{ x: 1, y: 2 }]]],
      ],
    );
  });

  it('never moves what has a place, and sets what is new beside its neighbours without overlap', () => {
    const old = row(['a', 'b', 'c']);
    const model = buildModel(
      graph(
        ['a', 'b', 'c', 'd'].map((id) => node(id)),
        [edge('a', 'b'), edge('b', 'c'), edge('b', 'd')],
      ),
    );
    const fresh: Layout = {
      places: new Map([
        ['a', { x: 500, y: 900 }],
        ['b', { x: 650, y: 900 }],
        ['c', { x: 800, y: 860 }],
        ['d', { x: 800, y: 940 }],
      ]),
      bends: new Map([['b>d', [{ x: 1, y: 1 }]]]),
    };
    const pinned = pinLayout(model, old.places, fresh);
    for (const id of ['a', 'b', 'c']) assert.deepEqual(pinned.places.get(id), old.places.get(id));
    const rooms = [...model.nodes.values()].map((one) => footprint(one, pinned.places.get(one.id) ?? { x: 0, y: 0 }));
    assert.ok(rooms.every((a, i) => rooms.every((b, j) => i === j || !overlaps(a, b, 0))));
    assert.ok(Math.abs((pinned.places.get('d')?.x ?? 0) - 300) < 1, 'stands in the column that the layout gave it');
    assert.equal(pinned.bends.size, 0, 'bends of a moved picture are not used');
  });

  it('takes a fresh layout whole when most nodes are new', () => {
    const fresh = row(['a', 'b', 'c', 'd', 'e'], 7);
    assert.equal(pinLayout(chain(['a', 'b', 'c', 'd', 'e']), row(['a']).places, fresh), fresh);
  });

  it('remembers places over a reload, over absence, and bends while both ends stand still', () => {
    let stored: string | null = null;
    const storage = { read: () => stored, write: (text: string) => (stored = text) };
    const cache = createLayoutCache(storage);
    const model = chain(['a', 'b', 'c']);
    cache.store('k', model, { places: row(['a', 'b', 'c']).places, bends: new Map([['a>b', [{ x: 75, y: 9.6 }]]]) });
    assert.equal(cache.complete('k', chain(['a', 'x'])), undefined);
    const again = createLayoutCache(storage).complete('k', model);
    assert.deepEqual(
      [[...(again?.places ?? [])], [...(again?.bends ?? [])]],
      [
        [
          ['a', { x: 0, y: 0 }],
          ['b', { x: 150, y: 0 }],
          ['c', { x: 300, y: 0 }],
        ],
        [['a>b', [{ x: 75, y: 10 }]]],
      ],
    );
    cache.move('k', 'b', { x: 150, y: 80 });
    assert.deepEqual([cache.complete('k', model)?.places.get('b'), cache.complete('k', model)?.bends.size], [{ x: 150, y: 80 }, 0]);
    assert.equal(cache.complete('other', model), undefined);
    cache.clear('k');
    assert.equal(cache.complete('k', model), undefined);
    stored = '{broken';
    assert.equal(createLayoutCache(storage).complete('k', model), undefined);
  });

  it('frames boxes around their members, and places everything in the plain layouts', () => {
    const model = buildModel(small());
    for (const name of ['grid', 'concentric', 'breadthfirst'] as const) {
      const { places } = simpleLayout(model, name);
      assert.equal(places.size, 5, name);
      assert.equal(new Set([...places.values()].map((at) => `${at.x},${at.y}`)).size, 5, name);
      const box = boxRects(model, places).get('box');
      for (const id of ['reviews-v1', 'reviews-v2']) {
        const at = places.get(id);
        assert.ok(box !== undefined && at !== undefined && at.x > box.x && at.x < box.x + box.width && at.y > box.y && at.y < box.y + box.height);
      }
    }
  });
});
