import type { EndpointChange, PushChanges, PushContext } from '@meltemi/model';
import { touchesSubset } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import { outboundCluster } from './common/names.ts';

/** By type URL all of it ('*') or some names. */
export type ChangedTypes = ReadonlyMap<string, ReadonlySet<string> | '*'>;

/** Which types an object of a kind reaches. Kinds that are not here reach nothing by themselves. */
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  VirtualService: [TYPE_URL.listener, TYPE_URL.route],
  DestinationRule: [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route],
  Gateway: [TYPE_URL.listener, TYPE_URL.route],
  // DISABLE on the serving side takes mutual TLS off the endpoints.
  PeerAuthentication: [TYPE_URL.listener, TYPE_URL.endpoint, TYPE_URL.cluster],
};

/**
 * What a change of the mesh can have changed of what proxies get. An endpoint that moves touches the load assignments of its service port, and of those
 * subsets that it is in; nothing else is looked at.
 */
export function changedTypes(
  changes: { readonly push: PushChanges | undefined; readonly endpoints: readonly EndpointChange[]; readonly workloads: readonly string[] },
  push: PushContext,
): ChangedTypes {
  const result = new Map<string, Set<string> | '*'>();
  const all = (typeUrl: string): void => void result.set(typeUrl, '*');
  const some = (typeUrl: string, names: Iterable<string>): void => {
    const found = result.get(typeUrl);
    if (found === '*') return;
    if (found === undefined) result.set(typeUrl, new Set(names));
    else for (const name of names) found.add(name);
  };
  const { push: pushed, endpoints, workloads } = changes;
  if (pushed !== undefined && (pushed.full || pushed.services.length > 0)) for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable]) all(typeUrl);
  if (pushed?.full === true) all(TYPE_URL.workload);
  for (const key of pushed?.configs ?? []) for (const typeUrl of BY_KIND[key.slice(0, key.indexOf('/'))] ?? []) all(typeUrl);
  for (const change of endpoints) {
    if (change.accountsChanged) all(TYPE_URL.cluster);
    some(TYPE_URL.endpoint, assignmentsOf(change, push));
  }
  if (workloads.length > 0) some(TYPE_URL.workload, workloads);
  // A workload may have got or lost ports of its own.
  if (workloads.length > 0) for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.listener]) all(typeUrl);
  return result;
}

/** Names of the load assignments that an endpoint change touches. */
function assignmentsOf(change: EndpointChange, push: PushContext): readonly string[] {
  const hostname = change.service.slice(change.service.indexOf('/') + 1);
  const names: string[] = [];
  for (const [port, endpoints] of change.ports) {
    names.push(outboundCluster(port, '', hostname));
    for (const rules of push.destinationRules.byNamespace.values()) {
      for (const [host, list] of rules) {
        if (host !== hostname && !host.startsWith('*')) continue;
        for (const rule of list) for (const { subset } of rule.subsets) if (touchesSubset(endpoints, subset.labels ?? {})) names.push(outboundCluster(port, subset.name, hostname));
      }
    }
  }
  return names;
}
