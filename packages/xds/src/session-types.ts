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
  /** Resources that the client has. */
  readonly resources: number;
  readonly sentVersion: number | undefined;
  readonly sentNonce: string;
  /** The newest version the client has, because it acknowledged it or because nothing changed for it. */
  readonly ackedVersion: number | undefined;
  /** The last refusal, until the next acknowledgement. */
  readonly nacked: { readonly version: number; readonly message: string } | undefined;
  /** Something was sent and not answered, or is still to be sent. */
  readonly outstanding: boolean;
}

export interface ServerSessionOptions {
  readonly source: ResourceSource;
  /** Makes nonces unique across streams: a prefix. */
  readonly noncePrefix?: string;
  /** Told of requests that answer a response which is not the last one of its type. */
  readonly onStale?: (typeUrl: string) => void;
  /** The client of a delta stream takes patches of what it has (`PATCH_FEATURE`). */
  readonly takesPatches?: boolean;
  /** The client of a delta stream may say what it has as digests (`DIGEST_FEATURE`), once it was greeted. */
  readonly saysDigests?: boolean;
}

/**
 * The server's side of one ADS stream (delta or state of the world) as a state machine without I/O: requests in, `next()` responses out.
 * One response per type is outstanding; changes meanwhile are folded into the next. Order: CDS, EDS, SDS, LDS, RDS, others. Routes and
 * listeners wait until clusters and their endpoints are acknowledged; clusters and endpoints are removed only after the routes and
 * listeners that used them were replaced and acknowledged.
 */
export interface ServerSession<Request, Response> {
  /**
   * Takes a request; returns the verdict it carries, if it is the first for its nonce. Throws MeshError `grpc/resource-exhausted` for more
   * types or names than a client can need.
   */
  receive(request: Request): Verdict | undefined;
  /** The source has changed: everywhere, or in one type only, or only in these names of it. */
  changed(typeUrl?: string, names?: ReadonlySet<string>): void;
  /** What a client that says digests is waiting for before it says anything else; once, and whatever else holds the stream back. */
  greeting(): Response | undefined;
  /** The next response to write, undefined when there is nothing to say now. Call until undefined, or until the transport pushes back. */
  next(): Response | undefined;
  statuses(): readonly TypeStatus[];
  /** The newest source version that the client has in every type it subscribed to; undefined before the first. */
  syncedVersion(): number | undefined;
  /** Routes or listeners wait for clusters that are not acknowledged, or for endpoints that the client has not asked for yet. */
  readonly holdsBack: boolean;
  /** Stops that waiting, for a client that never answers (Envoy after some refused clusters). The caller's timer decides when (about two seconds). */
  stopHoldingBack(): void;
}
