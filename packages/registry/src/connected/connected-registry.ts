import { MeshError, type Log, type Random, type Timer, type Timers } from '@meltemi/base';
import type { Health, Locality, ProxyNode, Workload } from '@meltemi/model';
import {
  createLoopbackPool,
  createSubnetPool,
  loopbackAppAddress,
  socketLock,
  type AddressLock,
  type AddressPool,
  type SubnetPool,
} from './address-pool.ts';
import { unsavedValue, type SavedValue } from '../store/saved-value.ts';
import { asJoined, asRegistered, joinedAs, type Bound } from './joined-as.ts';
import type { Allocation, BridgeNetwork, ConnectedRegistry, Member, JoinedAs, JoinRequest, SavedWorkload } from './types.ts';
import { sameIdentity, withJoined, workloadOf, type Owner } from './workload-of.ts';

export interface ConnectedRegistryOptions {
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** How workloads reach the control plane's mTLS port; outside the bridge by the address that they called to join. */
  readonly xdsAddress: { readonly netns?: string | undefined; ports(calledAddress: string): string };
  /** The bridge for `netns`; without it that mode is refused. */
  readonly network?: BridgeNetwork;
  /** Where the list is kept over a restart. */
  readonly saved?: SavedValue<readonly SavedWorkload[]>;
  /** Where it is kept, over a restart, as what the workload of an address joined: also of those that are away or have not come yet. */
  readonly savedJoins?: SavedValue<readonly (readonly [address: string, joined: JoinedAs])[]>;
  /** The workload of this node's identity that somebody else knows of at its address (a WorkloadEntry, a pod). Default: nobody does. */
  readonly registered?: (node: ProxyNode) => Workload | undefined;
  readonly lock?: AddressLock;
  /** Addresses whose workloads are remembered though they are away. Default 10 000. */
  readonly maxJoins?: number;
  /** From the end of the last stream to the end of the endpoint. Default 10 000. */
  readonly graceMs?: number;
  /** How long after a restart workloads of before may take to come back; longer while others do. Default 30 000. */
  readonly restoreMs?: number;
  /** How long an address waits for a workload that joined. Default 300 000, the life of its token. */
  readonly joinMs?: number;
}

/** Workloads of before a restart still come back as long as one did within this. */
const STILL_MS = 5_000;

/** Where a workload stands. */
type State =
  | { readonly t: 'connected'; readonly connections: ReadonlySet<string> }
  /** Its stream is gone, or it has not come back after our restart. */
  | { readonly t: 'leaving'; readonly timer: Timer };

interface Entry {
  readonly workload: Workload;
  readonly state: State;
}

/** The registry of workloads that agents bring. Resolves when those of before a restart are loaded. */
export async function createConnectedRegistry(options: ConnectedRegistryOptions): Promise<ConnectedRegistry> {
  const registry = new Connected(options);
  await registry.restore();
  return registry;
}

class Connected implements ConnectedRegistry {
  readonly #options: ConnectedRegistryOptions;
  readonly #saved: SavedValue<readonly SavedWorkload[]>;
  readonly #loopback: AddressPool;
  readonly #subnet: SubnetPool | undefined;
  /** By mesh-facing address. */
  readonly #entries = new Map<string, Entry>();
  readonly #byConnection = new Map<string, string>();
  /** Addresses of workloads of before a restart that have not come back yet. */
  readonly #awaited = new Set<string>();
  /** So many of them have. */
  #returned = 0;
  /** Addresses given to workloads that are not here yet, and to whom. */
  readonly #reserved = new Map<string, { readonly owner: Owner; readonly timer: Timer }>();
  /** As what the workload of an address joined; also after it left, until the address is given anew: it may come back. */
  readonly #joined = new Map<string, JoinedAs>();
  /** What a node was bound to last: the same node again while that is the same. */
  readonly #bounds = new WeakMap<ProxyNode, { readonly to: object; readonly bound: Bound }>();
  readonly #listeners = new Set<() => void>();
  #list: readonly Workload[] | undefined;

  constructor(options: ConnectedRegistryOptions) {
    this.#options = options;
    this.#saved = options.saved ?? unsavedValue();
    this.#loopback = createLoopbackPool(options.lock ?? socketLock, Math.floor(options.random.next() * 1_000_000));
    this.#subnet = options.network === undefined ? undefined : createSubnetPool(options.network);
  }

