import type { StringMatch } from '../types/common.ts';

/** Where the keys of an issuer come from: the text of a key set, or an address to fetch one from, through a cluster. */
export type JwksSource =
  | { readonly t: 'local'; readonly text: string }
  | {
      readonly t: 'remote';
      readonly cluster: string;
      readonly authority: string;
      readonly path: string;
      readonly timeoutMs: number;
      readonly cacheMs: number;
      /** Refreshed before it is needed; the wait after a failure. Absent = fetched when a token asks for it. */
      readonly refetchMs?: number;
      readonly retries: number;
      /** The first wait before another try; it doubles up to the other. */
      readonly backOffMs: number;
      readonly maxBackOffMs: number;
    };

/** `JwtProvider`: an issuer, where its tokens are found, and what is done with a good one. */
export interface JwtProvider {
  /** '' = any. */
  readonly issuer: string;
  /** Without a trailing slash; empty = any. */
  readonly audiences: readonly string[];
  readonly subjects?: StringMatch;
  readonly requireExpiration: boolean;
  readonly maxLifetimeSeconds?: number;
  readonly jwks: JwksSource;
  readonly headers: readonly { readonly name: string; readonly prefix: string }[];
  readonly params: readonly string[];
  readonly cookies: readonly string[];
  /** Leave the token in the request. */
  readonly forward: boolean;
  /** '' = none. */
  readonly payloadHeader: string;
  readonly padPayload: boolean;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Keys in the filter's metadata, '' = none. */
  readonly payloadKey: string;
  readonly headerKey: string;
  readonly failureKey: string;
  readonly spaceDelimited: readonly string[];
  readonly clockSkewSeconds: number;
  /** Tokens that were verified are remembered, so many; 0 = none. */
  readonly cacheSize: number;
  readonly clearRoute: boolean;
}

export type JwtRequirement =
  | { readonly t: 'provider'; readonly provider: string; /** Instead of the provider's. */ readonly audiences?: readonly string[] }
  | { readonly t: 'any' | 'all'; readonly requirements: readonly JwtRequirement[] }
  | { readonly t: 'allow-missing' | 'allow-missing-or-failed' };

export type JwtProviders = Readonly<Record<string, JwtProvider>>;
