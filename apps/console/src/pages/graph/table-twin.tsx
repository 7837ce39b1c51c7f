import { useState, type ReactElement } from 'react';
import { HealthIcon } from '../../components/health-icon.tsx';
import { KindBadge } from '../../components/kind-badge.tsx';
import { formatDuration, formatPercent } from '../../graph/format.ts';
import type { GraphModel } from '../../graph/model.ts';
import { nodeName, rateWords } from './describe.ts';

interface GraphTableProps {
  readonly model: GraphModel;
  readonly selected: string;
  readonly select: (id: string | undefined) => void;
}

/** The graph as tables: everything that is drawn, for those who read rather than look. */
export function GraphTable({ model, selected, select }: GraphTableProps): ReactElement {
  return (
    <div className="graph-table" data-testid="graph-table">
      <EdgeTable model={model} selected={selected} select={select} />
      <NodeTable model={model} selected={selected} select={select} />
    </div>
  );
}

function EdgeTable({ model, selected, select }: GraphTableProps): ReactElement {
  const [edges, more] = useSome([...model.edges.values()].toSorted((a, b) => b.rates.total - a.rates.total));
  return (
    <>
      <h2>Edges ({model.edges.size})</h2>
      <table className="data-table">
        <thead>
          <tr>
            <th>Health</th>
            <th>From</th>
            <th>To</th>
            <th>Traffic</th>
            <th>Response time</th>
            <th>mTLS</th>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <tr
              key={edge.id}
              aria-selected={edge.id === selected}
              data-edge={`${nodeName(model.nodes.get(edge.source))} > ${nodeName(model.nodes.get(edge.target))}`}
            >
              <td className="narrow">
                <HealthIcon status={edge.health} />
              </td>
              <td>
                <button type="button" className="link" onClick={() => select(edge.id)}>
                  <KindBadge kind={model.nodes.get(edge.source)?.badge ?? ''} /> {nodeName(model.nodes.get(edge.source))}
                </button>
              </td>
              <td>
                <KindBadge kind={model.nodes.get(edge.target)?.badge ?? ''} /> {nodeName(model.nodes.get(edge.target))}
              </td>
              <td>{rateWords(edge)}</td>
              <td>{edge.responseTimeMs === undefined ? <span className="quiet">-</span> : formatDuration(edge.responseTimeMs)}</td>
              <td>{edge.mtlsPercent > 0 ? formatPercent(edge.mtlsPercent) : <span className="quiet">none</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more.button}
    </>
  );
}

function NodeTable({ model, selected, select }: GraphTableProps): ReactElement {
  const [nodes, more] = useSome(
    [...model.nodes.values()].filter((node) => node.box === undefined).toSorted((a, b) => (nodeName(a) < nodeName(b) ? -1 : 1)),
  );
  return (
    <>
      <h2>Nodes ({nodes.length + more.count})</h2>
      <table className="data-table">
        <thead>
          <tr>
            <th>Health</th>
            <th>Name</th>
            <th>Namespace</th>
            <th>Workload</th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.id} aria-selected={node.id === selected}>
              <td className="narrow">
                <HealthIcon status={node.health} />
              </td>
              <td>
                <button type="button" className="link" onClick={() => select(node.id)}>
                  <KindBadge kind={node.badge} /> {nodeName(node)}
                </button>
              </td>
              <td>{node.data.namespace ?? ''}</td>
              <td>{node.data.workload ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more.button}
    </>
  );
}

const FIRST_ROWS = 100;

/** The first rows of many, and a button for all of them: a table of thousands that changes every second is slow, and nobody reads it. */
function useSome<T>(rows: readonly T[]): readonly [readonly T[], { readonly count: number; readonly button: ReactElement | null }] {
  const [all, setAll] = useState(false);
  const count = all ? 0 : Math.max(0, rows.length - FIRST_ROWS);
  const button =
    count === 0 ? null : (
      <button type="button" className="link" onClick={() => setAll(true)}>
        Show {count} more
      </button>
    );
  return [count === 0 ? rows : rows.slice(0, FIRST_ROWS), { count, button }];
}
