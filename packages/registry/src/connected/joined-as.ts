import type { Labels, ProxyNode, Workload } from '@meltemi/model';
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

/** A node as others know it; whether it had claimed to be something else. When it had not, it is the node as it came. */
export interface Bound {
  readonly node: ProxyNode;
  readonly deviates: boolean;
}

/** The node with the name, kind, labels and (of its ports) those that it joined with. */
export function asJoined(node: ProxyNode, joined: JoinedAs): Bound {
  const ports = node.ports.filter((port) => joined.ports.some(({ number, name }) => number === port.number && name === port.name));
  const bound = boundTo(node, joined.type, joined.workload, joined.labels);
  return ports.length === node.ports.length ? bound : { node: { ...bound.node, ports }, deviates: true };
}

/** The node with the name and labels that it is registered with. Which ports it serves is its own to say; that it is a gateway only of a pod. */
export function asRegistered(node: ProxyNode, { name, labels, registry }: Workload): Bound {
  return boundTo(node, registry === 'kubernetes' ? node.type : 'sidecar', name, labels);
}

/** A gRPC application is a client at the address of its workload: what it gets is for callers only. */
function boundTo(node: ProxyNode, type: ProxyNode['type'], workload: string, labels: Labels): Bound {
  const known = node.type === 'grpc' ? node.type : type;
  if (node.type === known && node.workload === workload && sameLabels(node.labels, labels)) return { node, deviates: false };
  return { node: { ...node, type: known, workload, labels }, deviates: true };
}

function sameLabels(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
