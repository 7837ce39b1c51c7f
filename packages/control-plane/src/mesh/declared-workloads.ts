import type { ProxyNode, Workload } from '@meltemi/model';

/** Looks up the workload that an object declares at a node's address, of the node's own identity. */
export type DeclaredWorkloads = (node: ProxyNode) => Workload | undefined;

/**
 * Objects say whose an address is by namespace and service account. One that names no account (an application outside the mesh) gives its address to no
 * proxy: else every account of its namespace could take the calls to it.
 */
export function createDeclaredWorkloads(entries: () => readonly Workload[]): DeclaredWorkloads {
  let of: readonly Workload[] | undefined;
  let byAddress: ReadonlyMap<string, readonly Workload[]> = new Map();
  return ({ address, namespace, serviceAccount }) => {
    const list = entries();
    if (list !== of) byAddress = Map.groupBy(list, (workload) => workload.address);
    of = list;
    const isOwn = (workload: Workload): boolean => workload.namespace === namespace && workload.serviceAccount === serviceAccount;
    return serviceAccount === '' ? undefined : byAddress.get(address)?.find(isOwn);
  };
}
