import type { Clock, Log, Timers } from '@meltemi/base';
import type { MethodHandler } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import type { XdsGenerator, XdsNode, XdsUpdate } from './generator.ts';

/** What is known of one type on one connected node; versions are those of `XdsUpdate`. */
export interface NodeTypeStatus {
  readonly typeUrl: string;
  readonly resources: number;
  readonly sentVersion: number | undefined;
  readonly sentAtMs: number | undefined;
  readonly ackedVersion: number | undefined;
  readonly ackedAtMs: number | undefined;
  readonly nack: { readonly version: number; readonly message: string; readonly atMs: number } | undefined;
  readonly state: 'synced' | 'pending' | 'rejected';
}

export interface ConnectedNode {
  readonly node: XdsNode;
  readonly protocol: 'delta' | 'sotw';
  readonly connectedAtMs: number;
  /** The newest version it has in every type. */
  readonly syncedVersion: number | undefined;
  readonly types: readonly NodeTypeStatus[];
}

/** `connected`: after the first request was accepted. `disconnected`: the stream is gone. */
export interface ConnectionEvent {
  readonly t: 'connected' | 'disconnected';
  readonly node: XdsNode;
  /** Unique per stream; a node that reconnects has a new one. */
  readonly connectionId: string;
}

export interface AckResult {
  readonly t: 'acknowledged' | 'timeout' | 'rejected';
  /** Nodes that acknowledged or were untouched. */
  readonly acknowledged: number;
  readonly pending: readonly string[];
  readonly rejected: readonly { readonly nodeId: string; readonly typeUrl: string; readonly message: string }[];
}

export interface AdsServerOptions<Push> {
  readonly generator: XdsGenerator<Push>;
  readonly codec: ProtoCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Quiet time before a push. Default 10. */
  readonly debounceMs?: number;
  /** A push happens at the latest after this. Default 1 000. */
  readonly debounceMaxMs?: number;
  /** Streams that get their first resources at the same time. Default 16. */
  readonly initialPushes?: number;
  /** Returns why the node's metadata is not believed, given its certificate; undefined when it is. Default: namespace and service account must agree. */
  readonly verifyNode?: (node: XdsNode) => string | undefined;
}

/** The ADS room. */
export interface AdsServer<Push> {
  /** Delta and SotW ADS for the mTLS port: a caller without a verified certificate is refused. */
  readonly secureHandlers: Readonly<Record<string, MethodHandler>>;
  /** The same for the plaintext port: no secrets and no workload resources. */
  readonly plaintextHandlers: Readonly<Record<string, MethodHandler>>;
  /** Announces a new state; pushed after the debounce. */
  update(update: XdsUpdate<Push>): void;
  nodes(): readonly ConnectedNode[];
  onConnection(run: (event: ConnectionEvent) => void): () => void;
  /** Resolves when every connected node has version `version` or newer, one refused it, or time is up. Never rejects. */
  waitForAck(version: number, timeoutMs: number): Promise<AckResult>;
  /** Ends every stream with UNAVAILABLE; clients reconnect elsewhere. */
  close(): void;
}

/** A room that serves nothing until the first `update`. */
export function createAdsServer<Push>(options: AdsServerOptions<Push>): AdsServer<Push> {
  throw new Error(`in work ${String(options)}`);
}
