import { Tabs } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { Facts } from '../../../components/facts.tsx';
import { HealthIcon } from '../../../components/health-icon.tsx';
import { KindBadge } from '../../../components/kind-badge.tsx';
import { Link } from '../../../components/link.tsx';
import { formatPercent } from '../../../graph/format.ts';
import type { GraphEdge, GraphModel, GraphNode } from '../../../graph/model.ts';
import { sumEdges } from '../../../graph/summary.ts';
import { pageHref } from '../../../url/router.ts';
import { nodeName, rateWords } from '../describe.ts';
import { nodeSelector } from './selectors.ts';
import { RequestChart, ResponseTimeChart, TcpChart, TrafficRates } from './traffic.tsx';

interface NodePanelProps {
  readonly model: GraphModel;
  readonly node: GraphNode;
  readonly select: (id: string | undefined) => void;
}

/** Configuration in force on a node, in words. */
function features({ data }: GraphNode): readonly string[] {
  const flags: readonly (readonly [boolean | undefined, string])[] = [
    [data.hasCB, 'Circuit Breaker'],
    [data.hasFaultInjection, 'Fault Injection'],
    [data.hasMirroring, 'Mirroring'],
    [data.hasRequestRouting, 'Request Routing'],
    [data.hasRequestTimeout, 'Request Timeout'],
    [data.hasTrafficShifting, 'Traffic Shifting'],
    [data.hasTCPTrafficShifting, 'TCP Traffic Shifting'],
    [data.hasVS !== undefined && data.hasVS !== false, 'Virtual Service'],
    [data.isOutOfMesh, 'Missing Sidecar'],
    [data.isIdle, 'Idle'],
    [data.isGateway !== undefined, 'Gateway'],
    [data.isRoot, 'Traffic Source'],
    [(data.hasWorkloadEntry?.length ?? 0) > 0, 'Workload Entry'],
  ];
  return flags.filter(([on]) => on === true).map(([, words]) => words);
}

/** One node in figures. */
export function NodePanel({ model, node, select }: NodePanelProps): ReactElement {
  const inbound = [...model.edges.values()].filter((edge) => edge.target === node.id);
  const outbound = [...model.edges.values()].filter((edge) => edge.source === node.id);
  const [direction, setDirection] = useState<'inbound' | 'outbound'>(inbound.length > 0 ? 'inbound' : 'outbound');
  const edges = direction === 'inbound' ? inbound : outbound;
  const traffic = sumEdges(edges);
  const selector = nodeSelector(node, direction);
  return (
    <>
      <h2 className="panel-title">
        <HealthIcon status={node.health} size={17} /> {node.badge !== '' && <KindBadge kind={node.badge} />} {nodeName(node)}
      </h2>
      <NodeFacts node={node} />
      {features(node).length > 0 && (
        <p className="chips">
          {features(node).map((words) => (
            <span key={words} className="chip">
              {words}
            </span>
          ))}
        </p>
      )}
      <Tabs value={direction} onChange={(value) => setDirection(value === 'outbound' ? 'outbound' : 'inbound')}>
        <Tabs.List grow>
          <Tabs.Tab value="inbound">Inbound ({inbound.length})</Tabs.Tab>
          <Tabs.Tab value="outbound">Outbound ({outbound.length})</Tabs.Tab>
        </Tabs.List>
      </Tabs>
      <TrafficRates traffic={traffic} />
      <EdgeList model={model} edges={edges} direction={direction} select={select} />
      {traffic.http.total + traffic.grpc.total > 0 && (
        <>
          <RequestChart selector={selector} />
          <ResponseTimeChart selector={selector} />
        </>
      )}
      {traffic.tcp > 0 && <TcpChart selector={selector} />}
    </>
  );
}

function NodeFacts({ node }: { readonly node: GraphNode }): ReactElement {
  const { data } = node;
  const { namespace } = data;
  const hosts = typeof data.hasVS === 'object' ? (data.hasVS.hostnames ?? []) : [];
  const listed = (path: string, name: string | undefined, badge: string): ReactElement | undefined =>
    name === undefined ? undefined : (
      <Link to={pageHref(path, { filters: `name:${name}`, ...(namespace === undefined ? {} : { namespaces: [namespace] }) })}>
        <KindBadge kind={badge} /> {name}
      </Link>
    );
  return (
    <Facts
      rows={[
        [
          'Namespace',
          namespace === undefined ? undefined : (
            <>
              <KindBadge kind="NS" /> {namespace}
            </>
          ),
        ],
        ['Workload', listed('/console/workloads', data.workload, 'W')],
        ['Service', data.nodeType === 'service' ? listed('/console/services', data.service, 'S') : undefined],
        ['Application', data.nodeType === 'app' ? listed('/console/applications', data.app, 'A') : undefined],
        ['Hosts', hosts.length === 0 ? undefined : hosts.slice(0, 5).join(', ') + (hosts.length > 5 ? ` and ${hosts.length - 5} more` : '')],
      ]}
    />
  );
}

interface EdgeListProps {
  readonly model: GraphModel;
  readonly edges: readonly GraphEdge[];
  readonly direction: 'inbound' | 'outbound';
  readonly select: (id: string | undefined) => void;
}

/** Who is on the other side, and how much. */
function EdgeList({ model, edges, direction, select }: EdgeListProps): ReactElement {
  return (
    <ul className="panel-list">
      {edges.map((edge) => {
        const other = model.nodes.get(direction === 'inbound' ? edge.source : edge.target);
        return (
          <li key={edge.id}>
            <button type="button" className="link" onClick={() => select(edge.id)}>
              {direction === 'inbound' ? 'from' : 'to'} {other !== undefined && other.badge !== '' && <KindBadge kind={other.badge} />}{' '}
              {nodeName(other)}
            </button>
            <span>
              {rateWords(edge)}
              {edge.mtlsPercent > 0 ? ` · mTLS ${formatPercent(edge.mtlsPercent)}` : ''}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
