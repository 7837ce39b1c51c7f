import { getHeapStatistics } from 'node:v8';

/** What this process may take on; what is over a limit is refused or shed, so that the rest, and the admin, go on. */
export interface OverloadLimits {
  /** Accepted connections at a time, over all listeners (Envoy's `overload.global_downstream_max_connections`); those of listeners with `ignore_global_conn_limit` count and are taken. */
  readonly maxConnections: number;
  /** By listener (`envoy.resource_limits.listener.<name>.connection_limit`). */
  readonly listeners: ReadonlyMap<string, number>;
  /** Resident memory; Infinity = what the heap of the runtime allows. */
  readonly maxMemoryBytes: number;
}

/** Envoy's words for what an overload manager does. */
export interface Pressure {
  /** Requests are answered with 503 and flag OM. */
  readonly stopAcceptingRequests: boolean;
  /** Connections are not taken. */
  readonly stopAcceptingConnections: boolean;
}

/** How much memory is in use, as a share of what there may be. */
export type MemoryUse = (limits: Pick<OverloadLimits, 'maxMemoryBytes'>) => number;

export const DEFAULT_OVERLOAD: OverloadLimits = { maxConnections: 50_000, listeners: new Map(), maxMemoryBytes: Infinity };

/** Shares of the memory, as Envoy's guide for edge proxies has them. */
const SHED_AT = 0.95;
const REFUSE_AT = 0.98;
/** Between two looks at the memory; nobody looks while nothing comes. */
const LOOK_MS = 50;

/** What the runtime lets the heap grow to; it does not change. */
let heapLimit: number | undefined;

/** The limits of a process, asked at each connection and request. */
export class Overload {
  readonly #limits: OverloadLimits;
  readonly #memory: MemoryUse;
  #pressure: Pressure = { stopAcceptingRequests: false, stopAcceptingConnections: false };
  #lookedMs = -Infinity;
  /** Accepted and open. */
  #open = 0;
  readonly #shared: Int32Array | undefined;

  /** `shared`: one number that all threads count in. */
  constructor(limits: OverloadLimits, shared?: Int32Array, memory: MemoryUse = memoryUse) {
    this.#limits = limits;
    this.#shared = shared;
    this.#memory = memory;
  }

  /** A connection came. Answers the limit that it is over; undefined = it is taken, and `closed` is to be told. */
  opened(listener: string, onListener: number, exempt: boolean, nowMs: number): 'listener' | 'global' | 'memory' | undefined {
    const most = this.#limits.listeners.get(listener);
    if (most !== undefined && onListener >= most) return 'listener';
    const open = this.#shared === undefined ? this.#open++ : Atomics.add(this.#shared, 0, 1);
    if (!exempt && open >= this.#limits.maxConnections) {
      this.closed();
      return 'global';
    }
    if (this.#look(nowMs).stopAcceptingConnections) {
      this.closed();
      return 'memory';
    }
    return undefined;
  }

  closed(): void {
    if (this.#shared === undefined) this.#open--;
    else Atomics.sub(this.#shared, 0, 1);
  }

  /** Is a request that came now to be shed? */
  sheds(nowMs: number): boolean {
    return nowMs - this.#lookedMs < LOOK_MS ? this.#pressure.stopAcceptingRequests : this.#look(nowMs).stopAcceptingRequests;
  }

  #look(nowMs: number): Pressure {
    if (nowMs - this.#lookedMs < LOOK_MS) return this.#pressure;
    this.#lookedMs = nowMs;
    const used = this.#memory(this.#limits);
    const { stopAcceptingRequests } = this.#pressure;
    if (used >= SHED_AT || stopAcceptingRequests)
      this.#pressure = { stopAcceptingRequests: used >= SHED_AT, stopAcceptingConnections: used >= REFUSE_AT };
    return this.#pressure;
  }
}

function memoryUse({ maxMemoryBytes }: Pick<OverloadLimits, 'maxMemoryBytes'>): number {
  heapLimit ??= getHeapStatistics().heap_size_limit;
  // Bun collects all of the heap to answer the question above (100 ms), Node takes long over this one.
  const used = process.versions['bun'] === undefined ? getHeapStatistics().used_heap_size : process.memoryUsage().heapUsed;
  const ofHeap = used / heapLimit;
  return maxMemoryBytes === Infinity ? ofHeap : Math.max(ofHeap, process.memoryUsage.rss() / maxMemoryBytes);
}
