import type { RetryCondition } from '@meltemi/match';
import type { Criteria } from './balancing.ts';
import type { HeaderMutations, StringMatch } from './common.ts';
import type { MetadataMatch } from './metadata.ts';
import type { Matcher } from '../matcher/types.ts';
import type { FilterOverrides } from '../filters/types.ts';
import type { RateLimitRule } from '../ratelimit/types.ts';
import type { RouteTracing } from './tracing.ts';

/** One route table (RDS resource). */
export interface RuntimeRouteConfig {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly headers: HeaderMutations;
  /** Look the host up without its port. */
  readonly ignorePort: boolean;
  /** Later (more specific) header mutations win instead of earlier ones. */
  readonly mostSpecificHeadersWin: boolean;
  readonly mirrors: readonly MirrorPolicy[];
  readonly overrides: FilterOverrides;
  readonly origin?: string;
}

export interface VirtualHost {
  readonly name: string;
  /** Lower-case: `reviews`, `*.example.com`, `reviews.*`, `*`, each also with `:port`. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  /** Leads to those of `routes` (by index) that are tried, in order; absent = all are. */
  readonly tree?: Matcher<readonly number[]>;
  readonly requireTls: 'none' | 'external-only' | 'all';
  readonly headers: HeaderMutations;
  readonly retry?: RetryPolicy;
  readonly hedge?: HedgePolicy;
  readonly mirrors: readonly MirrorPolicy[];
  readonly includeRequestAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly rateLimits: readonly RateLimitRule[];
  readonly overrides: FilterOverrides;
  readonly origin?: string;
}

export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly headers: HeaderMutations;
  /** Span name; absent = `<METHOD> <path>`-less default of the tracer. */
  readonly operation?: string;
  /** `propagate` = hand `x-envoy-decorator-operation` on. */
  readonly propagateOperation: boolean;
  /** In place of the connection manager's. */
  readonly tracing?: RouteTracing;
  readonly overrides: FilterOverrides;
  readonly origin?: string;
}

/** How the path is matched; the query is never part of it. */
export type PathMatch =
  | { readonly t: 'prefix'; readonly value: string; readonly ignoreCase: boolean }
  /** `/a` matches `/a` and `/a/b`, not `/ab`. */
  | { readonly t: 'segment-prefix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly t: 'exact'; readonly value: string; readonly ignoreCase: boolean }
  /** `names` are those of its groups, when it was a path template. */
  | { readonly t: 'regex'; readonly value: string; readonly names?: readonly string[] }
  /** `CONNECT` requests; they have no path. */
  | { readonly t: 'connect' };

export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly QueryMatch[];
  /** What filters have left for the stream. */
  readonly metadata: readonly MetadataMatch[];
  /** The client's certificate: shown, and verified; absent = any. */
  readonly tls?: { readonly presented?: boolean; readonly validated?: boolean };
  /** Only requests whose content-type is application/grpc(+…). */
  readonly grpc: boolean;
  /** Matches so large a share of requests, 0..1. */
  readonly fraction: number;
}

export interface HeaderMatch {
  /** Lower-case; `:method`, `:path`, `:authority`, `:scheme` are the request line. */
  readonly name: string;
  readonly match:
    | { readonly t: 'present'; readonly present: boolean }
    | { readonly t: 'string'; readonly match: StringMatch }
    /** start <= value < end, as decimal integers. */
    | { readonly t: 'range'; readonly start: number; readonly end: number };
  readonly invert: boolean;
  readonly missingIsEmpty: boolean;
}

export interface QueryMatch {
  readonly name: string;
  readonly match: { readonly t: 'present'; readonly present: boolean } | { readonly t: 'string'; readonly match: StringMatch };
}

export type RouteAction =
  | ({ readonly t: 'forward' } & ForwardAction)
  | ({ readonly t: 'redirect' } & RedirectAction)
  | { readonly t: 'direct'; readonly status: number; readonly body: string }
  /** `non_forwarding_action`: matched, but not for a proxy to answer. */
  | { readonly t: 'none' };

export interface WeightedCluster {
  readonly name: string;
  /** The request header that names the cluster, instead of `name`. */
  readonly header?: string;
  /** Criteria of the subset, over the route's. */
  readonly criteria: Criteria;
  readonly weight: number;
  readonly headers: HeaderMutations;
  readonly hostRewrite?: string;
  readonly overrides: FilterOverrides;
}

/** One upgrade, in lower case. `terminate`: of `connect`, the tunnel ends here and its bytes go to the upstream as they are. */
export interface RouteUpgrade {
  readonly type: string;
  readonly enabled: boolean;
  readonly terminate: boolean;
}

