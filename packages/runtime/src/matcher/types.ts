import type { CidrRange, StringMatch } from '../types/common.ts';

/** What of a connection or a request is looked at. */
export type MatchInput =
  | { readonly t: ConnectionInput }
  /** Lower-case; pseudo headers too. */
  | { readonly t: 'header'; readonly name: string };

export type ConnectionInput =
  | 'destination-ip'
  | 'destination-port'
  | 'source-ip'
  | 'source-port'
  | 'direct-source-ip'
  | 'source-type'
  | 'server-name'
  | 'transport-protocol'
  | 'application-protocol';

/** A tree of `xds.type.matcher.v3`, with actions of its user's kind. */
export type Matcher<A> =
  | { readonly t: 'list'; readonly fields: readonly Field<A>[]; readonly otherwise?: OnMatch<A> }
  | {
      readonly t: 'exact' | 'prefix';
      readonly input: MatchInput;
      readonly map: readonly (readonly [key: string, next: OnMatch<A>])[];
      readonly otherwise?: OnMatch<A>;
    }
  | { readonly t: 'ip'; readonly input: MatchInput; readonly ranges: readonly IpBranch<A>[]; readonly otherwise?: OnMatch<A> };

/** The first that holds, and leads somewhere, counts. */
export interface Field<A> {
  readonly predicate: Predicate;
  readonly next: OnMatch<A>;
}

/** Of the ranges that hold an address the longest comes first. `exclusive`: when it leads nowhere, no other one is tried. */
export interface IpBranch<A> {
  readonly ranges: readonly CidrRange[];
  readonly next: OnMatch<A>;
  readonly exclusive: boolean;
}

export type OnMatch<A> = { readonly t: 'action'; readonly action: A } | { readonly t: 'matcher'; readonly matcher: Matcher<A> };

export type Predicate =
  | { readonly t: 'value'; readonly input: MatchInput; readonly match: StringMatch }
  | { readonly t: 'ip'; readonly input: MatchInput; readonly ranges: readonly CidrRange[] }
  | { readonly t: 'and' | 'or'; readonly parts: readonly Predicate[] }
  | { readonly t: 'not'; readonly part: Predicate };
