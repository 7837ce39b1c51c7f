import { record, type CompiledChain, type CompiledListener, type RuntimeListener } from '@meltemi/runtime';
import type { Connection } from '../core/worker.ts';
import {
  CLASS_COUNTERS,
  HTTP_COUNTERS,
  LISTENER_COUNTERS,
  TCP_COUNTERS,
  createClassCounts,
  createHttpCounts,
  createListenerCounts,
  createTcpCounts,
  type ClassCounts,
  type HttpCounts,
  type ListenerCounts,
  type TcpCounts,
} from './http-counts.ts';

/** The statistics of a thread besides those of clusters. They outlive the resources that they count, as Envoy's do. */
export class ProxyStats {
  readonly http = new Map<string, HttpCounts>();
  readonly listeners = new Map<string, ListenerCounts>();
  /** `<address>.http.<stat_prefix>`. */
  readonly classes = new Map<string, ClassCounts>();
  readonly tcp = new Map<string, TcpCounts>();
  readonly #ofListener = new WeakMap<RuntimeListener, ListenerCounts>();

  /** Looked up when a connection manager is put to use, not for requests. */
  httpOf(prefix: string): HttpCounts {
    return found(this.http, prefix, createHttpCounts);
  }

  classesOf(listener: RuntimeListener, prefix: string): ClassCounts {
    return found(this.classes, `${listenerName(listener)}.http.${prefix}`, createClassCounts);
  }

  tcpOf(prefix: string): TcpCounts {
    return found(this.tcp, prefix, createTcpCounts);
  }

  /** Drops what belongs to no listener any more; as long as it has connections it is kept. */
  keep(listeners: Iterable<CompiledListener>): void {
    const used = new Set<object>();
    for (const { config } of listeners) {
      used.add(this.listenerOf(config));
      const chains = config.defaultFilterChain === undefined ? config.filterChains : [...config.filterChains, config.defaultFilterChain];
      for (const { terminal } of chains) {
        if (terminal.t === 'tcp') used.add(this.tcpOf(terminal.tcp.statPrefix));
        else {
          used.add(this.httpOf(terminal.http.statPrefix));
          used.add(this.classesOf(config, terminal.http.statPrefix));
        }
      }
    }
    dropUnused(this.http, used);
    dropUnused(this.listeners, used);
    dropUnused(this.classes, used);
    dropUnused(this.tcp, used);
  }

  /** All counters begin anew; gauges and histograms go on. */
  reset(): void {
    for (const counts of this.http.values()) zero(counts, HTTP_COUNTERS);
    for (const counts of this.listeners.values()) zero(counts, LISTENER_COUNTERS);
    for (const counts of this.classes.values()) zero(counts, CLASS_COUNTERS);
    for (const counts of this.tcp.values()) zero(counts, TCP_COUNTERS);
  }

  listenerOf(listener: RuntimeListener): ListenerCounts {
    let counts = this.#ofListener.get(listener);
    if (counts === undefined) {
      counts = found(this.listeners, listenerName(listener), createListenerCounts);
      this.#ofListener.set(listener, counts);
    }
    return counts;
  }
}

function zero<K extends string>(counts: Record<NoInfer<K>, number>, names: Readonly<Record<K, string>>): void {
  for (const name of Object.keys(names) as K[]) counts[name] = 0;
}

function dropUnused(map: Map<string, object>, used: ReadonlySet<object>): void {
  for (const [name, counts] of map) {
    const { cxActive = 0 } = counts as { readonly cxActive?: number };
    if (!used.has(counts) && cxActive === 0) map.delete(name);
  }
}

function found<T>(map: Map<string, T>, name: string, create: () => T): T {
  let counts = map.get(name);
  if (counts === undefined) map.set(name, (counts = create()));
  return counts;
}

/** `127.0.0.1_8080`: Envoy's name of a listener in statistics; colons stand for other things there. */
function listenerName({ addresses, name, statPrefix }: RuntimeListener): string {
  if (statPrefix !== '') return statPrefix.replaceAll(':', '_');
  const [first] = addresses;
  if (first === undefined) return name;
  const address = first.address.includes(':') ? `[${first.address}]` : first.address;
  return `${address}_${first.port}`.replaceAll(':', '_');
}

/** The open connections of a thread, counted as they come and go. */
export interface ConnectionSet extends Iterable<Connection> {
  readonly size: number;
  has(connection: Connection): boolean;
  add(connection: Connection): unknown;
  delete(connection: Connection): boolean;
}

/** Counts connections by what they belong to. `httpCounts` tells those of a chain's connection manager; undefined = it is of TCP. */
export class CountedConnections implements ConnectionSet {
  readonly #opened = new Map<Connection, number>();
  readonly #stats: ProxyStats;
  readonly #now: () => number;

  constructor(stats: ProxyStats, now: () => number) {
    this.#stats = stats;
    this.#now = now;
  }

  get size(): number {
    return this.#opened.size;
  }

  has(connection: Connection): boolean {
    return this.#opened.has(connection);
  }

  add(connection: Connection): void {
    if (this.#opened.has(connection)) return;
    this.#opened.set(connection, this.#now());
    this.#count(connection.chain, connection, 1);
  }

  delete(connection: Connection): boolean {
    const openedMs = this.#opened.get(connection);
    if (openedMs === undefined) return false;
    this.#opened.delete(connection);
    if (connection.handedOver === true) {
      this.#takeBack(connection);
      return true;
    }
    this.#count(connection.chain, connection, -1);
    const lengthMs = this.#now() - openedMs;
    record(this.#stats.listenerOf(connection.chain.listener).cxLength, lengthMs);
    if (connection.counts !== undefined) record(connection.counts.cxLength, lengthMs);
    return true;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#opened.keys();
  }

  /** It never was what it was counted as. */
  #takeBack({ chain, counts }: Connection): void {
    const listener = this.#stats.listenerOf(chain.listener);
    listener.cxActive--;
    listener.cxTotal--;
    if (counts === undefined) return;
    counts.cxActive--;
    counts.cxTotal--;
    counts.cxHttp1Active--;
    counts.cxHttp1--;
    if (chain.config.tls === undefined) return;
    counts.cxSslActive--;
    counts.cxSsl--;
  }

  #count(chain: CompiledChain, connection: Connection, by: 1 | -1): void {
    const listener = this.#stats.listenerOf(chain.listener);
    listener.cxActive += by;
    listener[by === 1 ? 'cxTotal' : 'cxDestroy']++;
    const { counts, protocol } = connection;
    if (counts === undefined) return;
    const secure = chain.config.tls !== undefined;
    const second = protocol === 'http2';
    counts.cxActive += by;
    counts[second ? 'cxHttp2Active' : 'cxHttp1Active'] += by;
    if (secure) counts.cxSslActive += by;
    if (by === -1) {
      counts.cxDestroy++;
      counts[connection.endedByPeer === true ? 'cxDestroyRemote' : 'cxDestroyLocal']++;
      return;
    }
    counts.cxTotal++;
    counts[second ? 'cxHttp2' : 'cxHttp1']++;
    if (secure) counts.cxSsl++;
  }
}
