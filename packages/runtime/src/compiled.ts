import type { ClusterCounts, HostCounts } from './stats/cluster-counts.ts';
import type { Statistics, Tallies } from './stats/statistic.ts';
import type { FilterContext, FilterOverrides, FilterPeer, FilterReply, FilterVerdict, MetadataStruct } from './filters/types.ts';
import type { OutlierOutcome } from './lb/outlier.ts';
import type { Latency } from './lb/peak-ewma.ts';
import type { PriorityLoads } from './lb/priorities.ts';
import type { Criteria } from './types/balancing.ts';
import type { CircuitBreakers, RuntimeCluster, RuntimeEndpoint, RuntimeLocality } from './types/cluster.ts';
import type { HeaderMutation, SocketAddress } from './types/common.ts';
import type { HttpConnectionManager } from './types/http.ts';
import type { ConnectionLimit, FilterChain, RuntimeListener } from './types/listener.ts';
import type { RuntimeDelta } from './types/config.ts';
import type { ForwardAction, RedirectAction, RetryPolicy, Route, RuntimeRouteConfig, VirtualHost } from './types/route.ts';
import type { RuntimeSecret } from './types/secret.ts';
import type { Recent } from './compile/recent.ts';
import type { TcpCluster, TcpProxy } from './types/tcp.ts';
import type { UpstreamTransport } from './types/tls.ts';

/** A request as the matchers see it. The proxy implements it over raw bytes; nothing is read that no matcher asks for. */
export interface RequestView {
  readonly method: string;
  /** Request target in origin form, with query. Already normalised as the connection manager says. */
  readonly path: string;
  /** `Host` / `:authority`, as sent. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** Value of a header by lower-case name, several joined by `,`; undefined = not there. Pseudo names (`:path`) are not asked for. */
  header(name: string): string | undefined;
  /** The values of a header line by line; absent = every header is one line. */
  values?(name: string): readonly string[];
  /** The client's certificate, when it showed one. */
  readonly certificate?: 'presented' | 'validated' | undefined;
  /** What filters have left for the stream, by namespace. */
  metadata?(namespace: string): MetadataStruct | undefined;
}

/** What of a connection may be hashed. */
export interface HashConnection {
  /** The client's address (who trusted proxies say it is), an IP literal; '' = none. */
  readonly source: string;
  /** `address:port` of the client and of this end of the connection, one after the other: what a cookie is made of. */
  readonly pair: string;
}

/** What is hashed for the choice of a host. */
export interface CompiledHash {
  /** `setCookie` is told the value of a `set-cookie` line when a cookie is made. undefined = nothing to hash is there. */
  compute(request: RequestView, connection: HashConnection, setCookie: (line: string) => void): bigint | undefined;
}

/** What is known of a connection when a filter chain is chosen. */
export interface ConnectionInfo {
  /** Original destination when there is one, else the local address. */
  readonly destination: SocketAddress;
  /** The client's address (after PROXY protocol). */
  readonly source: SocketAddress;
  /** The socket's own peer. */
  readonly directSource: SocketAddress;
  /** Lower-case SNI; '' = none. */
  readonly serverName: string;
  /** `tls`, `raw_buffer`. */
  readonly transportProtocol: string;
  /** From the client hello, or `http/1.1`, `http/1.0`, `h2c` from the HTTP inspector. */
  readonly applicationProtocols: readonly string[];
}

/** What is looked for in first bytes. */
export interface Inspection {
  readonly tls: boolean;
  readonly http: boolean;
}

export interface CompiledListener {
  readonly config: RuntimeListener;
  /** What is looked for in the first bytes of connections to a port? Also where no chain asks: logs and policies may. */
  inspects(port: number): Inspection;
  readonly needsOriginalDst: boolean;
  /** Envoy's most-specific-first choice; undefined = no chain: close (flag NR). */
  selectChain(connection: ConnectionInfo): CompiledChain | undefined;
}

/** A limit of connections, and how many it counts now where there is but one thread: its owner does. */
export interface ActiveLimit {
  readonly config: ConnectionLimit;
  active: number;
}

export interface CompiledChain {
  readonly config: FilterChain;
  readonly listener: RuntimeListener;
  /** Limits of its connections, with how many there are; absent = none. */
  readonly limits: readonly ActiveLimit[] | undefined;
  /** May the connection go on? undefined = yes; else why not, for `%CONNECTION_TERMINATION_DETAILS%`. Absent = nobody asks. */
  readonly admit: ((peer: FilterPeer, thread: Tallies) => string | undefined) | undefined;
  readonly terminal: { readonly t: 'http'; readonly http: CompiledHttp } | { readonly t: 'tcp'; readonly tcp: CompiledTcp };
}

