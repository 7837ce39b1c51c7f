import type { Status } from '@meltemi/protos-types';
import type { Resource } from './resource.ts';

/** DeltaDiscoveryRequest; `node` is the encoded `envoy.config.core.v3.Node`, present in the first request of a stream only. */
export interface DeltaRequest {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Empty in a request that answers nothing. */
  readonly nonce: string;
  /** Present: a NACK. */
  readonly error?: Status;
}

/** DeltaDiscoveryResponse. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

/** DiscoveryRequest. */
export interface SotwRequest {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly version: string;
  readonly nonce: string;
  readonly error?: Status;
}

/** DiscoveryResponse. */
export interface SotwResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}
