import type { SharedNumbers } from '../shared/numbers.ts';
import type { Statistics, Tallies } from '../stats/statistic.ts';
import type { Matcher } from '../matcher/types.ts';
import type { MetadataStruct } from '../types/struct.ts';
import type { ClusterChoice, CompiledRoute, FormatSource, RequestView } from '../compiled.ts';

/** One HTTP filter of a connection manager, as plain data. `config` is what its kind decoded: only that kind reads it. */
export interface HttpFilter {
  /** The kind's short name in `filters/index.ts`. */
  readonly t: string;
  /** Its name in the chain, by which routes speak of it. */
  readonly name: string;
  /** Off, unless a route has settings for it. */
  readonly disabled: boolean;
  readonly config: unknown;
  /** Leads requests past it. */
  readonly skip?: Matcher<'skip'>;
}

/** Per-route settings (`typed_per_filter_config`) by the filter's name in the chain. */
export type FilterOverrides = Readonly<Record<string, FilterOverride>>;
export type FilterOverride =
  | { readonly t: 'settings'; /** The kind that decoded it. */ readonly kind: string; readonly config: unknown }
  /** `FilterConfig { disabled: true }`. */
  | { readonly t: 'disabled' }
  /** Another tree in place of the filter's own. */
  | { readonly t: 'skip'; readonly matcher: Matcher<'skip'> };

export type { MetadataStruct, MetadataValue } from '../types/struct.ts';

/** One change of a head. `join`: appends to the value of a header that is there, in one line. Names are lower-case; `:path`, `:method`, `:authority` and `host` may be set on requests. */
export interface HeaderEdit {
  readonly name: string;
  readonly action: 'append' | 'add-if-absent' | 'overwrite' | 'overwrite-if-exists' | 'join' | 'remove';
  /** '' for removals. */
  readonly value: string;
  /** Of removals: every name that it accepts goes, whatever `name` says. */
  readonly matches?: (name: string) => boolean;
}

/**
 * What a filter wants done before a request goes on; absent fields ask for nothing. In this order: metadata, edits and a new look at the
 * routes take effect; then the request waits (`delayMs`, `body`), is answered (`reply`), or its question is put (`ask`).
 */
export interface FilterVerdict {
  /** Merged into the stream's dynamic metadata. */
  readonly metadata?: Readonly<Record<string, MetadataStruct>>;
  /** Changes of the request's head; the filters behind, the routes and every attempt see them. */
  readonly request?: readonly HeaderEdit[];
  /** The answer when these changes make a head that is larger than this listener takes from clients; absent = they may. */
  readonly outgrown?: FilterReply;
  /** Choose the route anew, from the head as it is now (`clear_route_cache`). */
  readonly reroute?: boolean;
  /** What to do with the response, whoever makes it. The filter that comes last in the chain sees it first. */
  readonly response?: ResponseHook;
  /** Wait so long first. Flag DI. */
  readonly delayMs?: number;
  /** Counts as an active fault for as long as the request lives. */
  readonly fault?: boolean;
  /** Answer instead of forwarding. */
  readonly reply?: FilterReply;
  /** Hold the request until so much of its body is here. */
  readonly body?: BodyDemand;
  /** A question for the filter's other half, the one that does I/O: it answers with another verdict. Plain data, its kind's own. */
  readonly ask?: unknown;
}

/** A filter that wants the body before the request goes on. */
export interface BodyDemand {
  readonly maxBytes: number;
  /** What is beyond `maxBytes` goes on unread (true), or is answered with 413. */
  readonly partial: boolean;
  /** Tell the upstream the length of a body that came without one. */
  readonly setLength?: boolean;
}

export interface FilterReply {
  readonly status: number;
  readonly body: string;
  /** Envoy's response flag, `FI`; '' = none. */
  readonly flag: string;
  /** Envoy's response code details, `fault_filter_abort`. */
  readonly details: string;
  /** Set = answer as gRPC: status 200 with this `grpc-status`. gRPC requests are answered so in any case. */
  readonly grpcStatus?: number;
  /** The `grpc-status` for gRPC requests only, where it is not the one that follows from `status`. */
  readonly grpcOnlyStatus?: number;
  readonly headers?: readonly HeaderEdit[];
}

/** Called once, when the head of the response is about to be written; also for the proxy's own answers. */
export interface ResponseHook {
  /** Has it nothing to say, whatever the response? Absent = it must be asked. Asked first, since looking at the head costs. */
  idle?(): boolean;
  onResponse(response: FilterResponse): ResponseVerdict | undefined;
}

