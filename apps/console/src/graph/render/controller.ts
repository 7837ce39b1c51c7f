import { rankContext } from '../find/apply.ts';
import type { Layout } from '../layout/elk-input.ts';
import type { Point } from '../layout/geometry.ts';
import type { GraphModel } from '../model.ts';
import { createTrafficAnimation } from './animation.ts';
import { drawScene, fitView, toGraph, zoomAt, type DrawOptions, type Marks, type Viewport } from './draw.ts';
import { listenToPointer, type PointerTarget } from './pointer.ts';
import { buildScene, hitTest, related, type Hit, type LabelOptions, type Scene } from './scene.ts';

/** Everything that is shown, as the page wants it. */
export interface GraphView {
  readonly model: GraphModel;
  readonly layout: Layout;
  readonly labels: LabelOptions;
  readonly draw: Omit<DrawOptions, 'rank'>;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string>;
  readonly showRank: boolean;
  readonly animate: boolean;
}

export interface ControllerEvents {
  readonly select: (hit: Hit | undefined) => void;
  readonly hover: (hit: Hit | undefined, at: Point) => void;
  readonly move: (id: string, to: Point) => void;
}

/** The canvases' own life: viewport, pointer, moving dots. React tells it what to show and nothing more. */
export interface GraphController {
  show(view: GraphView): void;
  fit(): void;
  zoom(factor: number): void;
  /** The scene as drawn, for keyboard moves and tests. */
  scene(): Scene | undefined;
  toScreen(point: Point): Point;
  dispose(): void;
}

const TWEEN_MS = 320;
/** Above this many nodes a change of layout is shown at once: tweening would not keep up. */
const TWEEN_NODES = 300;