  async restore(): Promise<void> {
    for (const [address, joined] of (await this.#options.savedJoins?.load()) ?? []) {
      this.#joined.set(address, joined);
      // The newest comes last. Somebody who joined just before may still be on the way to it, and others may still call who left.
      this.#subnet?.continueAfter(address);
    }
    for (const { joined, ...workload } of (await this.#saved.load()) ?? []) {
      if (joined !== undefined) this.#joined.set(workload.address, joined);
      await this.#claim(workload.address);
      this.#awaited.add(workload.address);
      this.#entries.set(workload.address, { workload, state: { t: 'leaving', timer: this.#awaitReturn(workload.address) } });
    }
  }

  /** While others of before come back, as those of a large mesh do one after another, it may still be in the queue: its endpoint stays. */
  #awaitReturn(address: string, waitMs = (this.#options.restoreMs ?? 30_000) - STILL_MS): Timer {
    return this.#options.timers.after(Math.max(0, waitMs), () => {
      const returned = this.#returned;
      this.#leave(
        address,
        this.#options.timers.after(STILL_MS, () => {
          if (this.#returned === returned) this.#giveUp(address);
          else this.#leave(address, this.#awaitReturn(address, 0));
        }),
      );
    });
  }

  #leave(address: string, timer: Timer): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) this.#entries.set(address, { ...entry, state: { t: 'leaving', timer } });
  }

  #giveUp(address: string): void {
    this.#awaited.delete(address);
    this.#remove(address);
  }

  async allocate(request: JoinRequest): Promise<Allocation> {
    const allocation = await this.#allocate(request);
    // Whoever comes with an address that nobody knows of, after a restart, is nobody.
    await this.#options.savedJoins?.flush();
    return allocation;
  }

  async #allocate(request: JoinRequest): Promise<Allocation> {
    const { network, xdsAddress } = this.#options;
    if (request.interception === 'ports') {
      const address = this.#reserve(await this.#take(this.#loopback), request);
      return { address, appAddress: loopbackAppAddress(address), xdsAddress: xdsAddress.ports(request.calledAddress) };
    }
    if (this.#subnet === undefined || network === undefined) {
      throw new MeshError('join/no-network', 'This control plane has no network for namespaces of its own; join with interception "ports".');
    }
    const address = this.#reserve(await this.#take(this.#subnet), request);
    return { address, appAddress: address, xdsAddress: xdsAddress.netns ?? xdsAddress.ports(request.calledAddress), network };
  }

  /** A workload that has just connected may hold an address that its pool has not marked yet. */
  async #take(pool: AddressPool): Promise<string> {
    for (;;) {
      const address = await pool.take();
      if (!this.#entries.has(address)) return address;
    }
  }

  #reserve(address: string, owner: JoinRequest): string {
    this.#remember(address, joinedAs(owner));
    const timer = this.#options.timers.after(this.#options.joinMs ?? 300_000, () => {
      this.#reserved.delete(address);
      this.#free(address);
    });
    this.#reserved.set(address, { owner, timer });
    return address;
  }

  connect(connectionId: string, node: ProxyNode): void {
    const { address } = node;
    const before = this.#entries.get(address);
    if (!this.#owns(node, before)) return;
    if (this.#awaited.delete(address)) this.#returned++;
    this.#arrive(address, before);
    const connections = new Set(before?.state.t === 'connected' ? before.state.connections : []).add(connectionId);
    this.#byConnection.set(connectionId, address);
    const bound = this.#bound(node);
    if (bound?.deviates === true) {
      this.#options.log.warn('a node presents itself as something else than it joined or is registered as; that counts, not what it says', {
        node: node.id,
        address,
      });
    }
    // Whom nobody knows any more stays what it was.
    if (bound === undefined && before !== undefined) this.#entries.set(address, { ...before, state: { t: 'connected', connections } });
    else this.#enter(bound?.node ?? node, before?.workload, { t: 'connected', connections });
  }

  /** The workload as it is now; the same object when that is what it was. */
  #enter(node: ProxyNode, before: Workload | undefined, state: State): void {
    const { address, reportsHealth } = node;
    const workload = workloadOf(node, before?.health ?? (reportsHealth ? 'unhealthy' : 'healthy'), this.#joinedAs(node)?.member);
    const same = before !== undefined && JSON.stringify(before) === JSON.stringify(workload);
    this.#entries.set(address, { workload: same ? before : workload, state });
    if (!same) this.#changed();
  }

  /** What an agent says of itself counts only as far as it joined or is registered so; undefined: nobody knows of it at its address. */
  #bound(node: ProxyNode): Bound | undefined {
    const joined = this.#joinedAs(node);
    if (joined !== undefined) return this.#lastBound(node, joined, () => asJoined(node, joined));
    const registered = this.#options.registered?.(node);
    return registered === undefined ? undefined : this.#lastBound(node, registered, () => asRegistered(node, registered));
  }

  /** As what the one at its address joined; undefined: it did not, and who had the address before it is nothing to it. */
  #joinedAs(one: Owner & Pick<Workload, 'address'>): JoinedAs | undefined {
    const joined = this.#joined.get(one.address);
    return joined !== undefined && sameIdentity(joined, one) ? joined : undefined;
  }

  #lastBound(node: ProxyNode, to: object, make: () => Bound): Bound {
    let last = this.#bounds.get(node);
    if (last?.to !== to) this.#bounds.set(node, (last = { to, bound: make() }));
    return last.bound;
  }

  /** The newest come last; of the oldest, nothing is waited for any more. */
  #remember(address: string, joined: JoinedAs): void {
    this.#joined.delete(address);
    this.#joined.set(address, joined);
    for (const oldest of this.#joined.keys()) {
      if (this.#joined.size <= (this.#options.maxJoins ?? 10_000)) break;
      if (!this.#entries.has(oldest) && !this.#reserved.has(oldest)) this.#joined.delete(oldest);
    }
    this.#options.savedJoins?.save([...this.#joined]);
  }

  /** An address belongs to the workload that it was given to. One that nobody gave or registered is nobody's: else a node could take any, and the calls to it. */
  #owns(node: ProxyNode, before: Entry | undefined): boolean {
    const owner = before?.workload ?? this.#reserved.get(node.address)?.owner ?? this.#joined.get(node.address);
    if (owner !== undefined && sameIdentity(owner, node)) return true;
    // The address of one that left may have come to somebody else by other ways; while its owner is here or expected, it has not.
    const isTaken = before !== undefined || this.#reserved.has(node.address);
    if (!isTaken && this.#options.registered?.(node) !== undefined) return true;
    const claim = { node: node.id, address: node.address };
    if (owner === undefined)
      this.#options.log.warn(
        'a node claims an address that was not given to any workload; it is not registered: it must join first, or a WorkloadEntry name its service account',
        claim,
      );
    else
      this.#options.log.warn('a node claims the address of another workload; it is not registered', {
        ...claim,
        owner: `${owner.namespace}/${owner.serviceAccount}`,
      });
    return false;
  }

  /** The address is in use: what would free it is called off. */
  #arrive(address: string, before: Entry | undefined): void {
    this.#reserved.get(address)?.timer.cancel();
    this.#reserved.delete(address);
    if (before?.state.t === 'leaving') before.state.timer.cancel();
    if (before === undefined) void this.#claim(address);
  }

  disconnect(connectionId: string): void {
    const address = this.#byConnection.get(connectionId);
    const entry = address === undefined ? undefined : this.#entries.get(address);
    this.#byConnection.delete(connectionId);
    if (address === undefined || entry?.state.t !== 'connected') return;
    const connections = new Set(entry.state.connections);
    connections.delete(connectionId);
    if (connections.size > 0) {
      this.#entries.set(address, { ...entry, state: { t: 'connected', connections } });
      return;
    }
    const timer = this.#options.timers.after(this.#options.graceMs ?? 10_000, () => this.#remove(address));
    this.#entries.set(address, { ...entry, state: { t: 'leaving', timer } });
  }

  setHealth(connectionId: string, health: Health): boolean {
    const address = this.#byConnection.get(connectionId);
    const entry = address === undefined ? undefined : this.#entries.get(address);
    if (address === undefined || entry === undefined) return false;
    if (entry.workload.health === health) return true;
    this.#entries.set(address, { ...entry, workload: { ...entry.workload, health } });
    this.#changed();
    return true;
  }

  workloads(): readonly Workload[] {
    this.#list ??= [...this.#entries.values()].map((entry) => entry.workload).sort((a, b) => (a.address < b.address ? -1 : 1));
    return this.#list;
  }

  members(): readonly Member[] {
    return this.workloads().flatMap((workload) => {
      const member = this.#joinedAs(workload)?.member;
      return member === undefined ? [] : [{ workload, member }];
    });
  }

  known(node: ProxyNode): ProxyNode | undefined {
    return this.#bound(node)?.node;
  }

  localityOf(address: string): Locality | undefined {
    const locality = this.#joined.get(address)?.member?.locality;
    return locality === undefined || locality.region === '' ? undefined : locality;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const { state } of this.#entries.values()) if (state.t === 'leaving') state.timer.cancel();
    for (const { timer } of this.#reserved.values()) timer.cancel();
    this.#listeners.clear();
    this.#loopback.close();
    this.#subnet?.close();
    await this.#saved.flush();
    await this.#options.savedJoins?.flush();
  }

  #remove(address: string): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    this.#entries.delete(address);
    this.#free(address);
    this.#options.log.info('workload left', { workload: `${entry.workload.namespace}/${entry.workload.name}`, address });
    this.#changed();
  }

  async #claim(address: string): Promise<void> {
    try {
      if (!(await this.#loopback.claim(address))) await this.#subnet?.claim(address);
    } catch (error) {
      this.#options.log.warn('the address of a workload is not ours to hold', { address, error: String(error) });
    }
  }

  #free(address: string): void {
    this.#loopback.free(address);
    this.#subnet?.free(address);
  }

  #changed(): void {
    this.#list = undefined;
    this.#saved.save(this.workloads().map((workload) => withJoined(workload, this.#joinedAs(workload))));
    for (const listener of this.#listeners) listener();
  }
}
