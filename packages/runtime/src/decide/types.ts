import type { ConnectionInfo } from '../compiled.ts';
import type { FilterReply, HeaderEdit, MetadataStruct, PeerIdentity } from '../filters/types.ts';
import type { CircuitBreakers } from '../types/cluster.ts';
import type { HeaderMutation } from '../types/common.ts';
import type { HedgePolicy, MirrorPolicy, RetryPolicy } from '../types/route.ts';

/** A call to decide about: what the connection is, and the request on it (absent = plain TCP). */
export interface DecideRequest {
  /** Name of the listener that accepts; absent = found by the destination. */
  readonly listener?: string;
  readonly connection: ConnectionInfo;
  /** Names of the caller's certificate, for mutual TLS. */
  readonly peer?: Partial<PeerIdentity>;
  /** When the call is made, in milliseconds since 1970, for filters that look at the time; default 0. */
  readonly wallMs?: number;
  /** What keys would say of the signatures of the request's tokens; absent = it is told that somebody would be asked. */
  readonly signatures?: 'good' | 'bad';
  readonly http?: {
    readonly method: string;
    readonly path: string;
    readonly authority: string;
    readonly scheme: 'http' | 'https';
    /** Lower-case names. */
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** One thing that was decided on the way, in order. `origin` names the configuration object it came from. */
export type DecisionStep = { readonly origin?: string } & (
  | { readonly t: 'listener'; readonly name: string; readonly handedOverFrom?: string }
  | { readonly t: 'filter-chain'; readonly name: string; readonly tls: boolean; readonly kind: 'http' | 'tcp' }
  | { readonly t: 'route-table'; readonly name: string }
  | { readonly t: 'virtual-host'; readonly name: string; readonly authority: string; readonly domains: readonly string[] }
  | { readonly t: 'route-skipped'; readonly name: string; readonly index: number; readonly because: readonly string[] }
  | { readonly t: 'route'; readonly name: string; readonly index: number }
  | {
      readonly t: 'filter';
      readonly name: string;
      readonly delayMs: number;
      readonly reply?: FilterReply;
      /** What it found out: which policy decided, whose token it is. */
      readonly metadata?: Readonly<Record<string, MetadataStruct>>;
      /** What it changed in the request's head. */
      readonly edits?: readonly HeaderEdit[];
      /** It asks somebody else (an authorization or rate-limit service, keys of an issuer); the answer is not known here. */
      readonly asks?: true;
    }
  | { readonly t: 'cluster'; readonly name: string; readonly weights: readonly { readonly cluster: string; readonly share: number }[] }
  | { readonly t: 'rewrite'; readonly path: string; readonly authority: string }
  | {
      readonly t: 'headers';
      readonly direction: 'request' | 'response';
      readonly remove: readonly string[];
      readonly set: readonly Pick<HeaderMutation, 'name' | 'action'>[];
    }
  | {
      readonly t: 'endpoints';
      readonly cluster: string;
      readonly policy: string;
      /** Percent of the load by priority, to its healthy and its degraded hosts; in panic health does not count. */
      readonly priorities: readonly { readonly healthy: number; readonly degraded: number; readonly panic: boolean }[];
      readonly hosts: readonly DecisionHost[];
    }
  | {
      readonly t: 'policy';
      readonly timeoutMs: number;
      readonly retry?: RetryPolicy;
      readonly limits: CircuitBreakers;
      readonly mirrors?: readonly MirrorPolicy[];
      readonly hedge?: HedgePolicy;
      readonly connectTimeoutMs: number;
    }
);

export interface DecisionHost {
  readonly address: string;
  readonly health: string;
  readonly usable: boolean;
  readonly priority: number;
  /** Envoy's names of why it gets no traffic. */
  readonly flags: readonly string[];
  readonly tls: boolean;
  /** `name` of its workload, '' = unknown. */
  readonly workload: string;
}

/** What happens to the call in the end. `flag` is Envoy's response flag, '' for none. */
export type Outcome =
  | {
      readonly t: 'forward';
      readonly cluster: string;
      readonly host: string;
      readonly tls: boolean;
      readonly sni: string;
      /** What TLS offers, where the chain says it in place of the cluster. */
      readonly alpn?: readonly string[];
      readonly path: string;
      readonly authority: string;
    }
  | {
      readonly t: 'respond';
      readonly status: number;
      readonly flag: string;
      readonly details: string;
      readonly location?: string;
      readonly body: string;
    }
  | { readonly t: 'close'; readonly flag: string; readonly details: string };

export interface Decision {
  readonly steps: readonly DecisionStep[];
  readonly outcome: Outcome;
}