export function createController(base: HTMLCanvasElement, overlay: HTMLCanvasElement, events: ControllerEvents): GraphController {
  const state = {
    view: undefined as GraphView | undefined,
    scene: undefined as Scene | undefined,
    port: { scale: 1, x: 0, y: 0 } as Viewport,
    marks: { selected: undefined, bright: undefined, found: new Set(), hovered: undefined } as Marks,
    width: 0,
    height: 0,
    ratio: 1,
    fitted: false,
    touched: false,
    dirty: true,
    frame: 0,
    tween: undefined as { from: ReadonlyMap<string, Point>; startMs: number } | undefined,
    dragged: undefined as { id: string; at: Point } | undefined,
  };
  const animation = createTrafficAnimation(Math.random);
  const reduced = window.matchMedia('(prefers-reduced-motion: reduce)');
  const context = base.getContext('2d');
  const dots = overlay.getContext('2d');

  const rebuild = (): void => {
    const { view } = state;
    if (view === undefined) return;
    state.scene = buildScene(view.model, currentLayout(state, view), view.labels);
    if (!state.fitted || !state.touched) fitNow();
    state.dirty = true;
  };
  const fitNow = (): void => {
    if (state.scene === undefined || state.width === 0 || state.scene.nodes.size === 0) return;
    state.port = fitView(state.scene.bounds, state.width, state.height);
    state.fitted = true;
    state.dirty = true;
  };
  const tick = (nowMs: number): void => {
    state.frame = requestAnimationFrame(tick);
    const { view } = state;
    if (view === undefined || context === null || dots === null || state.width === 0) return;
    if (state.tween !== undefined) rebuild();
    if (state.scene === undefined) return;
    if (state.dirty) {
      const rank = view.showRank ? rankContext(view.model) : undefined;
      drawScene(context, state.scene, state.port, state.ratio, state.marks, {
        ...view.draw,
        rank: rank === undefined ? undefined : (id) => rankOf(view.model, id, rank),
      });
      state.dirty = false;
    }
    if (view.animate && !reduced.matches && state.tween === undefined) {
      animation.draw(dots, state.scene, state.port, state.ratio, nowMs, {
        palette: view.draw.palette,
        visible: (id) => state.marks.bright === undefined || state.marks.bright.has(id),
      });
    } else clear(dots);
  };
  const resize = new ResizeObserver(() => {
    const rect = base.getBoundingClientRect();
    Object.assign(state, { width: rect.width, height: rect.height, ratio: Math.min(2, window.devicePixelRatio || 1) });
    for (const canvas of [base, overlay]) {
      canvas.width = Math.max(1, Math.round(rect.width * state.ratio));
      canvas.height = Math.max(1, Math.round(rect.height * state.ratio));
    }
    if (!state.touched) fitNow();
    state.dirty = true;
  });
  resize.observe(base);
  const target: PointerTarget = {
    hit: (screen) => (state.scene === undefined ? undefined : hitTest(state.scene, toGraph(state.port, screen), 6 / state.port.scale)),
    select: events.select,
    hover: (hit, screen) => {
      events.hover(hit, screen);
      if (hit?.id === state.marks.hovered) return;
      state.marks = { ...state.marks, hovered: hit?.id };
      state.dirty = true;
    },
    pan: (dx, dy) => Object.assign(state, { port: { ...state.port, x: state.port.x + dx, y: state.port.y + dy }, touched: true, dirty: true }),
    zoom: (screen, factor) => Object.assign(state, { port: zoomAt(state.port, screen, factor), touched: true, dirty: true }),
    zoomTo: (a, b) => {
      const [from, to] = [toGraph(state.port, a), toGraph(state.port, b)];
      const bounds = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
      if (bounds.width > 10 && bounds.height > 10)
        Object.assign(state, { port: fitView(bounds, state.width, state.height, 8), touched: true, dirty: true });
    },
    drag: (id, screen) => {
      state.dragged = { id, at: toGraph(state.port, screen) };
      state.touched = true;
      rebuild();
    },
    drop: () => {
      if (state.dragged !== undefined) events.move(state.dragged.id, state.dragged.at);
      state.dragged = undefined;
    },
  };
  const stopPointer = listenToPointer(overlay, target);
  state.frame = requestAnimationFrame(tick);

  return {
    show: (view) => {
      const before = state.view;
      const moved = before !== undefined && before.layout !== view.layout && state.scene !== undefined;
      if (moved && view.model.nodes.size <= TWEEN_NODES && !reduced.matches && jumps(currentLayout(state, before).places, view.layout.places)) {
        state.tween = { from: new Map(currentLayout(state, before).places), startMs: performance.now() };
      }
      state.view = view;
      state.marks = {
        ...state.marks,
        selected: view.selected,
        found: view.found,
        bright: view.selected === undefined || !known(view.model, view.selected) ? undefined : related(view.model, view.selected),
      };
      rebuild();
    },
    fit: () => {
      state.touched = false;
      fitNow();
    },
    zoom: (factor) => target.zoom({ x: state.width / 2, y: state.height / 2 }, factor),
    scene: () => state.scene,
    toScreen: (point) => ({ x: point.x * state.port.scale + state.port.x, y: point.y * state.port.scale + state.port.y }),
    dispose: () => {
      cancelAnimationFrame(state.frame);
      resize.disconnect();
      stopPointer();
    },
  };

  function currentLayout(current: typeof state, view: GraphView): Layout {
    const dragged = current.dragged;
    if (dragged !== undefined) return { places: new Map([...view.layout.places, [dragged.id, dragged.at]]), bends: withoutEnd(view, dragged.id) };
    if (current.tween === undefined) return view.layout;
    const t = (performance.now() - current.tween.startMs) / TWEEN_MS;
    if (t >= 1) {
      current.tween = undefined;
      return view.layout;
    }
    return between(current.tween.from, view.layout.places, 1 - (1 - t) ** 3);
  }
}

function clear(context: CanvasRenderingContext2D): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
}

function known(model: GraphModel, id: string): boolean {
  return model.nodes.has(id) || model.edges.has(id);
}

function rankOf(model: GraphModel, id: string, context: ReturnType<typeof rankContext>): number | undefined {
  const node = model.nodes.get(id);
  return node === undefined ? undefined : context.rank(node);
}

/** Whether something that was there before stands elsewhere now. */
function jumps(before: ReadonlyMap<string, Point>, after: ReadonlyMap<string, Point>): boolean {
  for (const [id, at] of after) {
    const old = before.get(id);
    if (old !== undefined && Math.hypot(old.x - at.x, old.y - at.y) > 1) return true;
  }
  return false;
}

function between(from: ReadonlyMap<string, Point>, to: ReadonlyMap<string, Point>, t: number): Layout {
  const places = new Map<string, Point>();
  for (const [id, at] of to) {
    const old = from.get(id) ?? at;
    places.set(id, { x: old.x + (at.x - old.x) * t, y: old.y + (at.y - old.y) * t });
  }
  return { places, bends: new Map() };
}

function withoutEnd(view: GraphView, id: string): ReadonlyMap<string, readonly Point[]> {
  return new Map(
    [...view.layout.bends].filter(([edgeId]) => {
      const edge = view.model.edges.get(edgeId);
      return edge !== undefined && edge.source !== id && edge.target !== id;
    }),
  );
}
