import type { HashPolicy } from './route.ts';

/** A host that has just come takes its share slowly: its weight grows over the window. */
export interface SlowStart {
  readonly windowMs: number;
  /** 1 = linear growth; more = faster at first. */
  readonly aggression: number;
  /** Weight at the beginning, as a share (0..1) of the host's own. */
  readonly minShare: number;
}

/** What ring hash and Maglev have in common. */
export interface ConsistentHashing {
  /** Hash the endpoint's host name instead of its address. */
  readonly byHostname: boolean;
  /** A host may have so many percent of the average load before the next is asked (at least 100); 0 = no bound. */
  readonly balancePercent: number;
  /** The cluster's own rules of what is hashed; empty = the route's. */
  readonly policies: readonly HashPolicy[];
}

export type LoadBalancing =
  | { readonly t: 'round-robin'; readonly slowStart?: SlowStart }
  | { readonly t: 'random' }
  | {
      readonly t: 'least-request';
      readonly choices: number;
      readonly activeRequestBias: number;
      /** Look at every host instead of a few. */
      readonly fullScan: boolean;
      readonly slowStart?: SlowStart;
    }
  | ({ readonly t: 'ring-hash'; readonly minSize: number; readonly maxSize: number; readonly hash: 'xx' | 'murmur2' } & ConsistentHashing)
  | ({ readonly t: 'maglev'; readonly tableSize: number } & ConsistentHashing)
  /** Ours: of two hosts the one that would answer sooner, by its peak-sensitive latency of late and what it has in flight. */
  | { readonly t: 'peak-ewma'; readonly decayMs: number }
  /** Only with `discovery.t` original-dst and aggregate. */
  | { readonly t: 'cluster-provided' };

/** How localities of one priority share its load. */
export type LocalityBalancing =
  | { readonly t: 'none' }
  /** By their own weights, as far as they are healthy. */
  | { readonly t: 'weighted' }
  /** The proxy's own zone first, as far as the others get their share from their own zones. */
  | {
      readonly t: 'zone-aware';
      /** Share of the requests it is done for, 0..1. */
      readonly enabled: number;
      readonly minClusterSize: number;
      readonly failOnPanic: boolean;
      readonly forceDirect: boolean;
    };

/** A value of endpoint metadata, as JSON. */
export type CriterionValue = unknown;
/** Key and value, sorted by key: what a subset's hosts have in their metadata. */
export type Criteria = readonly { readonly key: string; readonly value: CriterionValue }[];

/** Subsets of a cluster's hosts, by endpoint metadata (`envoy.lb`). */
export interface SubsetBalancing {
  readonly fallback: 'none' | 'any' | 'default';
  readonly defaultSubset: Criteria;
  readonly selectors: readonly SubsetSelector[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  readonly panicAny: boolean;
  /** A list in the metadata stands for each of its values. */
  readonly listAsAny: boolean;
  /** The criterion `fallback_list` holds criteria to try one after the other. */
  readonly fallbackList: boolean;
  readonly allowRedundantKeys: boolean;
}

export interface SubsetSelector {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly fallback: 'undefined' | 'none' | 'any' | 'default' | 'keys';
  readonly fallbackKeys: readonly string[];
  readonly singleHost: boolean;
}
