import type { Point } from '../layout/geometry.ts';
import type { Hit } from './scene.ts';

/** What the pointer can do to the graph; points are pixels of the canvas. */
export interface PointerTarget {
  readonly hit: (at: Point) => Hit | undefined;
  readonly select: (hit: Hit | undefined) => void;
  readonly hover: (hit: Hit | undefined, at: Point) => void;
  readonly pan: (dx: number, dy: number) => void;
  readonly zoom: (at: Point, factor: number) => void;
  readonly zoomTo: (a: Point, b: Point) => void;
  readonly drag: (id: string, at: Point) => void;
  readonly drop: () => void;
}

type Gesture =
  | { readonly t: 'none' }
  | { readonly t: 'press'; readonly start: Point; readonly hit: Hit | undefined; readonly box: boolean }
  | { readonly t: 'pan'; readonly last: Point }
  | { readonly t: 'drag'; readonly id: string }
  | { readonly t: 'box'; readonly start: Point; readonly frame: HTMLElement };

const CLICK_SLOP = 4;

/** Wheel zooms, drag pans or moves a node, shift and drag draws a zoom box, a click selects. Returns how to stop listening. */
export function listenToPointer(element: HTMLElement, target: PointerTarget): () => void {
  let gesture: Gesture = { t: 'none' };
  const pointOf = (event: MouseEvent): Point => {
    const rect = element.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    gesture = { t: 'press', start: pointOf(event), hit: target.hit(pointOf(event)), box: event.shiftKey || event.ctrlKey };
  };
  const move = (event: PointerEvent): void => {
    const at = pointOf(event);
    if (gesture.t === 'none') {
      const hit = target.hit(at);
      element.style.cursor = hit === undefined || hit.t === 'box' ? 'default' : 'pointer';
      target.hover(hit?.t === 'box' ? undefined : hit, at);
      return;
    }
    if (gesture.t === 'press') {
      if (Math.hypot(at.x - gesture.start.x, at.y - gesture.start.y) < CLICK_SLOP) return;
      target.hover(undefined, at);
      if (gesture.box) gesture = { t: 'box', start: gesture.start, frame: zoomFrame(element) };
      else gesture = gesture.hit?.t === 'node' ? { t: 'drag', id: gesture.hit.id } : { t: 'pan', last: gesture.start };
    }
    if (gesture.t === 'pan') {
      element.style.cursor = 'grabbing';
      target.pan(at.x - gesture.last.x, at.y - gesture.last.y);
      gesture = { t: 'pan', last: at };
    } else if (gesture.t === 'drag') target.drag(gesture.id, at);
    else if (gesture.t === 'box') placeFrame(gesture.frame, gesture.start, at);
  };
  const up = (event: PointerEvent): void => {
    const ended = gesture;
    gesture = { t: 'none' };
    element.style.cursor = 'default';
    if (ended.t === 'press') target.select(ended.hit);
    else if (ended.t === 'drag') target.drop();
    else if (ended.t === 'box') {
      ended.frame.remove();
      target.zoomTo(ended.start, pointOf(event));
    }
  };
  const leave = (): void => {
    if (gesture.t === 'none') target.hover(undefined, { x: 0, y: 0 });
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
    target.zoom(pointOf(event), Math.exp(-Math.max(-120, Math.min(120, step)) * 0.0022));
  };
  element.addEventListener('pointerdown', down);
  element.addEventListener('pointermove', move);
  element.addEventListener('pointerup', up);
  element.addEventListener('pointercancel', up);
  element.addEventListener('pointerleave', leave);
  element.addEventListener('wheel', wheel, { passive: false });
  return () => {
    element.removeEventListener('pointerdown', down);
    element.removeEventListener('pointermove', move);
    element.removeEventListener('pointerup', up);
    element.removeEventListener('pointercancel', up);
    element.removeEventListener('pointerleave', leave);
    element.removeEventListener('wheel', wheel);
  };
}

function zoomFrame(element: HTMLElement): HTMLElement {
  const frame = document.createElement('div');
  frame.className = 'zoom-frame';
  element.parentElement?.append(frame);
  return frame;
}

function placeFrame(frame: HTMLElement, a: Point, b: Point): void {
  Object.assign(frame.style, {
    left: `${Math.min(a.x, b.x)}px`,
    top: `${Math.min(a.y, b.y)}px`,
    width: `${Math.abs(a.x - b.x)}px`,
    height: `${Math.abs(a.y - b.y)}px`,
  });
}
