import { ActionIcon } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon } from '../../../components/icons.tsx';
import type { GraphModel } from '../../../graph/model.ts';
import { useOptions } from '../../../url/router.ts';
import { BoxPanel } from './box-panel.tsx';
import { EdgePanel } from './edge-panel.tsx';
import { GraphPanel } from './graph-panel.tsx';
import { NodePanel } from './node-panel.tsx';

interface SidePanelProps {
  readonly model: GraphModel;
  readonly namespaces: readonly string[];
  readonly close: () => void;
  readonly select: (id: string | undefined) => void;
}

/** Figures of what is selected; of the whole graph when nothing is. */
export function SidePanel({ model, namespaces, close, select }: SidePanelProps): ReactElement {
  const [options] = useOptions();
  const node = model.nodes.get(options.selected);
  const edge = model.edges.get(options.selected);
  return (
    <aside className="side-panel" aria-label="Details of the selection" data-testid="side-panel">
      <div className="panel-buttons">
        {(node !== undefined || edge !== undefined) && (
          <button type="button" className="link" onClick={() => select(undefined)}>
            Whole graph
          </button>
        )}
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label="Close side panel" onClick={close}>
          <Icon name="close" size={11} />
        </ActionIcon>
      </div>
      {edge !== undefined ? (
        <EdgePanel key={edge.id} model={model} edge={edge} select={select} />
      ) : node === undefined ? (
        <GraphPanel model={model} namespaces={namespaces} />
      ) : node.box !== undefined ? (
        <BoxPanel key={node.id} model={model} box={node} />
      ) : (
        <NodePanel key={node.id} model={model} node={node} select={select} />
      )}
    </aside>
  );
}
