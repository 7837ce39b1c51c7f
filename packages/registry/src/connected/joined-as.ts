import type { ProxyNode } from '@meltemi/model';
import type { JoinedAs, JoinRequest } from './types.ts';

/** What of a join request binds the workload; labels with `app` and `version` filled in, as selectors expect them. */
export function joinedAs({ type, namespace, serviceAccount, workload, app, version, labels, ports, member }: JoinRequest): JoinedAs {
  return {
    type,
    namespace,
    serviceAccount,
    workload,
    labels: { ...(app === '' ? {} : { app }), ...(version === '' ? {} : { version }), ...labels },
    ports: ports.map(({ number, name }) => (name === undefined ? { number } : { number, name })),
    ...(member === undefined ? {} : { member }),
  };
}

/** The node with the name, kind, labels and (of its ports) those that it joined with; whether it had claimed others. */
export function asJoined(node: ProxyNode, joined: JoinedAs): { readonly node: ProxyNode; readonly deviates: boolean } {
  const ports = node.ports.filter((port) => joined.ports.some(({ number, name }) => number === port.number && name === port.name));
  const deviates =
    ports.length !== node.ports.length || node.type !== joined.type || node.workload !== joined.workload || !sameLabels(node.labels, joined.labels);
  return { node: { ...node, type: joined.type, workload: joined.workload, labels: joined.labels, ports }, deviates };
}

function sameLabels(a: ProxyNode['labels'], b: ProxyNode['labels']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
