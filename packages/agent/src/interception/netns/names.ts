/** Names of everything on the host that belongs to us: `mlt-<pid of the owner>-…`, at most 15 characters for interfaces. */
const PREFIX = 'mlt';
const OWNED = new RegExp(`^${PREFIX}-([0-9]{1,7})-`);

/** Namespace of a workload: for people to recognise, so it ends with the workload's name. */
export function namespaceName(pid: number, index: number, workload: string): string {
  return `${PREFIX}-${pid}-${index}-${workload.replace(/[^a-z0-9.-]/g, '-').slice(0, 80)}`;
}

/** Host end of the pair of interfaces that ties a namespace to the bridge. */
export function hostInterfaceName(pid: number, index: number): string {
  return `${PREFIX}-${pid}-${index}`;
}

/** The bridge of an owner. */
export function bridgeName(pid: number): string {
  return `${PREFIX}-${pid}-br`;
}

/** Pid in a name of ours; undefined for anything else on the machine, which is never touched. */
export function ownerPid(name: string): number | undefined {
  const text = OWNED.exec(name)?.[1];
  return text === undefined ? undefined : Number(text);
}

/**
 * Link-layer address of the interface that holds an IPv4 address: locally administered, the same for the same address. Neighbours remember
 * it for a minute. A bridge without one of its own changes it with every port that joins or leaves, and a workload that comes back would
 * have a new one: what the others send would be lost until they ask again.
 */
export function linkAddress(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `02:6d:${bytes.join(':')}`;
}
