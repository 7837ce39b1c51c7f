import type { AccessLog, LogMoments } from './access-log.ts';
import type { CidrRange } from './common.ts';
import type { HttpFilter } from '../filters/index.ts';
import type { Http2Options } from './http2.ts';
import type { LocalReplies } from './local-reply.ts';
import type { RuntimeRouteConfig } from './route.ts';
import type { HttpTracing } from './tracing.ts';

/** Where a connection manager's routes come from: by name (RDS), or inline. */
export type RouteSource = { readonly t: 'rds'; readonly name: string } | { readonly t: 'inline'; readonly routes: RuntimeRouteConfig };

/** What becomes of a client's `x-forwarded-client-cert`. */
export type ForwardClientCert = 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only';

/** Which parts of the client's certificate go into `x-forwarded-client-cert`, besides `By` and `Hash`. */
export interface ClientCertDetails {
  readonly subject: boolean;
  readonly cert: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

/** Envoy's HttpConnectionManager, as far as this proxy honours it. Times of 0 mean "no limit". */
export interface HttpConnectionManager {
  readonly codec: 'auto' | 'http1' | 'http2';
  /** In the names of the filters' statistics. */
  readonly statPrefix: string;
  readonly routes: RouteSource;
  /** In chain order, without the router, which is always last. */
  readonly filters: readonly HttpFilter[];
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  /** Trust the connection's peer address as the client's (edge). */
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  /** Clients at these addresses may instruct the proxy by `x-envoy-…` headers; empty = nobody may. */
  readonly internalAddresses: readonly CidrRange[];
  readonly skipXffAppend: boolean;
  /** `x-forwarded-port` tells the port that the client called. */
  readonly appendForwardedPort: boolean;
  readonly forwardClientCert: ForwardClientCert;
  readonly clientCertDetails: ClientCertDetails;
  /** Value of the `server` response header. */
  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  readonly via: string;
  /** What becomes of the answers that the proxy makes itself. */
  readonly localReplies?: LocalReplies;
  /** Path normalisation per RFC 3986 (dot segments). */
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'unescape-redirect' | 'unescape-forward';
  readonly stripPort: 'none' | 'matching' | 'any';
  readonly stripTrailingHostDot: boolean;
  /** How long a client is waited for after our FIN; 0 = not at all, once everything is sent. */
  readonly delayedCloseMs: number;
  /** Longest time between the two GOAWAYs of a drain. */
  readonly drainTimeoutMs: number;
  /** No byte on a stream for so long ends it (408 or 504). */
  readonly streamIdleTimeoutMs: number;
  /** Whole request, body included, must have arrived by then. */
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  /** A connection without requests for so long is closed. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  readonly maxRequestsPerConnection: number;
  readonly maxRequestHeadersBytes: number;
  readonly maxHeadersCount: number;
  /** `Expect: 100-continue` is the upstream's to meet, and its interim responses (100, 102, 103) go to the client. */
  readonly proxy100Continue: boolean;
  readonly headersWithUnderscores: 'allow' | 'reject' | 'drop';
  readonly http1: Http1Options;
  readonly http2: Http2Options;
  /** Upgrades passed on, in lower case: `websocket`, `connect` (CONNECT requests), … */
  readonly upgrades: readonly string[];
  /** Absent = no spans. */
  readonly tracing?: HttpTracing;
  readonly accessLogs: readonly AccessLog[];
  /** Absent = at the end alone. */
  readonly logMoments?: LogMoments;
}

export interface Http1Options {
  /** `GET http://host/path`. */
  readonly allowAbsoluteUrl: boolean;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
}
