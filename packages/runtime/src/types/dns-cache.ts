import type { SocketAddress } from './common.ts';

/** Which addresses of a name are asked for. */
export type DnsFamily = 'v4' | 'v6' | 'auto' | 'prefer-v4' | 'all';

/** When a lookup that failed is made again: exponential, from base to max. */
export interface FailureRefresh {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** A cache of looked-up names (`DnsCacheConfig`); who names the same one shares it. */
export interface DnsCache {
  readonly name: string;
  readonly family: DnsFamily;
  /** After a failure, and where a name has no time to live; not less than `minRefreshMs` after a success. */
  readonly refreshMs: number;
  readonly minRefreshMs: number;
  /** After failures: exponential, from base to max; absent = `refreshMs`. */
  readonly failure?: FailureRefresh;
  /** A name that nobody has asked for is forgotten. */
  readonly hostTtlMs: number;
  readonly maxHosts: number;
  /** Requests that may wait for names at a time. */
  readonly maxPending: number;
  readonly queryTimeoutMs: number;
  /** Resolvers to ask; empty = the system's. */
  readonly servers: readonly SocketAddress[];
  /** Looked up before anybody asks. */
  readonly preresolve: readonly string[];
}
