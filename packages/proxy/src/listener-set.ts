import type { Socket } from 'node:net';
import type { CompiledListener, RuntimeChange } from '@meltemi/runtime';
import type { Worker } from './core/worker.ts';
import type { Acceptor } from './net/acceptor.ts';
import { hostPort } from './net/addresses.ts';
import { listen, type BoundSocket } from './net/node-listener.ts';
import type { ListenerStatus } from './types.ts';

interface Entry {
  readonly name: string;
  /** Configured `address:port` → its socket. */
  readonly sockets: Map<string, BoundSocket>;
  error: string;
  connections: number;
}

/**
 * The listening sockets that the configuration asks for. A listener whose addresses stay keeps its socket: connections are given
 * their chain from the configuration in force when they come.
 */
export class ListenerSet {
  readonly #worker: Worker;
  readonly #acceptor: Acceptor;
  readonly #reusePort: boolean;
  readonly #entries = new Map<string, Entry>();
  /** Changes one after another: an address may move from one listener to another. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(worker: Worker, acceptor: Acceptor, reusePort: boolean) {
    this.#worker = worker;
    this.#acceptor = acceptor;
    this.#reusePort = reusePort;
  }

  /** Binds what is new, closes what has gone. Answers the listeners that could not be bound, with the reason. */
  apply(change: RuntimeChange): Promise<ReadonlyMap<string, string>> {
    const done = this.#queue.then(() => this.#apply(change));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  status(): readonly ListenerStatus[] {
    return [...this.#entries.values()].map(({ name, sockets, error, connections }) => ({
      name,
      addresses: [...sockets.values()].map(({ address, port }) => hostPort(address, port)),
      state: error !== '' ? 'failed' : this.#worker.draining ? 'draining' : 'active',
      error,
      connections,
    }));
  }

  /** Stops accepting everywhere. */
  async close(): Promise<void> {
    await this.#queue;
    const sockets = [...this.#entries.values()].flatMap((entry) => [...entry.sockets.values()]);
    for (const entry of this.#entries.values()) entry.sockets.clear();
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
    entry.connections++;
    socket.once('close', () => entry.connections--);
    this.#acceptor.accept(socket, entry.name);
  }

  async #bind(listener: CompiledListener): Promise<string> {
    const { name, bindToPort, addresses } = listener.config;
    const entry = this.#entries.get(name) ?? { name, sockets: new Map<string, BoundSocket>(), error: '', connections: 0 };
    this.#entries.set(name, entry);
    entry.error = '';
    if (!bindToPort || this.#worker.draining) return '';
    for (const { address, port } of addresses) {
      const key = hostPort(address, port);
      if (entry.sockets.has(key)) continue;
      try {
        entry.sockets.set(key, await listen(address, port, this.#reusePort, (socket) => this.#accepted(entry, socket)));
      } catch (error) {
        entry.error = error instanceof Error ? error.message : String(error);
      }
    }
    return entry.error;
  }
}
