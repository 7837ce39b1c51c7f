import type { DeltaRequest, DeltaResponse } from './messages.ts';
import type { Resource } from './resource.ts';

/** A resource that was refused, and why: that text becomes the NACK. */
export interface Rejection {
  readonly name: string;
  readonly message: string;
}

/** One response to apply: all the good resources of it, whatever the others are. Settle it exactly once. */
export interface Update {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly added: readonly Resource[];
  readonly removed: readonly string[];
}

export interface DeltaClientOptions {
  /** The encoded `envoy.config.core.v3.Node`, sent with the first request of each stream. */
  readonly node: Uint8Array;
}

/**
 * The client's side of delta xDS as a state machine without I/O. The caller moves bytes: it hands responses in, takes requests out
 * after every call, and says when a stream is up or gone. Subscriptions and known versions outlive streams.
 */
export interface DeltaClient {
  /** Subscribes; '*' for all resources of the type. Known names are left alone. */
  subscribe(typeUrl: string, names: readonly string[]): void;
  /** The resources of the names count as removed at once; no update says so. */
  unsubscribe(typeUrl: string, names: readonly string[]): void;
  /** A stream is up: queues the first request of each type, with the versions already accepted. */
  connected(): void;
  /** The stream is gone. Updates that were not settled are forgotten. */
  disconnected(): void;
  /** A response came in. */
  receive(response: DeltaResponse): Update;
  /** The verdict on an update: ACK without rejections, else NACK. Later than a disconnect: ignored by the wire, but accepted versions are kept. */
  settle(update: Update, rejections: readonly Rejection[]): void;
  /** What is to be sent now, in order; empties the queue. */
  takeRequests(): readonly DeltaRequest[];
  /** Accepted resources of a type: name to version. */
  versions(typeUrl: string): ReadonlyMap<string, string>;
  /** Names subscribed to, '*' among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
}

/** A client without subscriptions and without a stream. */
export function createDeltaClient(options: DeltaClientOptions): DeltaClient {
  throw new Error(`in work ${String(options)}`);
}
