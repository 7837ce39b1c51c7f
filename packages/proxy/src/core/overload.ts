import { getHeapStatistics } from 'node:v8';
import type { LoopLag } from './loop-lag.ts';

/** What this process may take on; what is over a limit is refused or shed, so that the rest, and the admin, go on. */
export interface OverloadLimits {
  /** Accepted connections at a time, over all listeners (Envoy's `overload.global_downstream_max_connections`); those of listeners with `ignore_global_conn_limit` count and are taken. */
  readonly maxConnections: number;
  /** By listener (`envoy.resource_limits.listener.<name>.connection_limit`). */
  readonly listeners: ReadonlyMap<string, number>;
  /** Resident memory; Infinity = what the heap of the runtime allows. */
  readonly maxMemoryBytes: number;
  /** Requests are shed when the thread is later than so with its work: ever more of them, all of them at twice that. Infinity = none are. */
  readonly maxLoopLagMs: number;
}

/** What there is too little of. */
type Shortage = 'memory' | 'lag';

/** What of requests and connections is turned away. */
interface Pressure {
  /** So large a share of requests is answered with 503 and flag OM, 0..1. */
  readonly shedShare: number;
  /** Why they are. */
  readonly sheds: Shortage;
  /** Why connections are not taken. */
  readonly refuses: Shortage | undefined;
}

/** What is known of the load, for who looks at the proxy. */
export interface OverloadFigures {
  /** Share of the memory that there may be. */
  readonly memory: number;
  /** How late the thread is with its work. */
  readonly lagMs: number;
  /** Share of the most that it may be late by; 0 = there is no such limit. */
  readonly lag: number;
  readonly shedShare: number;
  readonly refusesConnections: boolean;
}

/** Where an overload is seen, and chance. */
export interface OverloadParts {
  /** One number that all threads count in. */
  readonly shared?: Int32Array;
  readonly memory?: MemoryUse;
  readonly lag?: Pick<LoopLag, 'touch' | 'ms'>;
  readonly random?: () => number;
}

/** How much memory is in use, as a share of what there may be. */
export type MemoryUse = (limits: Pick<OverloadLimits, 'maxMemoryBytes'>) => number;

export const DEFAULT_OVERLOAD: OverloadLimits = { maxConnections: 50_000, listeners: new Map(), maxMemoryBytes: Infinity, maxLoopLagMs: Infinity };

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
  readonly #lag: OverloadParts['lag'];
  readonly #random: () => number;
  #pressure: Pressure = NO_PRESSURE;
  #lookedMs = -Infinity;
  /** Accepted and open. */
  #open = 0;
  readonly #shared: Int32Array | undefined;

  constructor(limits: OverloadLimits, { shared, memory = memoryUse, lag, random = Math.random }: OverloadParts = {}) {
    this.#limits = limits;
    this.#shared = shared;
    this.#memory = memory;
    this.#lag = lag;
    this.#random = random;
  }

  /** A connection came. Answers the limit that it is over; undefined = it is taken, and `closed` is to be told. */
  opened(listener: string, onListener: number, exempt: boolean, nowMs: number): 'listener' | 'global' | Shortage | undefined {
    this.#lag?.touch();
    const most = this.#limits.listeners.get(listener);
    if (most !== undefined && onListener >= most) return 'listener';
    const open = this.#shared === undefined ? this.#open++ : Atomics.add(this.#shared, 0, 1);
    if (!exempt && open >= this.#limits.maxConnections) {
      this.closed();
      return 'global';
    }
    const { refuses } = this.#look(nowMs);
    if (refuses !== undefined) this.closed();
    return refuses;
  }

  closed(): void {
    if (this.#shared === undefined) this.#open--;
    else Atomics.sub(this.#shared, 0, 1);
  }

  /** Why a request that came now is to be shed; undefined = it is not. */
  sheds(nowMs: number): Shortage | undefined {
    this.#lag?.touch();
    const { shedShare, sheds } = nowMs - this.#lookedMs < LOOK_MS ? this.#pressure : this.#look(nowMs);
    return shedShare > 0 && (shedShare >= 1 || this.#random() < shedShare) ? sheds : undefined;
  }

  figures(nowMs: number): OverloadFigures {
    const { shedShare, refuses } = this.#look(nowMs);
    const lagMs = this.#lag?.ms ?? 0;
    return {
      memory: this.#memory(this.#limits),
      lagMs,
      lag: lagMs / (2 * this.#limits.maxLoopLagMs),
      shedShare,
      refusesConnections: refuses !== undefined,
    };
  }

  #look(nowMs: number): Pressure {
    if (nowMs - this.#lookedMs < LOOK_MS) return this.#pressure;
    this.#lookedMs = nowMs;
    const used = this.#memory(this.#limits);
    const lag = this.#lag === undefined ? 0 : this.#lag.ms / this.#limits.maxLoopLagMs;
    if (used < SHED_AT && lag <= 1) return (this.#pressure = NO_PRESSURE);
    return (this.#pressure = {
      shedShare: used >= SHED_AT ? 1 : Math.min(1, lag - 1),
      sheds: used >= SHED_AT ? 'memory' : 'lag',
      refuses: used >= REFUSE_AT ? 'memory' : lag >= 2 ? 'lag' : undefined,
    });
  }
}

const NO_PRESSURE: Pressure = { shedShare: 0, sheds: 'memory', refuses: undefined };

function memoryUse({ maxMemoryBytes }: Pick<OverloadLimits, 'maxMemoryBytes'>): number {
  heapLimit ??= getHeapStatistics().heap_size_limit;
  // Bun collects all of the heap to answer the question above (100 ms), Node takes long over this one.
  const used = process.versions['bun'] === undefined ? getHeapStatistics().used_heap_size : process.memoryUsage().heapUsed;
  const ofHeap = used / heapLimit;
  return maxMemoryBytes === Infinity ? ofHeap : Math.max(ofHeap, process.memoryUsage.rss() / maxMemoryBytes);
}
