import type { HeaderMatch, QueryMatch } from '../types/route.ts';

/** One part of a descriptor, made from a request; without a value the whole descriptor is left out, unless `skip`. */
export type RateLimitAction =
  | { readonly t: 'destination-cluster' }
  | { readonly t: 'header'; readonly name: string; readonly key: string; readonly skip: boolean }
  | { readonly t: 'remote-address' }
  | { readonly t: 'masked-address'; readonly v4Bits: number; readonly v6Bits: number }
  | { readonly t: 'generic'; readonly key: string; readonly value: string }
  | { readonly t: 'header-match'; readonly key: string; readonly value: string; readonly expect: boolean; readonly headers: readonly HeaderMatch[] }
  | { readonly t: 'query-match'; readonly key: string; readonly value: string; readonly expect: boolean; readonly query: readonly QueryMatch[] }
  | {
      readonly t: 'metadata';
      readonly key: string;
      readonly filter: string;
      readonly path: readonly string[];
      readonly fallback: string;
      readonly skip: boolean;
    };

/** `route.v3.RateLimit`: how a descriptor is made of a request. */
export interface RateLimitRule {
  readonly stage: number;
  readonly actions: readonly RateLimitAction[];
}

export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/** What a limit is looked up by. */
export type Descriptor = readonly DescriptorEntry[];

/** Do a virtual host's rules count beside the route's? `override`: only where the route has none. */
export type VirtualHostRules = 'override' | 'include' | 'ignore';
