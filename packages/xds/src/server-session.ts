import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from './messages.ts';
import { createSession } from './server/session.ts';
import { deltaRules } from './server/delta-rules.ts';
import { sotwRules } from './server/sotw-rules.ts';
import type { ResourceSource } from './resource.ts';

export type Protocol = 'delta' | 'sotw';

/** The first answer to a nonce. */
export type Verdict =
  | { readonly t: 'ack'; readonly typeUrl: string; readonly nonce: string; readonly version: number }
  | { readonly t: 'nack'; readonly typeUrl: string; readonly nonce: string; readonly version: number; readonly message: string };

/** What is known of one type on one client. Versions are the source's. */
export interface TypeStatus {
  readonly typeUrl: string;
  /** '*' among the names: all. */
  readonly names: ReadonlySet<string>;
  readonly sentVersion: number | undefined;
  readonly sentNonce: string;
  /** The newest version the client has, because it acknowledged it or because nothing changed for it. */
  readonly ackedVersion: number | undefined;
  /** The last refusal, until the next acknowledgement. */
  readonly nacked: { readonly version: number; readonly message: string } | undefined;
  readonly outstanding: boolean;
}

export interface ServerSessionOptions {
  readonly source: ResourceSource;
  /** Makes nonces unique across streams: a prefix. */
  readonly noncePrefix?: string;
}

/**
 * The server's side of one ADS stream (delta or state of the world) as a state machine without I/O: requests in, `next()` responses out.
 * One response per type is outstanding; changes meanwhile are folded into the next. Order: CDS, EDS, SDS, LDS, RDS, others; clusters and
 * endpoints are removed only after the routes and listeners that used them were replaced and acknowledged.
 */
export interface ServerSession<Request, Response> {
  /** Takes a request; returns the verdict it carries, if it is the first for its nonce. */
  receive(request: Request): Verdict | undefined;
  /** The source has changed: everywhere, or in one type only, or only in these names of it. */
  changed(typeUrl?: string, names?: ReadonlySet<string>): void;
  /** The next response to write, undefined when there is nothing to say now. Call until undefined, or until the transport pushes back. */
  next(): Response | undefined;
  statuses(): readonly TypeStatus[];
  /** The newest source version that the client has in every type it subscribed to; undefined before the first. */
  syncedVersion(): number | undefined;
}

export function createServerSession(protocol: 'delta', options: ServerSessionOptions): ServerSession<DeltaRequest, DeltaResponse>;
export function createServerSession(protocol: 'sotw', options: ServerSessionOptions): ServerSession<SotwRequest, SotwResponse>;
export function createServerSession(
  protocol: Protocol,
  options: ServerSessionOptions,
): ServerSession<DeltaRequest, DeltaResponse> | ServerSession<SotwRequest, SotwResponse> {
  return protocol === 'delta' ? createSession(options, deltaRules) : createSession(options, sotwRules);
}
