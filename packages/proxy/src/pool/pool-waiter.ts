import type { ConnectionInfo } from '../types.ts';
import type { UpstreamStream } from '../http/stream.ts';

/** A request that waits for a connection. Exactly one of the two is called, never before `acquire` has returned. */
export interface PoolWaiter {
  /** The client's connection, for upstreams that are told of it (PROXY protocol); undefined for requests of the proxy's own. */
  readonly client?: ConnectionInfo;
  /** The authority that the request goes on with, for upstreams that are called by it (TLS). */
  readonly upstreamAuthority: string;
  onPoolReady(stream: UpstreamStream): void;
  /** `reason` as in Envoy's transport failure reasons; `timeout` = connecting took too long. */
  onPoolFailure(reason: string): void;
}

/** What `acquire` answers: a stream at once, a place in the queue, or a refusal: the cluster's circuit breaker is open. */
export type Acquired = UpstreamStream | 'queued' | 'overflow';
