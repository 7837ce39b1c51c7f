import { NO_LOCALITY, type Health, type ProxyNode, type Workload } from '@meltemi/model';
import type { GroupMember, JoinedAs, SavedWorkload } from './types.ts';

/** Whose an address is. */
export type Owner = Pick<Workload, 'namespace' | 'serviceAccount'>;

/** An address changes hands only after its owner has left: until then somebody else with it is a mistake or a lie. */
export function sameIdentity(owner: Owner, other: Owner): boolean {
  return owner.namespace === other.namespace && owner.serviceAccount === other.serviceAccount;
}

/** As it is kept over a restart. */
export function withJoined(workload: Workload, joined: JoinedAs | undefined): SavedWorkload {
  return joined === undefined ? workload : { ...workload, joined };
}

/** A gateway serves the outside: it is no endpoint of a service of its own making, and what listens there is not mesh TLS. */
export function workloadOf(node: ProxyNode, health: Health, member: GroupMember | undefined): Workload {
  const router = node.type === 'router';
  return {
    name: node.workload,
    namespace: node.namespace,
    serviceAccount: node.serviceAccount,
    labels: node.labels,
    address: node.address,
    appAddress: node.appAddress,
    ports: router ? [] : node.ports,
    portMap: member?.portMap ?? {},
    locality: node.locality.region === '' ? (member?.locality ?? NO_LOCALITY) : node.locality,
    weight: member?.weight ?? 1,
    tlsMode: router ? 'disabled' : 'istio',
    health,
    dataPlane: node.dataPlane,
    cluster: node.clusterId,
    ...(node.nodeName === '' ? {} : { nodeName: node.nodeName }),
    registry: 'connected',
  };
}
