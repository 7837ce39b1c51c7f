import { labelsMatch } from './labels.ts';
import type { Endpoint, Labels, Workload } from './types/service.ts';

/** Names a service in the index: two namespaces may declare one host. */
export function serviceKey(service: { readonly namespace: string; readonly hostname: string }): string {
  return `${service.namespace}/${service.hostname}`;
}

/** What one update did. Ports that stayed equal are not listed: nothing need be sent for them. */
export interface EndpointChange {
  /** `namespace/hostname`. */
  readonly service: string;
  /** Service port → the endpoints that came, went or changed (old and new form). */
  readonly ports: ReadonlyMap<number, readonly Endpoint[]>;
  /** The identities behind the service changed: its clusters' certificate checks must be rebuilt. */
  readonly accountsChanged: boolean;
}

/** Who answers where, beside the snapshot. Lists and their endpoints are immutable; a change puts a new list in place. */
export interface EndpointIndex {
  /** Endpoints of a service port, in a stable order; empty when there are none. */
  readonly endpoints: (service: string, port: number) => readonly Endpoint[];
  /**
   * SPIFFE IDs of all endpoints, sorted. When the last endpoint goes, the identities it had stay: a certificate check must never become
   * "anyone" because nobody is there at the moment.
   */
  readonly accounts: (service: string) => readonly string[];
  /** Counts up whenever the accounts of any service change. */
  readonly accountsVersion: number;
  /** Counts up whenever any endpoint changes. */
  readonly version: number;
  /** The workload at a mesh-facing address. */
  readonly workloadAt: (address: string) => Workload | undefined;
  /** All service keys with endpoints. */
  readonly services: () => Iterable<string>;
}

/** The one writer's view. Every method says what really changed. */
export interface WritableEndpointIndex extends EndpointIndex {
  /** Replaces all ports of a service. Undefined: nothing changed. */
  update(service: string, ports: ReadonlyMap<number, readonly Endpoint[]>): EndpointChange | undefined;
  remove(service: string): EndpointChange | undefined;
  /** Replaces all workloads; returns the addresses whose workload came, went or changed. */
  updateWorkloads(workloads: readonly Workload[]): readonly string[];
}

interface Entry {
  readonly ports: ReadonlyMap<number, readonly Endpoint[]>;
  readonly accounts: readonly string[];
}

const NONE: readonly never[] = [];
const EMPTY: Entry = { ports: new Map(), accounts: NONE };

/** An empty index. */
export function createEndpointIndex(): WritableEndpointIndex {
  const entries = new Map<string, Entry>();
  const workloads = createWorkloadsByAddress();
  let accountsVersion = 0;
  let version = 0;
  const update = (service: string, ports: ReadonlyMap<number, readonly Endpoint[]>): EndpointChange | undefined => {
    const before = entries.get(service) ?? EMPTY;
    const { merged, changed } = mergePorts(before.ports, ports);
    if (changed.size === 0 && before !== EMPTY) return undefined;
    const found = accountsOf(merged.values());
    const accountsChanged = found.length > 0 && found.join() !== before.accounts.join();
    if (accountsChanged) accountsVersion++;
    version++;
    entries.set(service, { ports: merged, accounts: accountsChanged ? found : before.accounts });
    return { service, ports: changed, accountsChanged };
  };
  return {
    endpoints: (service, port) => entries.get(service)?.ports.get(port) ?? NONE,
    accounts: (service) => entries.get(service)?.accounts ?? NONE,
    get accountsVersion() {
      return accountsVersion;
    },
    get version() {
      return version;
    },
    workloadAt: (address) => workloads.at(address),
    services: () => entries.keys(),
    update,
    remove(service) {
      if (!entries.has(service)) return undefined;
      const change = update(service, new Map());
      entries.delete(service);
      return change ?? { service, ports: new Map(), accountsChanged: false };
    },
    updateWorkloads: (list) => workloads.update(list),
  };
}

interface WorkloadSlot {
  workload: Workload;
  /** The last update in which it was there. */
  turn: number;
}

/** Workloads by address; the first one of an address has it. Lists are long and change little: nothing is made for what stays. */
function createWorkloadsByAddress(): { at(address: string): Workload | undefined; update(list: readonly Workload[]): readonly string[] } {
  const slots = new Map<string, WorkloadSlot>();
  let turn = 0;
  return {
    at: (address) => slots.get(address)?.workload,
    update(list) {
      turn++;
      let distinct = 0;
      const changed: string[] = [];
      for (const workload of list) {
        const slot = slots.get(workload.address);
        if (slot?.turn === turn) continue;
        distinct++;
        if (slot === undefined || !isSame(slot.workload, workload)) changed.push(workload.address);
        if (slot === undefined) slots.set(workload.address, { workload, turn });
        else [slot.workload, slot.turn] = [workload, turn];
      }
      if (distinct === slots.size) return changed.sort();
      for (const [address, slot] of slots) {
        if (slot.turn === turn) continue;
        slots.delete(address);
        changed.push(address);
      }
      return changed.sort();
    },
  };
}

/** The new ports; lists that did not change keep their identity, and equal endpoints keep theirs. */
function mergePorts(before: ReadonlyMap<number, readonly Endpoint[]>, after: ReadonlyMap<number, readonly Endpoint[]>) {
  const merged = new Map<number, readonly Endpoint[]>();
  const changed = new Map<number, readonly Endpoint[]>();
  for (const [port, list] of after) {
    const old = before.get(port) ?? NONE;
    const oldByText = new Map(old.map((endpoint) => [textOf(endpoint), endpoint]));
    const sorted = list.map((endpoint) => oldByText.get(textOf(endpoint)) ?? endpoint).sort(compareEndpoints);
    const oldSet = new Set(old);
    const newSet = new Set(sorted);
    const differing = [...old.filter((endpoint) => !newSet.has(endpoint)), ...sorted.filter((endpoint) => !oldSet.has(endpoint))];
    if (differing.length > 0 || !before.has(port)) changed.set(port, differing);
    merged.set(port, differing.length === 0 && before.has(port) ? old : sorted);
  }
  for (const [port, list] of before) if (!after.has(port)) changed.set(port, list);
  return { merged, changed };
}

/** Field order of an endpoint is fixed by its one maker, and label order does not matter to equality that saves a push. */
function textOf(endpoint: Endpoint): string {
  return JSON.stringify(endpoint);
}

function compareEndpoints(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port;
}

function accountsOf(lists: Iterable<readonly Endpoint[]>): readonly string[] {
  const found = new Set<string>();
  for (const list of lists) for (const endpoint of list) if (endpoint.principal !== '') found.add(endpoint.principal);
  return [...found].sort();
}

function isSame(a: Workload, b: Workload): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Whether a change concerns a subset: some endpoint that came, went or changed carries its labels. */
export function touchesSubset(changed: readonly Endpoint[], subset: Labels): boolean {
  return changed.length === 0 || changed.some((endpoint) => labelsMatch(subset, endpoint.labels));
}