export interface CompiledTcp {
  readonly config: TcpProxy;
  /** `random` uniform in [0, 1). */
  pickCluster(random: number): TcpCluster;
  /** What a client's address and the choice of its cluster ask of the choice of its host; undefined = nothing. */
  wish(sourceAddress: string, cluster: TcpCluster): PickWish | undefined;
}

/** A connection manager, bound to the table its routes are looked up in. */
export interface CompiledHttp {
  readonly config: HttpConnectionManager;
  /** The table in force now; undefined while the first one has not come (answer 404, flag NR). Ask per request, never keep. */
  routes(): CompiledRoutes | undefined;
  readonly filters: CompiledFilters;
}

/** The filters before the router. */
export interface CompiledFilters {
  /** There is none: nothing need be asked. */
  readonly empty: boolean;
  /** Those that do something on a route, in order. The same list for the same route and choice. */
  of(route: CompiledRoute | undefined, choice: ClusterChoice | undefined): readonly ActiveFilter[];
}

/** A filter on a route where it has something to do. */
export interface ActiveFilter {
  /** Its name in the chain. */
  readonly name: string;
  /** Its kind. */
  readonly t: string;
  /** Its place in the chain, by which a request finds its way when the route is chosen anew. */
  readonly position: number;
  /** What its half that does I/O counts. */
  readonly stats?: Statistics | undefined;
  /** undefined = go on (nothing allocated). */
  decide(context: FilterContext): FilterVerdict | undefined;
}

export interface CompiledRoutes {
  readonly config: RuntimeRouteConfig;
  /** Virtual host, then the first route in order that matches. `random` decides runtime fractions. undefined = 404, flag NR. */
  match(request: RequestView, random: () => number): CompiledRoute | undefined;
  /** The virtual host alone (for `route_not_found` details and 301 of `requireTls`). */
  virtualHost(authority: string): VirtualHost | undefined;
}

/** One route with everything inherited from virtual host and table folded in. One object per route for as long as its table is in force. */
export interface CompiledRoute {
  readonly config: Route;
  readonly virtualHost: VirtualHost;
  readonly table: RuntimeRouteConfig;
  /** Small integer, unique in its table: index for arrays of per-route state. */
  readonly index: number;
  readonly action: CompiledAction;
  /** Removal first, then mutations, on the response (and, without a cluster choice, on direct responses and redirects). */
  readonly responseHeaders: CompiledHeaders;
  /** Levels that say something about filters, from table to route. */
  readonly overrides: readonly FilterOverrides[];
}

export type CompiledAction =
  | CompiledForward
  | {
      readonly t: 'redirect';
      readonly config: RedirectAction;
      /** Status and `location`. */ locate(request: RequestView): { readonly status: number; readonly location: string };
    }
  | { readonly t: 'direct'; readonly status: number; readonly body: string }
  | { readonly t: 'none' };

export interface CompiledForward {
  readonly t: 'forward';
  readonly config: ForwardAction;
  readonly timeoutMs: number;
  /** undefined = the connection manager's. */
  readonly idleTimeoutMs: number | undefined;
  readonly retry: CompiledRetry | undefined;
  /** Of every try, retried or not; 0 = none. The second: without a byte of the response. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  /** The policy for a request, whose headers may add to the route's (`x-envoy-retry-on` …) when `obey`; undefined = none. Ask once, before the first attempt. */
  retryFor(request: RequestView, obey: boolean): CompiledRetry | undefined;
  /** What is hashed; undefined = nothing. */
  readonly hash: CompiledHash | undefined;
  /** The route's cluster by weight; always the same object for the same cluster (safe as a Map key). `random` in [0, 1). */
  pickCluster(request: RequestView, random: number): ClusterChoice;
  /** Path with query as it goes upstream; the same string when nothing is rewritten. */
  rewritePath(request: RequestView): string;
  /** Authority as it goes upstream; `hostname` is the endpoint's (auto rewrite). The same string when nothing is rewritten. */
  rewriteHost(request: RequestView, choice: ClusterChoice, hostname: string): string;
  /** Does path or host change? When false the two calls above can be skipped. */
  readonly rewrites: boolean;
}

/** Where a request goes, and what is done to its headers on the way. */
export interface ClusterChoice {
  readonly cluster: string;
  /** Small integer, unique within the route. */
  readonly index: number;
  /** The subset that is asked for; empty = none. */
  readonly criteria: Criteria;
  readonly requestHeaders: CompiledHeaders;
  readonly responseHeaders: CompiledHeaders;
  /** The weighted cluster's own settings of filters; absent = none. */
  readonly overrides: FilterOverrides | undefined;
}