/** The head of a response, with the changes of the hooks before this one. */
export interface FilterResponse {
  readonly status: number;
  /** The proxy answers itself. */
  readonly local: boolean;
  /** No body follows. */
  readonly endOfStream: boolean;
  /** Value of a header by lower-case name, several joined by `,`; undefined = not there. */
  header(name: string): string | undefined;
  readonly format: FormatSource;
  /** The request's head, as `decide` saw it. */
  readonly request: RequestView;
}

export interface ResponseVerdict {
  /** Merged into the stream's dynamic metadata, for logs. */
  readonly metadata?: Readonly<Record<string, MetadataStruct>>;
  readonly edits?: readonly HeaderEdit[];
  /** The payload goes through this, in the order of the hooks. */
  readonly transform?: PayloadTransform;
}

/** A change of the payload that the proxy's half of the kind `t` carries out. Plain data, its kind's own. */
export interface PayloadTransform {
  readonly t: string;
  readonly [setting: string]: string | number | boolean | readonly HeaderEdit[];
}

/** Who is at the other end of the connection, and where it came in. Addresses are IP literals without brackets. */
export interface FilterPeer {
  /** One object per connection, for state that is kept by connection. */
  readonly connection: object;
  /** The socket's own peer. */
  readonly directAddress: string;
  readonly directPort: number;
  /** The connection's client: who a PROXY protocol header names, else the direct peer. */
  readonly sourceAddress: string;
  /** The client: whom trusted proxies before us name (`x-forwarded-for`), else the direct peer. */
  readonly remoteAddress: string;
  /** The original destination where there is one, else the socket's own. */
  readonly localAddress: string;
  readonly localPort: number;
  /** SNI, '' = none. */
  readonly serverName: string;
  /** undefined = plain bytes. Names are those of a verified certificate. */
  readonly tls: PeerIdentity | undefined;
  /** What is known of the connection by namespace, before there are requests; absent = nothing. */
  readonly connectionMetadata?: ReadonlyMap<string, MetadataStruct> | undefined;
}

/** Names of a peer's verified certificate; '' and [] where there was none. */
export interface PeerIdentity {
  readonly peerUri: string;
  readonly peerDns: readonly string[];
  /** RFC 2253 order. */
  readonly peerSubject: string;
  /** URI of our own certificate. */
  readonly localUri: string;
  /** The peer's certificate as PEM, '' = none; made when first read. */
  readonly peerPem: string;
}

/** What filters ask of the thread they run on. */
export interface FilterThread extends Tallies {
  /** What all threads of the process count together; absent = there is one. `offsetMs` added to `nowMs` is a clock that all share. */
  readonly shared?: { readonly numbers: SharedNumbers; readonly offsetMs: number } | undefined;
  /** Uniform in [0, 1). */
  random(): number;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Requests that a fault filter delays or aborts now. */
  readonly activeFaults: number;
  /** The proxy was told to fail health checks (`/healthcheck/fail`). */
  readonly failing: boolean;
  /** The name of this proxy's own cluster, as its node says; '' = none. */
  readonly serviceCluster: string;
  /** How many hosts a cluster has, and how many of them may get traffic; undefined = there is no such cluster. */
  hosts(cluster: string): { readonly total: number; readonly fit: number } | undefined;
  /** What a provider's keys say of a token's signature ('' = good), where that is known beforehand; absent = the half of the filter that knows keys is asked. */
  readonly signatures?: ((provider: string, token: string) => string) | undefined;
}

/** A request as a filter sees it. Valid only during `decide`: what is needed later must be copied. */
export interface FilterContext {
  readonly request: RequestView;
  readonly peer: FilterPeer;
  /** undefined = no route matches (the router will answer 404). */
  readonly route: CompiledRoute | undefined;
  readonly choice: ClusterChoice | undefined;
  readonly thread: FilterThread;
  /** Does the request end with its head? */
  readonly endOfStream: boolean;
  /** Dynamic metadata by namespace. */
  metadata(namespace: string): MetadataStruct | undefined;
  readonly format: FormatSource;
}

/** Where a filter's action is made for: a route, with what inherits to it. */
export interface FilterSite<O> {
  /** The kind's own settings, from route configuration to weighted cluster: most specific last. */
  readonly overrides: readonly O[];
  readonly route: CompiledRoute | undefined;
  readonly choice: ClusterChoice | undefined;
  /** `http.<stat_prefix>.` */
  readonly statPrefix: string;
  /** The filter's name in the chain. */
  readonly name: string;
  /** All filters of the chain, for kinds of which several work together. */
  readonly chain: readonly HttpFilter[];
}

/** What a filter does with requests of one route. May keep state: there is one per thread, for as long as its configuration is in force. */
export interface FilterAction {
  /** undefined = go on. Pure but for its own state: chance, time and I/O come in by the context. */
  decide(context: FilterContext): FilterVerdict | undefined;
  /** What its half that does I/O counts. */
  readonly stats?: Statistics;
}
