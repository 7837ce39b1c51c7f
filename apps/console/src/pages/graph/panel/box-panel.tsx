import type { ReactElement } from 'react';
import { KindBadge } from '../../../components/kind-badge.tsx';
import { HealthIcon } from '../../../components/health-icon.tsx';
import type { GraphModel, GraphNode } from '../../../graph/model.ts';
import { crossTraffic, membersOf } from '../../../graph/summary.ts';
import { nodeName } from '../describe.ts';
import { TrafficRates } from './traffic.tsx';

const WORDS = { app: 'Application', namespace: 'Namespace', cluster: 'Cluster' } as const;

/** A box: what comes in, what goes out, who is inside. */
export function BoxPanel({ model, box }: { readonly model: GraphModel; readonly box: GraphNode }): ReactElement {
  const members = membersOf(model, box.id);
  const { inbound, outbound } = crossTraffic(model, (node) => members.has(node.id));
  const inside = [...members].flatMap((id) => model.nodes.get(id) ?? []).filter((node) => node.box === undefined);
  return (
    <>
      <h2 className="panel-title">
        <KindBadge kind={box.badge} /> {box.label}
      </h2>
      <p className="quiet">
        {WORDS[box.box ?? 'app']}
        {box.box === 'app' && box.data.namespace !== undefined ? ` in namespace ${box.data.namespace}` : ''}
      </p>
      <section>
        <h3>Members ({inside.length})</h3>
        <ul className="panel-list">
          {inside.map((node) => (
            <li key={node.id}>
              <HealthIcon status={node.health} size={13} /> <KindBadge kind={node.badge} /> {nodeName(node)}
            </li>
          ))}
        </ul>
      </section>
      <h3 className="panel-section">Inbound</h3>
      <TrafficRates traffic={inbound} />
      <h3 className="panel-section">Outbound</h3>
      <TrafficRates traffic={outbound} />
    </>
  );
}
