import type { XdsNode } from './generator.ts';

/** What is known of one type on one connected node; versions are those of `XdsUpdate`. */
export interface NodeTypeStatus {
  readonly typeUrl: string;
  readonly resources: number;
  readonly sentVersion: number | undefined;
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
