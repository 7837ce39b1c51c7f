import { ActionIcon, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon, type IconName } from '../../components/icons.tsx';
import type { LayoutName } from '../../graph/layout/elk-input.ts';
import { useOptions } from '../../url/router.ts';

interface CanvasControlsProps {
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
  /** Lays out anew, forgetting all places. */
  readonly again: () => void;
}

const LAYOUTS: readonly (readonly [LayoutName, string, IconName])[] = [
  ['layered', 'Layered, left to right', 'layered'],
  ['grid', 'Grid', 'grid'],
  ['concentric', 'Concentric', 'rings'],
  ['breadthfirst', 'Breadth first', 'tree'],
];

/** Zoom, fit, layouts, edges and legend, at the foot of the canvas. */
export function CanvasControls({ zoom, fit, again }: CanvasControlsProps): ReactElement {
  const [options, change] = useOptions();
  return (
    <div className="canvas-controls" role="toolbar" aria-label="Graph controls">
      <Control icon="plus" words="Zoom in" run={() => zoom(1.3)} />
      <Control icon="dash" words="Zoom out" run={() => zoom(1 / 1.3)} />
      <Control icon="fit" words="Fit to screen" run={fit} />
      <i />
      {LAYOUTS.map(([name, words, icon]) => (
        <Control
          key={name}
          icon={icon}
          words={options.layout === name ? `${words} (lay out again)` : words}
          pressed={options.layout === name}
          run={() => (options.layout === name ? again() : change({ layout: name }))}
        />
      ))}
      <i />
      <Control
        icon="eye"
        words={options.hideHealthyEdges ? 'Show healthy edges' : 'Hide healthy edges'}
        pressed={options.hideHealthyEdges}
        run={() => change({ hideHealthyEdges: !options.hideHealthyEdges })}
      />
      <Control
        icon="legend"
        words={options.legend ? 'Hide legend' : 'Show legend'}
        pressed={options.legend}
        run={() => change({ legend: !options.legend })}
      />
    </div>
  );
}

function Control({
  icon,
  words,
  run,
  pressed,
}: {
  readonly icon: IconName;
  readonly words: string;
  readonly run: () => void;
  readonly pressed?: boolean;
}): ReactElement {
  return (
    <Tooltip label={words} position="top">
      <ActionIcon variant={pressed === true ? 'filled' : 'default'} size="md" aria-label={words} aria-pressed={pressed} onClick={run}>
        <Icon name={icon} size={14} />
      </ActionIcon>
    </Tooltip>
  );
}
