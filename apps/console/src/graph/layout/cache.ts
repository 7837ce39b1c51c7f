import type { GraphModel } from '../model.ts';
import type { Layout } from './elk-input.ts';
import type { Point } from './geometry.ts';
import { samePlace } from './pin.ts';

/** Where layouts outlive a reload. */
export interface LayoutStorage {
  read(): string | null;
  write(text: string): void;
}

/** Places of nodes by layout key. They outlive the node: one that comes back stands where it stood. */
export interface LayoutCache {
  places(key: string): ReadonlyMap<string, Point>;
  /** The whole layout when every node of the model has a place; else undefined. */
  complete(key: string, model: GraphModel): Layout | undefined;
  store(key: string, model: GraphModel, layout: Layout): void;
  move(key: string, id: string, to: Point): void;
  clear(key: string): void;
}

/** The bends of an edge, and where its ends stood when they were made: elsewhere they make no sense. */
interface Route {
  readonly from: Point;
  readonly to: Point;
  readonly points: readonly Point[];
}

interface Entry {
  readonly places: Map<string, Point>;
  readonly routes: Map<string, Route>;
}

interface Stored {
  readonly format: 1;
  readonly layouts: Readonly<Record<string, { readonly places: Readonly<Record<string, Point>>; readonly routes: Readonly<Record<string, Route>> }>>;
}

const MAX_ENTRIES = 2000;

export function createLayoutCache(storage: LayoutStorage): LayoutCache {
  const entries = load(storage);
  const entry = (key: string): Entry => {
    const found = entries.get(key) ?? { places: new Map<string, Point>(), routes: new Map<string, Route>() };
    entries.set(key, found);
    return found;
  };
  const save = (): void => storage.write(serialize(entries));
  return {
    places: (key) => entry(key).places,
    complete: (key, model) => complete(entry(key), model),
    store: (key, model, layout) => {
      const { places, routes } = entry(key);
      for (const [id, at] of layout.places) setLast(places, id, rounded(at));
      for (const [id, points] of layout.bends) {
        const edge = model.edges.get(id);
        const [from, to] = [places.get(edge?.source ?? ''), places.get(edge?.target ?? '')];
        if (from !== undefined && to !== undefined) setLast(routes, id, { from, to, points: points.map(rounded) });
      }
      prune(places);
      prune(routes);
      save();
    },
    move: (key, id, to) => {
      entry(key).places.set(id, rounded(to));
      save();
    },
    clear: (key) => {
      entries.delete(key);
      save();
    },
  };
}

function rounded(at: Point): Point {
  return { x: Math.round(at.x), y: Math.round(at.y) };
}

/** The oldest stand first, and go first when there are too many. */
function setLast<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
}

function prune(map: Map<string, unknown>): void {
  for (const id of [...map.keys()].slice(0, Math.max(0, map.size - MAX_ENTRIES))) map.delete(id);
}

function complete(entry: Entry, model: GraphModel): Layout | undefined {
  const places = new Map<string, Point>();
  for (const node of model.nodes.values()) {
    if (node.box !== undefined) continue;
    const at = entry.places.get(node.id);
    if (at === undefined) return undefined;
    places.set(node.id, at);
  }
  const bends = new Map<string, readonly Point[]>();
  for (const edge of model.edges.values()) {
    const route = entry.routes.get(edge.id);
    if (route !== undefined && samePlace(route.from, places.get(edge.source)) && samePlace(route.to, places.get(edge.target)))
      bends.set(edge.id, route.points);
  }
  return { places, bends };
}

function serialize(entries: ReadonlyMap<string, Entry>): string {
  const layouts = Object.fromEntries(
    [...entries].map(([key, entry]) => [key, { places: Object.fromEntries(entry.places), routes: Object.fromEntries(entry.routes) }]),
  );
  return JSON.stringify({ format: 1, layouts } satisfies Stored);
}

function load(storage: LayoutStorage): Map<string, Entry> {
  try {
    const stored = JSON.parse(storage.read() ?? 'null') as Stored | null;
    if (stored?.format !== 1) return new Map();
    return new Map(
      Object.entries(stored.layouts).map(([key, value]) => [
        key,
        { places: new Map(Object.entries(value.places)), routes: new Map(Object.entries(value.routes)) },
      ]),
    );
  } catch {
    return new Map(); // unreadable: as if nothing was stored
  }
}
