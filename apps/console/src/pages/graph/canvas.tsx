import { useMemo, useState, type ReactElement } from 'react';
import type { Hit } from '../../graph/render/scene.ts';
import type { Point } from '../../graph/layout/geometry.ts';
import type { GraphModel } from '../../graph/model.ts';
import { Loading } from '../../components/states.tsx';
import { countGraph } from '../../graph/summary.ts';
import { useOptions } from '../../url/router.ts';
import { CanvasControls } from './canvas-controls.tsx';
import { describe } from './describe.ts';
import { graphKey, type KeyTarget } from './keyboard.ts';
import { Legend } from './legend.tsx';
import { useController } from './use-controller.ts';
import { useLayout } from './use-layout.ts';

interface GraphCanvasProps {
  readonly model: GraphModel;
  readonly found: ReadonlySet<string>;
  readonly live: boolean;
  readonly select: (id: string | undefined) => void;
}

/** The drawn graph. The canvases belong to the controller; this tells it what to show and hears what was chosen. */
export function GraphCanvas({ model, found, live, select }: GraphCanvasProps): ReactElement {
  const [options, change] = useOptions();
  const [hover, setHover] = useState<{ readonly hit: Hit; readonly at: Point }>();
  const { layout, error, again, move } = useLayout(model, options.layout);
  const { base, overlay, controller } = useController({ model, layout, found, live }, { select, move, hover: setHover });
  const counts = useMemo(() => countGraph(model), [model]);
  const target: KeyTarget = {
    scene: () => controller.current?.scene(),
    selected: options.selected === '' ? undefined : options.selected,
    select,
    zoom: (factor) => controller.current?.zoom(factor),
    fit: () => controller.current?.fit(),
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
          onKeyDown={(event) => {
            if (graphKey(event.key, target)) event.preventDefault();
          }}
          aria-roledescription="traffic graph"
          aria-label={`Traffic graph: ${counts.apps} apps, ${counts.services} services, ${counts.workloads} workloads, ${counts.edges} edges. Arrow keys choose a node, plus and minus zoom, 0 fits, Escape lets go. A table of the same is at the button "Table".`}
        />
        {layout === undefined && <Loading words="Laying out…" />}
        <Overlays model={model} live={live} layoutError={error} selected={target.selected} hover={hover} />
        <CanvasControls
          zoom={target.zoom}
          fit={target.fit}
          again={() => {
            again();
            target.fit();
          }}
        />
      </div>
      {options.legend && <Legend close={() => change({ legend: false })} />}
    </div>
  );
}

interface OverlaysProps {
  readonly model: GraphModel;
  readonly live: boolean;
  readonly layoutError: string | undefined;
  readonly selected: string | undefined;
  readonly hover: { readonly hit: Hit; readonly at: Point } | undefined;
}

/** What stands over the canvas in words: the time that is shown, what is under the pointer, what was chosen. */
function Overlays({ model, live, layoutError, selected, hover }: OverlaysProps): ReactElement {
  return (
    <>
      <p className="sr-only" aria-live="polite">
        {selected === undefined ? '' : describe(model, selected)}
      </p>
      <WindowTag model={model} live={live} />
      {layoutError !== undefined && (
        <p className="layout-error" role="alert">
          The layout failed, a plain grid is shown: {layoutError}
        </p>
      )}
      {hover !== undefined && (
        <div className="hover-tip" aria-hidden="true" style={{ left: hover.at.x + 14, top: hover.at.y + 14 }}>
          {describe(model, hover.hit.id)}
        </div>
      )}
    </>
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
