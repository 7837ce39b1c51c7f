import { Tabs } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { Facts } from '../../../components/facts.tsx';
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
      <EdgeFacts model={model} edge={edge} select={select} />
      <EdgeSecurity edge={edge} />
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

function EdgeFacts({ model, edge, select }: EdgePanelProps): ReactElement {
  return (
    <Facts
      rows={[
        ['From', <NodeLink key="from" node={model.nodes.get(edge.source)} select={select} />],
        ['To', <NodeLink key="to" node={model.nodes.get(edge.target)} select={select} />],
        ['Response time', edge.responseTimeMs === undefined ? undefined : formatDuration(edge.responseTimeMs)],
        ['Throughput', edge.throughputBps === undefined ? undefined : formatByteRate(edge.throughputBps)],
        ['Share of source', edge.sharePercent === undefined ? undefined : formatPercent(edge.sharePercent)],
      ]}
    />
  );
}

/** The share of mutual TLS, and who the two sides are. */
function EdgeSecurity({ edge }: { readonly edge: GraphEdge }): ReactElement {
  const isMutual = edge.mtlsPercent > 0;
  const { sourcePrincipal, destPrincipal } = edge.data;
  return (
    <section className="panel-mtls" data-mtls={isMutual}>
      <h3>
        <Icon name={isMutual ? 'lock' : 'lockOpen'} size={13} color={isMutual ? 'var(--success)' : 'var(--warning)'} />{' '}
        {isMutual ? `mTLS Enabled [${formatPercent(edge.mtlsPercent)} of request traffic]` : 'No mTLS seen'}
      </h3>
      {sourcePrincipal !== undefined && (
        <p>
          <span>Source principal</span> <code>{sourcePrincipal}</code>
        </p>
      )}
      {destPrincipal !== undefined && (
        <p>
          <span>Destination principal</span> <code>{destPrincipal}</code>
        </p>
      )}
    </section>
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
