import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { createLayoutCache } from '../../graph/layout/cache.ts';
import { elkLayout } from '../../graph/layout/elk-client.ts';
import type { Layout, LayoutName } from '../../graph/layout/elk-input.ts';
import type { Point } from '../../graph/layout/geometry.ts';
import { pinLayout } from '../../graph/layout/pin.ts';
import { simpleLayout } from '../../graph/layout/simple-layouts.ts';
import type { GraphModel } from '../../graph/model.ts';

const STORAGE_KEY = 'meltemi.layout';

const cache = createLayoutCache({
  read: () => localStorage.getItem(STORAGE_KEY),
  write: (text) => {
    try {
      localStorage.setItem(STORAGE_KEY, text);
    } catch {
      // No room or not allowed: places last as long as the page.
    }
  },
});

export interface UsedLayout {
  readonly layout: Layout | undefined;
  readonly error: string | undefined;
  /** Forgets all places and lays out anew. */
  readonly again: () => void;
  readonly move: (id: string, to: Point) => void;
}

/** Places for a model: those it had, and from the worker those it lacks. What is placed already is shown meanwhile. */
export function useLayout(model: GraphModel | undefined, name: LayoutName): UsedLayout {
  const [version, setVersion] = useState(0);
  const [error, setError] = useState<string>();
  const running = useRef(new Set<string>());
  const key = model === undefined ? '' : `${name}/${model.graphType}`;
  const members = useMemo(() => (model === undefined ? '' : [...model.nodes.keys()].toSorted().join(' ')), [model]);
  const shape = useMemo(() => (model === undefined ? '' : `${members}|${[...model.edges.keys()].toSorted().join(' ')}`), [model, members]);
  // `shape` and `version` stand for the model and the cache: rates alone never move anything.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  const complete = useMemo(() => (model === undefined ? undefined : cache.complete(key, model)), [key, shape, version]);
  const bump = useCallback(() => setVersion((value) => value + 1), []);
  useEffect(() => {
    if (model === undefined || complete !== undefined || running.current.has(key + members)) return;
    running.current.add(key + members);
    const fresh = name === 'layered' ? elkLayout(model) : Promise.resolve(simpleLayout(model, name));
    // Better a plain picture than none, should the worker fail.
    fresh
      .then(
        (layout) => ({ layout, problem: undefined }),
        (reason: unknown) => ({ layout: simpleLayout(model, 'grid'), problem: reason instanceof Error ? reason.message : String(reason) }),
      )
      .then(
        ({ layout, problem }) => {
          cache.store(key, model, pinLayout(model, cache.places(key), layout));
          setError(problem);
          running.current.delete(key + members);
          bump();
        },
        () => undefined,
      );
  }, [model, complete, key, members, name, bump]);
  const partial = useMemo(() => {
    if (model === undefined || complete !== undefined) return undefined;
    const places = new Map([...cache.places(key)].filter(([id]) => model.nodes.has(id)));
    return places.size === 0 ? undefined : { places, bends: new Map() };
  }, [model, complete, key]);
  const again = useCallback(() => {
    cache.clear(key);
    bump();
  }, [key, bump]);
  const move = useCallback(
    (id: string, to: Point) => {
      cache.move(key, id, to);
      bump();
    },
    [key, bump],
  );
  return { layout: complete ?? partial, error, again, move };
}
