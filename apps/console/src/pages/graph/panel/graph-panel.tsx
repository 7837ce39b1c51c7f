import { Tabs } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import { Icon, type IconName } from '../../../components/icons.tsx';
import { KindBadge } from '../../../components/kind-badge.tsx';
import { Link } from '../../../components/link.tsx';
import type { GraphModel } from '../../../graph/model.ts';
import { countGraph, crossTraffic, totalTraffic } from '../../../graph/summary.ts';
import { pageHref } from '../../../url/router.ts';
import { namespaceSelector } from './selectors.ts';
import { RequestChart, TcpChart, TrafficRates } from './traffic.tsx';

type Direction = 'inbound' | 'outbound' | 'total';
const DIRECTIONS: readonly (readonly [Direction, string])[] = [
  ['inbound', 'Inbound'],
  ['outbound', 'Outbound'],
  ['total', 'Total'],
];
const LINKS: readonly (readonly [string, string, IconName])[] = [
  ['/console/applications', 'Applications', 'app'],
  ['/console/services', 'Services', 'service'],
  ['/console/workloads', 'Workloads', 'workload'],
];

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The whole graph in figures. */
export function GraphPanel({ model, namespaces }: { readonly model: GraphModel; readonly namespaces: readonly string[] }): ReactElement {
  const [direction, setDirection] = useState<Direction>('total');
  const counts = countGraph(model);
  const inside = new Set(namespaces);
  const traffic = direction === 'total' ? totalTraffic(model) : crossTraffic(model, (node) => inside.has(node.data.namespace ?? ''))[direction];
  const selector = namespaceSelector(namespaces, direction);
  return (
    <>
      <h2 className="panel-title">Current Graph</h2>
      <p className="panel-namespaces">
        {namespaces.map((name) => (
          <span key={name}>
            <KindBadge kind="NS" /> {name}
          </span>
        ))}
      </p>
      <p className="panel-counts" data-testid="graph-counts">
        {[
          ...(counts.apps > 0 ? [plural(counts.apps, 'app')] : []),
          ...(counts.services > 0 ? [plural(counts.services, 'service')] : []),
          ...(counts.workloads > 0 ? [plural(counts.workloads, 'workload')] : []),
          plural(counts.edges, 'edge'),
        ].join(', ')}
      </p>
      <p className="panel-links">
        {LINKS.map(([path, words, icon]) => (
          <Link key={path} to={pageHref(path)}>
            <Icon name={icon} size={13} /> {words}
          </Link>
        ))}
      </p>
      <Tabs value={direction} onChange={(value) => setDirection(DIRECTIONS.find(([name]) => name === value)?.[0] ?? 'total')}>
        <Tabs.List grow>
          {DIRECTIONS.map(([name, words]) => (
            <Tabs.Tab key={name} value={name}>
              {words}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <TrafficRates traffic={traffic} />
      {traffic.http.total + traffic.grpc.total > 0 && <RequestChart selector={selector} />}
      {traffic.tcp > 0 && <TcpChart selector={selector} />}
    </>
  );
}
