import type { LoadBalancing, LocalityBalancing, CriterionValue, SubsetBalancing } from './balancing.ts';
import type { EndpointAddress, SocketAddress } from './common.ts';
import type { DnsCache, DnsFamily, FailureRefresh } from './dns-cache.ts';
import type { HealthCheck, OutlierDetection } from './health.ts';
import type { Http2Options } from './http2.ts';
import type { UpstreamTransport } from './tls.ts';

/** The service that a cluster stands for (Istio's cluster metadata), for metric labels. */
export interface ServiceRef {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export interface RuntimeCluster {
  readonly name: string;
  /** Its statistics are `cluster.<statName>.…`. */
  readonly statName: string;
  readonly discovery:
    | { readonly t: 'static'; readonly endpoints: RuntimeEndpoints }
    /** Endpoints come by reference; `service` is the resource name to ask for. */
    | { readonly t: 'eds'; readonly service: string }
    /** Names are resolved by the proxy's main thread, which publishes the addresses as this cluster's endpoints. */
    | {
        readonly t: 'dns';
        readonly mode: 'strict' | 'logical';
        readonly endpoints: RuntimeEndpoints;
        readonly refreshMs: number;
        readonly respectTtl: boolean;
        readonly family: DnsFamily;
        /** Resolvers to ask; empty = the system's. */
        readonly servers: readonly SocketAddress[];
        /** After failures: exponential, from base to max; absent = `refreshMs`. */
        readonly failure?: FailureRefresh;
      }
    /** The connection's original destination (`PassthroughCluster`), or what a request header says, when it is named. */
    | { readonly t: 'original-dst'; readonly portOverride?: number; readonly header?: string }
    /** Names that requests and connections call, looked up when they do (`envoy.clusters.dynamic_forward_proxy`). */
    | { readonly t: 'dynamic'; readonly cache: DnsCache }
    /** Other clusters, one after the other. */
    | { readonly t: 'aggregate'; readonly clusters: readonly string[] };
  readonly lb: LoadBalancing;
  readonly connectTimeoutMs: number;
  readonly transport: UpstreamTransport;
  /** In order; the first whose labels are all in the endpoint's `envoy.transport_socket_match` wins, else `transport`. */
  readonly transportMatches: readonly TransportMatch[];
  /** Limits of the default priority. */
  readonly limits: CircuitBreakers;
  readonly highLimits: CircuitBreakers;
  readonly outlier?: OutlierDetection;
  readonly healthChecks: readonly HealthCheck[];
  /** Hosts that leave the resource go at once, healthy or not. */
  readonly ignoreHealthOnRemoval: boolean;
  /** New hosts do not count before their first active check. */
  readonly ignoreNewHostsUntilChecked: boolean;
  /** A host that fails its active checks loses its connections. */
  readonly closeOnHealthFailure: boolean;
  readonly http: UpstreamHttp;
  /** Local address that connections to the cluster leave from. */
  readonly bindAddress?: string;
  /** Node can set when probes begin, not how many there are and how often: those two are the operating system's. */
  /** Absent fields: what the system does by itself. */
  readonly tcpKeepalive?: { readonly timeSeconds?: number; readonly intervalSeconds?: number; readonly probes?: number };
  readonly locality: LocalityBalancing;
  readonly subsets?: SubsetBalancing;
  /** A host that a session names may be used while its health is one of these. */
  readonly overrideStatuses: readonly EndpointHealth[];
  /** Below this share of healthy hosts all hosts are used (0..1); 0 = never panic. */
  readonly panicThreshold: number;
  readonly services: readonly ServiceRef[];
  readonly origin?: string;
}

export interface TransportMatch {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly transport: UpstreamTransport;
}

/** Limits of one priority; Infinity = none. */
/** Retries under way at a time, as part of the requests that are: of those that were begun within the interval, when there is one (not 0). */
export interface RetryBudget {
  readonly percent: number;
  readonly minConcurrency: number;
  readonly intervalMs: number;
}

export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Retries at a time as a share (percent) of what is in flight, instead of `maxRetries`. */
  readonly retryBudget?: RetryBudget;
  readonly maxConnectionsPerHost: number;
  /** Keep statistics of what is left. */
  readonly trackRemaining: boolean;
}

export interface UpstreamHttp {
  /** `downstream`: as the client's connection; `auto`: what ALPN settles on. */
  readonly codec: 'http1' | 'http2' | 'downstream' | 'auto';
  readonly http2: Http2Options;
  /** A pooled connection without a request for so long is closed; 0 = never. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** An exchange with the upstream lives so long at most; 0 = no limit. */
  readonly maxStreamDurationMs: number;
  /** 0 = no limit; 1 = no keep-alive. */
  readonly maxRequestsPerConnection: number;
}

/** Endpoints of one cluster (EDS resource), in the order of the resource. */
export interface RuntimeEndpoints {
  readonly cluster: string;
  readonly localities: readonly RuntimeLocality[];
  /** Envoy's over-provisioning factor in percent (140). */
  readonly overprovisioningPercent: number;
  /** A priority's health is its share of the weight rather than of the hosts. */
  readonly weightedPriorityHealth: boolean;
  /** Share of requests to drop, 0..1 (`drop_overloads`), with its category. */
  readonly drops: readonly { readonly category: string; readonly fraction: number }[];
}

export interface RuntimeLocality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
  /** Absent = endpoints compete by their own weights. */
  readonly weight?: number;
  readonly endpoints: readonly RuntimeEndpoint[];
}

export interface RuntimeEndpoint {
  readonly address: EndpointAddress;
  /** DNS name of the endpoint, for auto host rewrite; '' = none. */
  readonly hostname: string;
  readonly health: EndpointHealth;
  /** At least 1. */
  readonly weight: number;
  /** `envoy.lb`: subsets, canaries, hash keys. */
  readonly metadata: Readonly<Record<string, CriterionValue>>;
  readonly check: EndpointCheck;
  /** `envoy.transport_socket_match`, as text. */
  readonly transportLabels: Readonly<Record<string, string>>;
  /** Who serves it, from endpoint metadata; absent = unknown. */
  readonly workload?: WorkloadRef;
}

/** Where and whether active checks look; port 0 and address '' = the endpoint's own. */
export interface EndpointCheck {
  readonly port: number;
  readonly address: string;
  readonly hostname: string;
  readonly disabled: boolean;
}

/** What the resource says of an endpoint. */
export type EndpointHealth = 'unknown' | 'healthy' | 'unhealthy' | 'degraded' | 'draining' | 'timeout';

/** The workload behind an address, as EDS metadata and the on-demand workload type tell it; '' = unknown. */
export interface WorkloadRef {
  readonly name: string;
  readonly namespace: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
  readonly app: string;
  readonly version: string;
  /** SPIFFE ID; '' = no identity known. */
  readonly principal: string;
}
