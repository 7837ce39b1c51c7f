import { useEffect, useMemo, useRef, type ReactElement } from 'react';
import { notify } from '../../app/notices.ts';
import { PageToolbar } from '../../app/toolbar.tsx';
import { useNamespaces } from '../../app/use-namespaces.ts';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { findIn, hideFrom } from '../../graph/find/apply.ts';
import { parseFind } from '../../graph/find/parse.ts';
import { buildModel, type GraphModel } from '../../graph/model.ts';
import { useOptions } from '../../url/router.ts';
import type { StreamState } from '../../api/graph-stream.ts';
import { GraphCanvas } from './canvas.tsx';
import { GraphToolbar } from './graph-toolbar.tsx';
import { SidePanel } from './panel/side-panel.tsx';
import { GraphTable } from './table-twin.tsx';
import { useGraphStream } from './use-graph.ts';

/** The traffic graph: live by push, drawn on a canvas, with its twin as a table. */
export function GraphView(): ReactElement {
  const [options, change] = useOptions();
  const { chosen, loading, error } = useNamespaces();
  const stream = useGraphStream(options, chosen);
  const graph = useShownGraph(stream);
  const { shown } = graph;
  useStaleNotice(stream);
  const select = (id: string | undefined): void => change({ selected: id ?? '', ...(id === undefined ? {} : { panel: true }) });
  return (
    <div className="graph-page">
      <PageToolbar title="Traffic Graph" live={stream.t === 'live'} />
      <GraphToolbar found={options.find === '' ? undefined : graph.found.size} />
      {stream.t === 'stale' && <StaleBanner stream={stream} />}
      <div className="graph-body">
        <section className="graph-main" aria-label="Graph">
          {error !== null && <Failed error={error} />}
          {error === null && <GraphMain graph={graph} stream={stream} chosen={loading ? undefined : chosen} select={select} />}
        </section>
        {shown !== undefined && options.panel && shown.nodes.size > 0 && (
          <SidePanel model={shown} namespaces={chosen} close={() => change({ panel: false })} select={select} />
        )}
      </div>
    </div>
  );
}

/** The graph as it came, what Hide leaves of it, and what Find marks in that. */
interface ShownGraph {
  readonly model: GraphModel | undefined;
  readonly shown: GraphModel | undefined;
  readonly found: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();

function useShownGraph(stream: StreamState): ShownGraph {
  const [options] = useOptions();
  const frame = stream.t === 'connecting' ? undefined : stream.frame;
  const model = useMemo(() => (frame === undefined ? undefined : buildModel(frame)), [frame]);
  const hide = useMemo(() => parseFind(options.hide), [options.hide]);
  const shown = useMemo(() => (model === undefined || hide.t === 'error' ? model : hideFrom(model, hide.query)), [model, hide]);
  const find = useMemo(() => parseFind(options.find), [options.find]);
  const found = useMemo(() => (shown === undefined || find.t === 'error' ? NOTHING : findIn(shown, find.query)), [shown, find]);
  return { model, shown, found };
}

interface GraphMainProps {
  readonly graph: ShownGraph;
  readonly stream: StreamState;
  /** Undefined while the namespaces are not known. */
  readonly chosen: readonly string[] | undefined;
  readonly select: (id: string | undefined) => void;
}

/** The picture or the table; before there is one, why not. */
function GraphMain({ graph: { model, shown, found }, stream, chosen, select }: GraphMainProps): ReactElement {
  const [options, change] = useOptions();
  if (chosen?.length === 0) return <Empty title="No namespace is selected">Choose one or more namespaces above to see their traffic.</Empty>;
  if (chosen === undefined || shown === undefined) return <Loading words="Waiting for the first frame…" />;
  if (shown.nodes.size === 0)
    return <EmptyGraph model={model} hidden={options.hide} namespaces={chosen} showIdle={() => change({ idleNodes: true, hide: '' })} />;
  if (options.view === 'table') return <GraphTable model={shown} selected={options.selected} select={select} />;
  return <GraphCanvas model={shown} found={found} live={stream.t === 'live'} select={select} />;
}

function StaleBanner({ stream }: { readonly stream: Extract<StreamState, { t: 'stale' }> }): ReactElement {
  return (
    <div className="stale-banner" role="alert" data-testid="stale-banner">
      <b>Not live.</b> {stream.reason}{' '}
      {stream.frame === undefined
        ? 'Nothing was received yet.'
        : `What you see is of ${new Date(stream.frame.timestamp * 1000).toLocaleTimeString()}.`}{' '}
      Trying again…
    </div>
  );
}

function useStaleNotice(stream: StreamState): void {
  const last = useRef(stream.t);
  useEffect(() => {
    if (stream.t === 'stale' && last.current === 'live') notify('warning', `The live graph stopped: ${stream.reason}`);
    if (stream.t === 'live' && last.current === 'stale') notify('success', 'The graph is live again.');
    last.current = stream.t;
  }, [stream]);
}

interface EmptyGraphProps {
  readonly model: GraphModel | undefined;
  readonly hidden: string;
  readonly namespaces: readonly string[];
  readonly showIdle: () => void;
}

function EmptyGraph({ model, hidden, namespaces, showIdle }: EmptyGraphProps): ReactElement {
  const all = model?.nodes.size ?? 0;
  if (all > 0)
    return (
      <Empty title="Everything is hidden">
        "{hidden}" hides all of the {all} nodes and boxes.
      </Empty>
    );
  return (
    <Empty title="Empty Graph">
      <p>
        No request was seen {namespaces.length === 1 ? `in namespace ${namespaces[0] ?? ''}` : `in the ${namespaces.length} chosen namespaces`} within
        this time. Send some, or look further back with the duration above.
      </p>
      <button type="button" className="link" onClick={showIdle}>
        Display idle nodes
      </button>
    </Empty>
  );
}
