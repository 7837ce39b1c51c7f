import { Tabs } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { HealthIcon } from '../../../components/health-icon.tsx';
import { Icon } from '../../../components/icons.tsx';
import { KindBadge } from '../../../components/kind-badge.tsx';
import { formatByteRate, formatDuration, formatPercent } from '../../../graph/format.ts';
import type { GraphEdge, GraphModel, GraphNode } from '../../../graph/model.ts';
import { sumEdges } from '../../../graph/summary.ts';
import { nodeName } from '../describe.ts';
import { explainFlags } from './flags.ts';
import { edgeSelector } from './selectors.ts';
import { RequestChart, ResponseTimeChart, TcpChart, TrafficRates } from './traffic.tsx';

interface EdgePanelProps {
  readonly model: GraphModel;
  readonly edge: GraphEdge;
  readonly select: (id: string | undefined) => void;
}

const TABS = ['Traffic', 'Flags', 'Hosts'] as const;

/** One edge in figures: who with whom, how much, how fast, how safely, and why requests failed. */
export function EdgePanel({ model, edge, select }: EdgePanelProps): ReactElement {
  const [tab, setTab] = useState<(typeof TABS)[number]>('Traffic');
  const [source, target] = [model.nodes.get(edge.source), model.nodes.get(edge.target)];
  return (
    <>
      <h2 className="panel-title">
        <HealthIcon status={edge.health} size={17} /> {edge.protocol?.toUpperCase() ?? 'Idle'} traffic
      </h2>
      <dl className="panel-facts">
        <dt>From</dt>
        <dd>
          <NodeLink node={source} select={select} />
        </dd>
        <dt>To</dt>
        <dd>
          <NodeLink node={target} select={select} />
        </dd>
        {edge.responseTimeMs !== undefined && (
          <>
            <dt>Response time</dt>
            <dd>{formatDuration(edge.responseTimeMs)}</dd>
          </>
        )}
        {edge.throughputBps !== undefined && (
          <>
            <dt>Throughput</dt>
            <dd>{formatByteRate(edge.throughputBps)}</dd>
          </>
        )}
        {edge.sharePercent !== undefined && (
          <>
            <dt>Share of source</dt>
            <dd>{formatPercent(edge.sharePercent)}</dd>
          </>
        )}
      </dl>
      <section className="panel-mtls" data-mtls={edge.mtlsPercent > 0}>
        <h3>
          <Icon name={edge.mtlsPercent > 0 ? 'lock' : 'lockOpen'} size={13} color={edge.mtlsPercent > 0 ? 'var(--success)' : 'var(--warning)'} />{' '}
          {edge.mtlsPercent > 0 ? `mTLS Enabled [${formatPercent(edge.mtlsPercent)} of request traffic]` : 'No mTLS seen'}
        </h3>
        {edge.data.sourcePrincipal !== undefined && (
          <p>
            <span>Source principal</span> <code>{edge.data.sourcePrincipal}</code>
          </p>
        )}
        {edge.data.destPrincipal !== undefined && (
          <p>
            <span>Destination principal</span> <code>{edge.data.destPrincipal}</code>
          </p>
        )}
      </section>
      <Tabs value={tab} onChange={(value) => setTab(TABS.find((one) => one === value) ?? 'Traffic')}>
        <Tabs.List grow>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {tab === 'Traffic' && <EdgeTraffic edge={edge} source={source} target={target} />}
      {tab === 'Flags' && <Responses edge={edge} of="flags" head="Response flags" explain={explainFlags} />}
      {tab === 'Hosts' && <Responses edge={edge} of="hosts" head="Host" />}
    </>
  );
}

function NodeLink({ node, select }: { readonly node: GraphNode | undefined; readonly select: (id: string | undefined) => void }): ReactElement {
  if (node === undefined) return <>unknown</>;
  return (
    <button type="button" className="link" onClick={() => select(node.id)}>
      {node.badge !== '' && <KindBadge kind={node.badge} />} {nodeName(node)}
    </button>
  );
}

function EdgeTraffic({
  edge,
  source,
  target,
}: {
  readonly edge: GraphEdge;
  readonly source: GraphNode | undefined;
  readonly target: GraphNode | undefined;
}): ReactElement {
  const selector = source === undefined || target === undefined ? '' : edgeSelector(source, target);
  return (
    <>
      <TrafficRates traffic={sumEdges([edge])} />
      {selector !== '' && edge.protocol === 'tcp' && <TcpChart selector={selector} />}
      {selector !== '' && edge.protocol !== 'tcp' && (
        <>
          <RequestChart selector={selector} />
          <ResponseTimeChart selector={selector} />
        </>
      )}
    </>
  );
}

interface ResponsesProps {
  readonly edge: GraphEdge;
  readonly of: 'flags' | 'hosts';
  readonly head: string;
  readonly explain?: (value: string) => string;
}

function Responses({ edge, of, head, explain }: ResponsesProps): ReactElement {
  const rows = Object.entries(edge.data.traffic?.responses ?? {}).flatMap(([code, detail]) =>
    Object.entries(detail[of] ?? {}).map(([value, percent]) => ({ code, value, percent })),
  );
  if (rows.length === 0) return <p className="quiet">Nothing is known about answers on this edge.</p>;
  return (
    <table className="rate-table wide">
      <thead>
        <tr>
          <th>Code</th>
          <th>{head}</th>
          <th>%Requests</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.code + row.value}>
            <td>{row.code}</td>
            <td>
              {row.value}
              {explain !== undefined && <small>{explain(row.value)}</small>}
            </td>
            <td>{formatPercent(Number(row.percent))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
