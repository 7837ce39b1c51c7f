import { rankContext } from '../find/apply.ts';
import type { Layout } from '../layout/elk-input.ts';
import type { Point } from '../layout/geometry.ts';
import type { GraphModel } from '../model.ts';
import { createTrafficAnimation } from './animation.ts';
import { clearTarget, drawScene, fitView, toGraph, zoomAt, type DrawOptions, type Marks, type Target, type Viewport } from './draw.ts';
import { tweenBetween, tweened, withNodeAt, type Tween } from './motion.ts';
import { listenToPointer, type PointerTarget } from './pointer.ts';
import { buildScene, hitTest, related, type Hit, type LabelOptions, type Scene } from './scene.ts';

/** Everything that is shown, as the page wants it. */
interface GraphView {
  readonly model: GraphModel;
  readonly layout: Layout;
  readonly labels: LabelOptions;
  readonly draw: Omit<DrawOptions, 'rank'>;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string>;
  readonly showRank: boolean;
  readonly animate: boolean;
}

interface ControllerEvents {
  readonly select: (hit: Hit | undefined) => void;
  readonly hover: (hit: Hit | undefined, at: Point) => void;
  readonly move: (id: string, to: Point) => void;
}

/** Drawing the dots may take this long in each frame; when it takes longer, so many times as long is left to everything else. */
const FREE_DOTS_MS = 8;
const DOTS_PAUSE = 4;

/** The canvases' own life: viewport, pointer, moving dots. React tells it what to show and nothing more. */
export class GraphController {
  readonly #base: HTMLCanvasElement;
  readonly #overlay: HTMLCanvasElement;
  readonly #events: ControllerEvents;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #dots: CanvasRenderingContext2D | null;
  readonly #animation = createTrafficAnimation(Math.random);
  readonly #reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)');
  readonly #resize = new ResizeObserver(() => this.#measure());
  readonly #stopPointer: () => void;
  #view: GraphView | undefined;
  #scene: Scene | undefined;
  #port: Viewport = { scale: 1, x: 0, y: 0 };
  #marks: Marks = { selected: undefined, bright: undefined, found: new Set(), hovered: undefined };
  #size = { width: 0, height: 0, ratio: 1 };
  /** Whether somebody chose the viewport: then it is theirs, and nothing fits it anew. */
  #touched = false;
  #dirty = true;
  #frame: number;
  #tween: Tween | undefined;
  #nextDotsMs = 0;
  #dragged: { readonly id: string; readonly at: Point } | undefined;

  constructor(base: HTMLCanvasElement, overlay: HTMLCanvasElement, events: ControllerEvents) {
    this.#base = base;
    this.#overlay = overlay;
    this.#events = events;
    this.#context = base.getContext('2d');
    this.#dots = overlay.getContext('2d');
    this.#resize.observe(base);
    this.#stopPointer = listenToPointer(overlay, this.#pointerTarget());
    this.#frame = requestAnimationFrame((nowMs) => this.#tick(nowMs));
  }

