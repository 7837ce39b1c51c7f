import { Tabs } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { HealthIcon } from '../../../components/health-icon.tsx';
import { KindBadge } from '../../../components/kind-badge.tsx';
import { formatPercent } from '../../../graph/format.ts';
import type { GraphModel, GraphNode } from '../../../graph/model.ts';
import { sumEdges } from '../../../graph/summary.ts';
import { navigate, pageHref } from '../../../url/router.ts';
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
  const hosts = typeof node.data.hasVS === 'object' ? (node.data.hasVS.hostnames ?? []) : [];
  return (
    <>
      <h2 className="panel-title">
        <HealthIcon status={node.health} size={17} /> {node.badge !== '' && <KindBadge kind={node.badge} />} {nodeName(node)}
      </h2>
      <dl className="panel-facts">
        {node.data.namespace !== undefined && (
          <>
            <dt>Namespace</dt>
            <dd>
              <KindBadge kind="NS" /> {node.data.namespace}
            </dd>
          </>
        )}
        {node.data.workload !== undefined && (
          <>
            <dt>Workload</dt>
            <dd>
              <Link path="/console/workloads" name={node.data.workload} namespace={node.data.namespace} badge="W" />
            </dd>
          </>
        )}
        {node.data.nodeType === 'service' && (
          <>
            <dt>Service</dt>
            <dd>
              <Link path="/console/services" name={node.data.service ?? ''} namespace={node.data.namespace} badge="S" />
            </dd>
          </>
        )}
        {node.data.nodeType === 'app' && node.data.app !== undefined && (
          <>
            <dt>Application</dt>
            <dd>
              <Link path="/console/applications" name={node.data.app} namespace={node.data.namespace} badge="A" />
            </dd>
          </>
        )}
        {hosts.length > 0 && (
          <>
            <dt>Hosts</dt>
            <dd>
              {hosts.slice(0, 5).join(', ')}
              {hosts.length > 5 ? ` and ${hosts.length - 5} more` : ''}
            </dd>
          </>
        )}
      </dl>
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
      {edges.length > 0 && (
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
      )}
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

function Link({
  path,
  name,
  namespace,
  badge,
}: {
  readonly path: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly badge: string;
}): ReactElement {
  const href = pageHref(path, { filters: `name:${name}`, ...(namespace === undefined ? {} : { namespaces: [namespace] }) });
  return (
    <a
      href={href}
      onClick={(event) => {
        event.preventDefault();
        navigate(href);
      }}
    >
      <KindBadge kind={badge} /> {name}
    </a>
  );
}
