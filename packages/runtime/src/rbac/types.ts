import type { CidrRange, StringMatch } from '../types/common.ts';
import type { Matcher } from '../matcher/types.ts';
import type { MetadataMatch } from '../types/metadata.ts';
import type { HeaderMatch } from '../types/route.ts';

/** One condition of a policy: what is asked for (permission) and who asks (principal) are made of the same parts. */
export type RbacRule =
  | { readonly t: 'and' | 'or'; readonly rules: readonly RbacRule[] }
  | { readonly t: 'not'; readonly rule: RbacRule }
  | { readonly t: 'any' }
  | { readonly t: 'header'; readonly match: HeaderMatch }
  /** Path without query. */
  | { readonly t: 'path'; readonly match: StringMatch }
  /** A path template (`/a/{*}/b/{**}`), as a regular expression. */
  | { readonly t: 'template'; readonly regex: string }
  | { readonly t: 'destination-ip' | 'source-ip' | 'direct-remote-ip' | 'remote-ip'; readonly range: CidrRange }
  /** start <= port < end. */
  | { readonly t: 'destination-port'; readonly start: number; readonly end: number }
  | { readonly t: 'server-name'; readonly match: StringMatch }
  | { readonly t: 'metadata'; readonly match: MetadataMatch }
  /** Names of the peer's certificate; no match = any TLS peer. */
  | { readonly t: 'authenticated'; readonly match?: StringMatch };

export interface RbacPolicy {
  readonly name: string;
  /** Some permission and some principal must hold. */
  readonly permissions: readonly RbacRule[];
  readonly principals: readonly RbacRule[];
}

/** `config.rbac.v3.RBAC`: policies in the order they are tried, by name. */
export interface RbacRules {
  readonly action: 'allow' | 'deny' | 'log';
  readonly policies: readonly RbacPolicy[];
  /** In place of action and policies: a tree whose leaves decide. */
  readonly tree?: Matcher<RbacTree>;
}

/** A leaf, with the name that is told of. */
export interface RbacTree {
  readonly name: string;
  readonly allowed: boolean;
}