  show(view: GraphView): void {
    const before = this.#view;
    if (before !== undefined && before.layout !== view.layout && this.#scene !== undefined && !this.#reducedMotion.matches)
      this.#tween = tweenBetween(this.#layoutOf(before), view.layout, performance.now()) ?? this.#tween;
    this.#view = view;
    const { model, selected } = view;
    const exists = selected !== undefined && (model.nodes.has(selected) || model.edges.has(selected));
    this.#marks = { ...this.#marks, selected, found: view.found, bright: exists ? related(model, selected) : undefined };
    this.#rebuild();
  }

  fit(): void {
    this.#touched = false;
    this.#fitNow();
  }

  zoom(factor: number): void {
    this.#moveTo(zoomAt(this.#port, { x: this.#size.width / 2, y: this.#size.height / 2 }, factor));
  }

  /** The scene as drawn, for keyboard moves. */
  scene(): Scene | undefined {
    return this.#scene;
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
    this.#stopPointer();
  }

  #pointerTarget(): PointerTarget {
    return {
      hit: (screen) => (this.#scene === undefined ? undefined : hitTest(this.#scene, toGraph(this.#port, screen), 6 / this.#port.scale)),
      select: (hit) => this.#events.select(hit),
      hover: (hit, screen) => {
        this.#events.hover(hit, screen);
        if (hit?.id === this.#marks.hovered) return;
        this.#marks = { ...this.#marks, hovered: hit?.id };
        this.#dirty = true;
      },
      pan: (dx, dy) => this.#moveTo({ ...this.#port, x: this.#port.x + dx, y: this.#port.y + dy }),
      zoom: (screen, factor) => this.#moveTo(zoomAt(this.#port, screen, factor)),
      zoomTo: (a, b) => {
        const [from, to] = [toGraph(this.#port, a), toGraph(this.#port, b)];
        const bounds = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
        if (bounds.width > 10 && bounds.height > 10) this.#moveTo(fitView(bounds, this.#size.width, this.#size.height, 8));
      },
      drag: (id, screen) => {
        this.#dragged = { id, at: toGraph(this.#port, screen) };
        this.#touched = true;
        this.#rebuild();
      },
      drop: () => {
        if (this.#dragged !== undefined) this.#events.move(this.#dragged.id, this.#dragged.at);
        this.#dragged = undefined;
      },
    };
  }

  #moveTo(port: Viewport): void {
    this.#port = port;
    this.#touched = true;
    this.#dirty = true;
  }

  #measure(): void {
    const { width, height } = this.#base.getBoundingClientRect();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.#size = { width, height, ratio };
    for (const canvas of [this.#base, this.#overlay]) {
      canvas.width = Math.max(1, Math.round(width * ratio));
      canvas.height = Math.max(1, Math.round(height * ratio));
    }
    if (!this.#touched) this.#fitNow();
    this.#dirty = true;
  }

  #rebuild(): void {
    const view = this.#view;
    if (view === undefined) return;
    this.#scene = buildScene(view.model, this.#layoutOf(view), view.labels);
    if (!this.#touched) this.#fitNow();
    this.#dirty = true;
  }

  #fitNow(): void {
    if (this.#scene === undefined || this.#size.width === 0 || this.#scene.nodes.size === 0) return;
    this.#port = fitView(this.#scene.bounds, this.#size.width, this.#size.height);
    this.#dirty = true;
  }

  #tick(nowMs: number): void {
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
    const view = this.#view;
    if (view === undefined || this.#context === null || this.#dots === null || this.#size.width === 0) return;
    if (this.#tween !== undefined) this.#rebuild();
    if (this.#scene === undefined) return;
    if (this.#dirty) this.#drawBase(this.#target(this.#context), this.#scene, view);
    this.#drawDots(this.#target(this.#dots), this.#scene, view, nowMs);
  }

  #target(context: CanvasRenderingContext2D): Target {
    return { context, view: this.#port, ratio: this.#size.ratio };
  }

  #drawBase(target: Target, scene: Scene, { model, draw, showRank }: GraphView): void {
    const ranks = showRank ? rankContext(model) : undefined;
    const rank = (id: string): number | undefined => {
      const node = model.nodes.get(id);
      return node === undefined ? undefined : ranks?.rank(node);
    };
    drawScene(target, scene, this.#marks, { ...draw, rank });
    this.#dirty = false;
  }

  #drawDots(target: Target, scene: Scene, { animate, draw }: GraphView, nowMs: number): void {
    if (!animate || this.#reducedMotion.matches || this.#tween !== undefined) {
      clearTarget(target);
      return;
    }
    if (nowMs < this.#nextDotsMs) return;
    const startedMs = performance.now();
    const { bright } = this.#marks;
    this.#animation.draw(target, scene, nowMs, { palette: draw.palette, visible: (id) => bright === undefined || bright.has(id) });
    const tookMs = performance.now() - startedMs;
    if (tookMs > FREE_DOTS_MS) this.#nextDotsMs = nowMs + tookMs * DOTS_PAUSE;
  }

  /** Where everything stands at this moment. */
  #layoutOf({ model, layout }: GraphView): Layout {
    if (this.#dragged !== undefined) return withNodeAt(layout, model, this.#dragged.id, this.#dragged.at);
    if (this.#tween === undefined) return layout;
    const between = tweened(this.#tween, layout, performance.now());
    if (between === undefined) this.#tween = undefined;
    return between ?? layout;
  }
}