/** Header operations in the order to apply them: all of `remove`, then `set` in order. `empty` = nothing to do. */
export interface CompiledHeaders {
  readonly empty: boolean;
  /** Lower-case. */
  readonly remove: readonly string[];
  readonly set: readonly CompiledHeader[];
}

export interface CompiledHeader {
  readonly name: string;
  readonly action: HeaderMutation['action'];
  readonly keepEmptyValue: boolean;
  /** The value when it holds no formatter, so that it can be written without a call. */
  readonly constant: string | undefined;
  value(source: FormatSource): string;
}

/** Where substitution formatters (`%PROTOCOL%`, `%REQ(x)%`) get their values. Operators are checked when compiled: see `FORMAT_OPERATORS`. */
export interface FormatSource {
  /** `operator` without `%`, `argument` = text in parentheses or ''. undefined = no value (`-`). */
  format(operator: string, argument: string): string | number | undefined;
}

/** How one attempt ended, for the retry decision. */
export type AttemptEnd =
  | { readonly t: 'response'; readonly status: number; /** Response header by lower-case name. */ header(name: string): string | undefined }
  | { readonly t: 'connect-failure' }
  /** Bytes of the request may have reached the application when `requestSent`; `refused` = the peer says that it has done nothing (REFUSED_STREAM). */
  | { readonly t: 'reset'; readonly requestSent: boolean; readonly refused?: boolean }
  | { readonly t: 'per-try-timeout' }
  | { readonly t: 'overflow' };

export interface CompiledRetry {
  readonly config: RetryPolicy;
  /** Could any response status be retried? When false a response is passed on unseen. */
  readonly onResponses: boolean;
  /** Does the policy count for this request (`retriable_request_headers`)? */
  applies(request: RequestView): boolean;
  /** Is this end one that the policy retries? Counting attempts is the caller's. */
  shouldRetry(end: AttemptEnd): boolean;
  /** Wait before retry number `retry` (from 1): exponential with full jitter. `random` in [0, 1). */
  backOffMs(retry: number, random: number): number;
  /** Wait as the response asks (`rate_limited_retry_back_off`); undefined = it does not. `wallMs` since 1970. */
  askedBackOffMs(end: AttemptEnd, wallMs: number, random: number): number | undefined;
  /** Would a retry rather not have this host? undefined = it has no wishes. */
  readonly avoids: ((host: Host, tried: readonly Host[]) => boolean) | undefined;
}

/** An endpoint with the state that balancing needs. Stays the same object across updates while address, transport and cluster are the same. */
export interface Host {
  /** The latest resource's words on it. */
  endpoint: RuntimeEndpoint;
  readonly cluster: string;
  /** `127.0.0.1:9080`, `[::1]:80`, or the pipe's path. */
  readonly key: string;
  readonly transport: UpstreamTransport;
  /** Name of the transport match, '' = the cluster's default. */
  readonly transportName: string;
  /** Priority and locality that the latest resource put it in. */
  priority: number;
  locality: Pick<RuntimeLocality, 'region' | 'zone' | 'subZone' | 'priority'>;
  /** Requests (or TCP connections) in flight: the proxy counts up on send, down on end. */
  active: number;
  /** Open connections: the proxy counts. */
  connections: number;
  /** What active checks have found. `pending`: new, and not to be counted before its first check; `expelled`: unhealthy by its own word, and not counted. */
  activeHealth: 'unchecked' | 'pending' | 'healthy' | 'degraded' | 'unhealthy' | 'expelled';
  /** Since when it is healthy, for slow start (monotonic ms); NaN = it was not asked yet. */
  healthySinceMs: number;
  readonly latency: Latency;
  /** Its statistics: the proxy counts. */
  readonly counts: HostCounts;
  /** Outlier ejection ends then (monotonic ms); 0 = not ejected. */
  ejectedUntilMs: number;
  /** No longer in the resource, but its active checks are passed: it goes when they fail. */
  leaving: boolean;
  /** No longer in the cluster: finish what runs, start nothing new. */
  removed: boolean;
  /** For the owner of connections (its pool). */
  slot: unknown;
  /** For who makes active checks. */
  check: unknown;
}

/** What a request wants of the choice of its host. */
export interface PickWish {
  /** For consistent hashing; absent = any. */
  readonly hash?: bigint | undefined;
  /** The subset it belongs to. */
  readonly criteria?: Criteria | undefined;
  /** Hosts that a retry would rather not have; another one is drawn up to `attempts` times. */
  readonly rejects?: ((host: Host) => boolean) | undefined;
  /** At least 1. */
  readonly attempts?: number | undefined;
  /** Priorities that a retry would rather not have. */
  readonly triedPriorities?: ReadonlySet<number> | undefined;
  /** The host (`Host.key`) that the client's session names; `strict` = that one or none. */
  readonly override?: { readonly address: string; readonly strict: boolean } | undefined;
}

