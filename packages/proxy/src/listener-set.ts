import type { Socket } from 'node:net';
import type { CompiledListener, RuntimeChange } from '@meltemi/runtime';
import type { DrainScope } from './core/drain.ts';
import type { Overload } from './core/overload.ts';
import type { Worker } from './core/worker.ts';
import type { Acceptor } from './net/acceptor.ts';
import { hostPort } from './net/addresses.ts';
import { listen, type BoundSocket, type PortSharing } from './net/node-listener.ts';
import type { ListenerStatus } from './types.ts';

interface Entry {
  readonly name: string;
  /** Configured `address:port` → its socket. */
  readonly sockets: Map<string, BoundSocket>;
  error: string;
  connections: number;
  readonly inbound: boolean;
  /** As asked for by the configuration. */
  backlog: number | undefined;
  /** Taken over the limit of all connections, too. */
  exempt: boolean;
}

const GLOBAL_OVERFLOW = 'listener_manager.downstream_global_cx_overflow';
const OVERLOAD_REJECT = 'overload.envoy.overload_actions.reject_incoming_connections.count';

/**
 * The listening sockets that the configuration asks for. A listener whose addresses stay keeps its socket: connections are given
 * their chain from the configuration in force when they come.
 */
export class ListenerSet {
  readonly #worker: Worker;
  readonly #acceptor: Acceptor;
  readonly #sharing: PortSharing;
  /** Listeners of these directions accept nothing any more. */
  #closed: DrainScope | 'none' = 'none';
  readonly #entries = new Map<string, Entry>();
  /** Changes one after another: an address may move from one listener to another. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker, acceptor: Acceptor, sharing: PortSharing) {
    this.#worker = worker;
    this.#acceptor = acceptor;
    this.#sharing = sharing;
  }

  /** Binds what is new, closes what has gone. Answers the listeners that could not be bound, with the reason. */
  apply(change: RuntimeChange): Promise<ReadonlyMap<string, string>> {
    const done = this.#queue.then(() => this.#apply(change));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  status(): readonly ListenerStatus[] {
    return [...this.#entries.values()].map(({ name, sockets, error, connections, inbound }) => ({
      name,
      addresses: [...sockets.values()].map(({ address, port }) => hostPort(address, port)),
      state: error !== '' ? 'failed' : includes(this.#worker.draining, inbound) ? 'draining' : 'active',
      error,
      connections,
    }));
  }

  /** Stops accepting, for good. */
  async close(scope: DrainScope): Promise<void> {
    if (this.#closed !== 'all') this.#closed = scope;
    await this.#queue;
    const entries = [...this.#entries.values()].filter(({ inbound }) => includes(scope, inbound));
    const sockets = entries.flatMap((entry) => [...entry.sockets.values()]);
    for (const entry of entries) entry.sockets.clear();
    // `close` of a server resolves only when its connections have gone; accepting stops at once.
    for (const socket of sockets) void socket.close();
  }

  async #apply(change: RuntimeChange): Promise<ReadonlyMap<string, string>> {
    for (const name of change.removedListeners) this.#remove(name);
    for (const listener of change.listeners) this.#closeMoved(listener);
    const failures = new Map<string, string>();
    for (const listener of change.listeners) {
      const failure = await this.#bind(listener);
      if (failure !== '') failures.set(listener.config.name, failure);
    }
    return failures;
  }

  #remove(name: string): void {
    for (const socket of this.#entries.get(name)?.sockets.values() ?? []) void socket.close();
    this.#entries.delete(name);
  }

  /** Gives addresses up before others take them. */
  #closeMoved(listener: CompiledListener): void {
    const entry = this.#entries.get(listener.config.name);
    if (entry === undefined) return;
    const wanted = new Set(listener.config.bindToPort ? listener.config.addresses.map(({ address, port }) => hostPort(address, port)) : []);
    for (const [key, socket] of entry.sockets) {
      if (wanted.has(key)) continue;
      void socket.close();
      entry.sockets.delete(key);
    }
  }

  #accepted(entry: Entry, socket: Socket): void {
    const { overload, counters, wheel } = this.#worker;
    const over = overload.opened(entry.name, entry.connections, entry.exempt, wheel.now());
    if (over !== undefined) {
      for (const name of refusalNames(entry.name, over)) counters.add(name);
      socket.destroy();
      return;
    }
    entry.connections++;
    socket.once('close', () => {
      entry.connections--;
      overload.closed();
    });
    this.#acceptor.accept(socket, entry.name);
  }

  async #bind(listener: CompiledListener): Promise<string> {
    const { name, bindToPort, addresses, direction, backlog } = listener.config;
    const inbound = direction === 'inbound';
    const entry = this.#entries.get(name) ?? {
      name,
      sockets: new Map<string, BoundSocket>(),
      error: '',
      connections: 0,
      inbound,
      backlog: undefined,
      exempt: false,
    };
    this.#entries.set(name, entry);
    entry.error = '';
    entry.exempt = listener.config.ignoreGlobalLimit;
    if (!bindToPort || includes(this.#closed, inbound)) return '';
    for (const { address, port } of addresses) {
      const key = hostPort(address, port);
      try {
        const known = entry.sockets.get(key);
        const socket = known ?? (await listen(address, port, this.#sharing, (taken) => this.#accepted(entry, taken)));
        entry.sockets.set(key, socket);
        if (backlog !== entry.backlog) socket.waiting(backlog);
      } catch (error) {
        entry.error = error instanceof Error ? error.message : String(error);
      }
    }
    entry.backlog = backlog;
    return entry.error;
  }
}

/** What counts a connection that is not taken: Envoy's name, and where that is the same for two reasons one of ours. */
function refusalNames(listener: string, over: NonNullable<ReturnType<Overload['opened']>>): readonly string[] {
  if (over === 'listener') return [`listener.${listener}.downstream_cx_overflow`];
  return over === 'global' ? [GLOBAL_OVERFLOW] : [OVERLOAD_REJECT, `overload.meltemi.rejected_connections.${over}`];
}

function includes(scope: DrainScope | 'none', inbound: boolean): boolean {
  return scope === 'all' || (scope === 'inbound' && inbound);
}