export interface ForwardAction {
  readonly cluster:
    | { readonly t: 'one'; readonly name: string }
    /** `randomHeader`: its number is the draw, where it is there. */
    | { readonly t: 'weighted'; readonly clusters: readonly WeightedCluster[]; readonly randomHeader?: string }
    | { readonly t: 'header'; readonly name: string };
  /** Status when the cluster does not exist. */
  readonly clusterNotFoundStatus: number;
  readonly path?: PathRewrite;
  readonly host?: HostRewrite;
  readonly appendXForwardedHost: boolean;
  /** Whole exchange, retries included; 0 = none. */
  readonly timeoutMs: number;
  /** Of gRPC calls the caller's `grpc-timeout` is the time-out instead, at most so long (0 = however long). Without the header this is it. */
  readonly maxGrpcTimeout?: { readonly maxMs: number; readonly offsetMs: number };
  /** No byte on the stream for so long; absent = the connection manager's. */
  readonly idleTimeoutMs?: number;
  /** Longest life of the stream, retries included; absent = the connection manager's, 0 = none. */
  readonly maxStreamDurationMs?: number;
  /** Limit the stream by the caller's `grpc-timeout`: at most so long (0 = as it says), less an offset. */
  readonly grpcTimeout?: { readonly maxMs: number; readonly offsetMs: number };
  readonly retry?: RetryPolicy;
  readonly hedge?: HedgePolicy;
  /** Which limits count for it. */
  readonly priority: 'default' | 'high';
  readonly hash: readonly HashPolicy[];
  /** Subset of the cluster's hosts. */
  readonly criteria: Criteria;
  readonly mirrors: readonly MirrorPolicy[];
  readonly internalRedirect?: InternalRedirectPolicy;
  readonly rateLimits: readonly RateLimitRule[];
  /** Upgrades that are allowed or refused here, whatever the connection manager says; absent = none. */
  readonly upgrades?: readonly RouteUpgrade[];
}

/** Attempts beside each other; the first good answer wins. */
export interface HedgePolicy {
  readonly initialRequests: number;
  /** Share of requests, 0..1, that get one more. */
  readonly additionalChance: number;
  /** A try that takes too long goes on while another begins. */
  readonly onPerTryTimeout: boolean;
}

/** A copy of the request goes there, and nobody waits for it. */
export interface MirrorPolicy {
  readonly cluster: { readonly t: 'one'; readonly name: string } | { readonly t: 'header'; readonly name: string };
  /** Share of requests, 0..1. */
  readonly fraction: number;
  /** Does the copy's trace count? */
  readonly traceSampled: boolean;
  /** The copy's authority does not end in `-shadow`. */
  readonly keepHost: boolean;
}

/** Redirects of the upstream that the proxy follows itself. */
export interface InternalRedirectPolicy {
  readonly maxRedirects: number;
  readonly statuses: readonly number[];
  /** From plain HTTP to HTTPS, or back. */
  readonly crossScheme: boolean;
  /** Never from HTTPS to plain HTTP. */
  readonly safeOnly: boolean;
  /** Never twice to one route. */
  readonly newRoutesOnly: boolean;
  /** Only to these routes; absent = any. */
  readonly allowedRoutes?: readonly string[];
  /** Response headers that become request headers. */
  readonly copyHeaders: readonly string[];
}

/** What of a request is hashed for consistent load balancing. `terminal`: once there is a hash, the rules after this one do not count. */
export type HashPolicy = { readonly terminal: boolean } & (
  | { readonly t: 'header'; readonly name: string; readonly rewrite?: { readonly pattern: string; readonly substitution: string } }
  /** With a `ttlSeconds` a cookie is made where there is none; 0 = for the session. */
  | {
      readonly t: 'cookie';
      readonly name: string;
      readonly path: string;
      readonly ttlSeconds?: number;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly t: 'source-ip' }
  | { readonly t: 'query'; readonly name: string }
  | { readonly t: 'filter-state'; readonly key: string }
);

export type PathRewrite =
  /** Replaces what the matcher matched. */
  | { readonly t: 'prefix'; readonly value: string }
  /** Substitution with `\1`; applies to the path without query. */
  | { readonly t: 'regex'; readonly pattern: string; readonly substitution: string }
  /** `{name}` stands for what the route's path template has taken under that name. */
  | { readonly t: 'template'; readonly substitution: string };

export type HostRewrite =
  | { readonly t: 'literal'; readonly value: string }
  | { readonly t: 'header'; readonly name: string }
  | { readonly t: 'path-regex'; readonly pattern: string; readonly substitution: string }
  /** The upstream host's DNS name. */
  | { readonly t: 'auto' };

export interface RedirectAction {
  readonly scheme?: string;
  readonly https: boolean;
  readonly host?: string;
  readonly port?: number;
  readonly path?:
    | { readonly t: 'whole'; readonly value: string }
    | { readonly t: 'prefix'; readonly value: string }
    | { readonly t: 'regex'; readonly pattern: string; readonly substitution: string };
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly stripQuery: boolean;
}

/** The `retry_on` conditions this proxy knows; conditions of gRPC look at `grpc-status` of the response head. */
export type RetryOn = RetryCondition;

export interface RetryPolicy {
  readonly on: readonly RetryOn[];
  readonly numRetries: number;
  /** 0 = none. */
  readonly perTryTimeoutMs: number;
  readonly statusCodes: readonly number[];
  readonly retriableHeaders: readonly HeaderMatch[];
  readonly retriableRequestHeaders: readonly HeaderMatch[];
  readonly baseIntervalMs: number;
  readonly maxIntervalMs: number;
  /** The upstream may say when to come back, in the first of these headers that does, up to so long. */
  readonly rateLimited?: {
    readonly headers: readonly { readonly name: string; readonly format: 'seconds' | 'unix-timestamp' }[];
    readonly maxIntervalMs: number;
  };
  /** No byte of the response for so long ends a try; 0 = none. */
  readonly perTryIdleTimeoutMs: number;
  /** Hosts that a retry would rather not have. */
  readonly avoid: {
    readonly previousHosts: boolean;
    readonly canaries: boolean;
    /** Hosts with this metadata, each. */
    readonly metadata: readonly Criteria[];
  };
  /** How many other hosts are drawn when one is to be avoided. */
  readonly hostAttempts: number;
  /** After so many tries the priorities tried so far are avoided; 0 = never. */
  readonly avoidPrioritiesAfter: number;
}