/** One priority's limits and what is in use on this thread: the proxy counts. */
export interface Breaker {
  readonly limits: CircuitBreakers;
  readonly usage: {
    connections: number;
    pending: number;
    requests: number;
    retries: number;
    /** Attempts that were begun a short time ago, for a budget that asks for them. */
    recent?: Recent | undefined;
  };
  /** An attempt begins, `usage` counts it already. */
  began(nowMs: number): void;
  /** Is one more retry within the limit or the budget? */
  mayRetry(nowMs: number): boolean;
}

export interface CompiledCluster {
  readonly config: RuntimeCluster;
  /** The choice of a host; undefined = none healthy (503, flag UH). */
  pick(random: () => number, nowMs: number, wish?: PickWish): Host | undefined;
  /** Aggregate clusters only: which of its clusters serves the next request. Ask it for everything else. */
  member?(random: () => number, nowMs: number): CompiledCluster | undefined;
  /** The host at this address (`Host.key`). */
  find(address: string): Host | undefined;
  /** The host for an original destination, or for a name that was looked up (`discovery.t` original-dst, dynamic); made on first sight. */
  originalDst(address: SocketAddress, hostname?: string): Host;
  /** Original destinations that were dropped to make room: close their pools and empty the list. */
  readonly forgotten: Host[];
  /** Set = drop this request (EDS `drop_overloads`), 503: by chance, or because all are dropped. */
  drop(random: number): 'DO' | 'UDO' | undefined;
  /** All hosts now, for admin and for closing pools. */
  hosts(): readonly Host[];
  /** Load by priority as it is now, and which priorities are in panic. */
  loads(nowMs: number): PriorityLoads;
  /** The cluster's own rules of what is hashed; they go before the route's. */
  readonly hash: CompiledHash | undefined;
  /** Tell outlier detection how an exchange ended; true = the host is ejected by that: its idle connections are of no use. */
  report(host: Host, outcome: OutlierOutcome, nowMs: number): boolean;
  /** Tell the balancer how long the answer took. */
  observe(host: Host, latencyMs: number, nowMs: number): void;
  /** A check of a healthy host was passed again: that may end an ejection. */
  checkPassed(host: Host, nowMs: number): void;
  /** Its statistics: the proxy counts. */
  readonly counts: ClusterCounts;
  /** Has a connection to it ever been made? Then its active checks are made more often. */
  readonly traffic: { seen: boolean };
  /** An active check has found this. */
  checked(host: Host, health: Host['activeHealth'], nowMs: number): void;
  /** Another thread has ejected a host, for so long from now. */
  ejectedElsewhere(host: Host, forMs: number, nowMs: number): void;
  /** Looks at hosts and zones anew. */
  refresh(nowMs: number): void;
  /** By the route's priority. */
  readonly breakers: { readonly default: Breaker; readonly high: Breaker };
  /** In use in the default priority. */
  readonly usage: Breaker['usage'];
}

/**
 * The configuration in force on one thread. `apply` swaps whole resources; whoever holds a compiled object may finish with it.
 * Names are looked up per request, so a change takes effect with the next one.
 */
export interface RuntimeState {
  apply(delta: RuntimeDelta): RuntimeChange;
  listener(name: string): CompiledListener | undefined;
  listeners(): IterableIterator<CompiledListener>;
  /** The listener for an original destination, when `useOriginalDst`: `ip:port`, then `0.0.0.0:port`; undefined = stay. */
  findListener(destination: SocketAddress): CompiledListener | undefined;
  routes(name: string): CompiledRoutes | undefined;
  cluster(name: string): CompiledCluster | undefined;
  clusters(): IterableIterator<CompiledCluster>;
  secret(name: string): RuntimeSecret | undefined;
}

/** What `apply` changed, for whoever owns sockets. */
export interface RuntimeChange {
  /** New or changed: bind what is not bound; connections that run keep their old chain. */
  readonly listeners: readonly CompiledListener[];
  readonly removedListeners: readonly string[];
  /** Drop pooled connections made with these secrets' contexts when idle; new connections take the new ones. */
  readonly secrets: readonly string[];
  /** Hosts that left: close their idle connections. */
  readonly removedHosts: readonly Host[];
  /** Hosts that stay, of clusters whose settings for connections have changed: connections from before serve no further request. */
  readonly outdatedHosts: readonly Host[];
}

export type { FilterReply };
export type { Latency } from './lb/peak-ewma.ts';
export type { OutlierOutcome } from './lb/outlier.ts';
export type { PriorityLoads } from './lb/priorities.ts';
