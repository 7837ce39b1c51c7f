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
  const up = (event: PointerEvent): void => {
    const ended = gesture;
    gesture = { t: 'none' };
    element.style.cursor = 'default';
    endGesture(ended, pointOf(event), target);
  };
  const listeners: readonly (readonly [string, (event: never) => void])[] = [
    [
      'pointerdown',
      (event: PointerEvent): void => {
        if (event.button !== 0) return;
        element.setPointerCapture(event.pointerId);
        gesture = { t: 'press', start: pointOf(event), hit: target.hit(pointOf(event)), box: event.shiftKey || event.ctrlKey };
      },
    ],
    ['pointermove', (event: PointerEvent) => (gesture = moveGesture(gesture, pointOf(event), element, target))],
    ['pointerup', up],
    ['pointercancel', up],
    [
      'pointerleave',
      (): void => {
        if (gesture.t === 'none') target.hover(undefined, { x: 0, y: 0 });
      },
    ],
    [
      'wheel',
      (event: WheelEvent): void => {
        event.preventDefault();
        const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
        target.zoom(pointOf(event), Math.exp(-Math.max(-120, Math.min(120, step)) * 0.0022));
      },
    ],
  ];
  for (const [name, listener] of listeners) element.addEventListener(name, listener as EventListener, { passive: false });
  return () => {
    for (const [name, listener] of listeners) element.removeEventListener(name, listener as EventListener);
  };
}

/** What a move of the pointer makes of a gesture. */
function moveGesture(gesture: Gesture, at: Point, element: HTMLElement, target: PointerTarget): Gesture {
  if (gesture.t === 'none') {
    const hit = target.hit(at);
    element.style.cursor = hit === undefined || hit.t === 'box' ? 'default' : 'pointer';
    target.hover(hit?.t === 'box' ? undefined : hit, at);
    return gesture;
  }
  if (gesture.t === 'press') {
    if (Math.hypot(at.x - gesture.start.x, at.y - gesture.start.y) < CLICK_SLOP) return gesture;
    target.hover(undefined, at);
    return moveGesture(begun(gesture, element), at, element, target);
  }
  if (gesture.t === 'pan') {
    element.style.cursor = 'grabbing';
    target.pan(at.x - gesture.last.x, at.y - gesture.last.y);
    return { t: 'pan', last: at };
  }
  if (gesture.t === 'drag') target.drag(gesture.id, at);
  else placeFrame(gesture.frame, gesture.start, at);
  return gesture;
}

/** A press that has moved far enough to be more than a click. */
function begun(press: Extract<Gesture, { t: 'press' }>, element: HTMLElement): Gesture {
  if (press.box) return { t: 'box', start: press.start, frame: zoomFrame(element) };
  return press.hit?.t === 'node' ? { t: 'drag', id: press.hit.id } : { t: 'pan', last: press.start };
}

function endGesture(gesture: Gesture, at: Point, target: PointerTarget): void {
  if (gesture.t === 'press') target.select(gesture.hit);
  else if (gesture.t === 'drag') target.drop();
  else if (gesture.t === 'box') {
    gesture.frame.remove();
    target.zoomTo(gesture.start, at);
  }
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
