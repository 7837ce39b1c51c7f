import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';
import { createController, type GraphController } from '../../graph/render/controller.ts';
import { edgeLabel } from '../../graph/render/labels.ts';
import { DARK, LIGHT } from '../../graph/render/palette.ts';
import type { Hit } from '../../graph/render/scene.ts';
import type { Point } from '../../graph/layout/geometry.ts';
import type { GraphModel } from '../../graph/model.ts';
import { countGraph } from '../../graph/summary.ts';
import { useOptions } from '../../url/router.ts';
import { CanvasControls } from './canvas-controls.tsx';
import { describe } from './describe.ts';
import { neighbourInDirection } from './keyboard.ts';
import { Legend } from './legend.tsx';
import { useLayout } from './use-layout.ts';

interface GraphCanvasProps {
  readonly model: GraphModel;
  readonly found: ReadonlySet<string>;
  readonly live: boolean;
  readonly select: (id: string | undefined) => void;
}

const KEY_DIRECTIONS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The drawn graph. The canvases belong to the controller; this tells it what to show and hears what was chosen. */
export function GraphCanvas({ model, found, live, select }: GraphCanvasProps): ReactElement {
  const [options, change] = useOptions();
  const scheme = useComputedColorScheme('light');
  const base = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const controller = useRef<GraphController>(null);
  const [hover, setHover] = useState<{ readonly hit: Hit; readonly at: Point }>();
  const { layout, error, again, move } = useLayout(model, options.layout);
  const handlers = useRef({ select, move, hover: setHover });
  handlers.current = { select, move, hover: setHover };
  const selected = options.selected === '' ? undefined : options.selected;

  useEffect(() => {
    if (base.current === null || overlay.current === null) return undefined;
    const created = createController(base.current, overlay.current, {
      select: (hit) => handlers.current.select(hit?.id),
      hover: (hit, at) => handlers.current.hover(hit === undefined ? undefined : { hit, at }),
      move: (id, to) => handlers.current.move(id, to),
    });
    controller.current = created;
    return () => {
      created.dispose();
      controller.current = null;
    };
  }, []);

  useEffect(() => {
    if (layout === undefined) return;
    controller.current?.show({
      model,
      layout,
      selected,
      found,
      showRank: options.rank,
      animate: options.animation && live,
      labels: { label: (edge) => edgeLabel(edge, options.edgeLabels.kinds, edge.id === selected), locks: options.badgeSecurity },
      draw: {
        palette: scheme === 'dark' ? DARK : LIGHT,
        badges: { sidecar: options.badgeSidecar, virtualService: options.badgeVS },
        hideHealthyEdges: options.hideHealthyEdges,
      },
    });
  }, [
    model,
    layout,
    selected,
    found,
    live,
    scheme,
    options.rank,
    options.animation,
    options.edgeLabels,
    options.badgeSecurity,
    options.badgeSidecar,
    options.badgeVS,
    options.hideHealthyEdges,
  ]);

  const counts = useMemo(() => countGraph(model), [model]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = KEY_DIRECTIONS[event.key];
    const scene = controller.current?.scene();
    if (direction !== undefined && scene !== undefined) {
      const next = neighbourInDirection(scene, selected, direction);
      if (next !== undefined) select(next);
    } else if (event.key === '+' || event.key === '=') controller.current?.zoom(1.25);
    else if (event.key === '-') controller.current?.zoom(0.8);
    else if (event.key === '0') controller.current?.fit();
    else if (event.key === 'Escape') select(undefined);
    else return;
    event.preventDefault();
  };
  return (
    <div className="graph-with-legend">
      <div
        className="graph-canvas"
        data-testid="graph"
        data-apps={counts.apps}
        data-services={counts.services}
        data-edges={counts.edges}
        data-laid-out={layout !== undefined && layout.places.size > 0}
      >
        <canvas ref={base} aria-hidden="true" />
        <canvas
          ref={overlay}
          tabIndex={0}
          role="application"
          onKeyDown={onKeyDown}
          aria-roledescription="traffic graph"
          aria-label={`Traffic graph: ${counts.apps} apps, ${counts.services} services, ${counts.workloads} workloads, ${counts.edges} edges. Arrow keys choose a node, plus and minus zoom, 0 fits, Escape lets go. A table of the same is at the button "Table".`}
        />
        <p className="sr-only" aria-live="polite">
          {selected === undefined ? '' : describe(model, selected)}
        </p>
        <WindowTag model={model} live={live} />
        {error !== undefined && (
          <p className="layout-error" role="alert">
            The layout failed, a plain grid is shown: {error}
          </p>
        )}
        {hover !== undefined && <HoverTip text={describe(model, hover.hit.id)} at={hover.at} />}
        <CanvasControls
          zoom={(factor) => controller.current?.zoom(factor)}
          fit={() => controller.current?.fit()}
          again={() => {
            again();
            controller.current?.fit();
          }}
        />
      </div>
      {options.legend && <Legend close={() => change({ legend: false })} />}
    </div>
  );
}

function HoverTip({ text, at }: { readonly text: string; readonly at: Point }): ReactElement {
  return (
    <div className="hover-tip" aria-hidden="true" style={{ left: at.x + 14, top: at.y + 14 }}>
      {text}
    </div>
  );
}

/** Start and end of what is shown. */
function WindowTag({ model, live }: { readonly model: GraphModel; readonly live: boolean }): ReactElement {
  const format = (ms: number): string => new Date(ms).toLocaleTimeString();
  return (
    <div className={`window-tag${live ? '' : ' stale'}`} data-testid="window">
      <i className={`live-dot${live ? ' on' : ''}`} />
      {new Date(model.endMs).toLocaleDateString(undefined, { month: 'short', day: 'numeric' })}, {format(model.endMs - model.durationSeconds * 1000)}{' '}
      … {format(model.endMs)}
    </div>
  );
}
