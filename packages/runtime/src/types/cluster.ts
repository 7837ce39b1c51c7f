import type { EndpointAddress } from './common.ts';
import type { UpstreamTransport } from './tls.ts';

/** The service that a cluster stands for (Istio's cluster metadata), for metric labels. */
export interface ServiceRef {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

export interface RuntimeCluster {
  readonly name: string;
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
        readonly family: 'v4' | 'v6' | 'auto' | 'prefer-v4' | 'all';
      }
    /** The connection's original destination (`PassthroughCluster`). */
    | { readonly t: 'original-dst'; readonly portOverride?: number };
  readonly lb: LoadBalancing;
  readonly connectTimeoutMs: number;
  readonly transport: UpstreamTransport;
  /** In order; the first whose labels are all in the endpoint's `envoy.transport_socket_match` wins, else `transport`. */
  readonly transportMatches: readonly TransportMatch[];
  readonly limits: CircuitBreakers;
  readonly outlier?: OutlierDetection;
  readonly http: UpstreamHttp;
  /** Local address that connections to the cluster leave from. */
  readonly bindAddress?: string;
  /** Node can set when probes begin, not how many there are and how often: those two are the operating system's. */
  readonly tcpKeepalive?: { readonly timeSeconds?: number };
  /** Localities share the load by their own weights (else endpoints compete by theirs alone). */
  readonly localityWeighted: boolean;
  /** Below this share of healthy hosts all hosts are used (0..1); 0 = never panic. */
  readonly panicThreshold: number;
  readonly services: readonly ServiceRef[];
  readonly origin?: string;
}

export type LoadBalancing =
  | { readonly t: 'round-robin' }
  | { readonly t: 'random' }
  | { readonly t: 'least-request'; readonly choices: number; readonly activeRequestBias: number }
  /** Only with `discovery.t` original-dst. */
  | { readonly t: 'cluster-provided' };

export interface TransportMatch {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly transport: UpstreamTransport;
}

/** Limits of the default priority; Infinity = none. */
export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
}

/** Passive health checking; times in ms, percentages 0..100; 0 consecutive = that detector is off. */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly splitLocalOrigin: boolean;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  /** The first ejection happens whatever the percentage says. */
  readonly alwaysEjectOne: boolean;
}

export interface UpstreamHttp {
  readonly codec: 'http1' | 'http2' | 'downstream';
  /** A pooled connection without a request for so long is closed; 0 = never. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** 0 = no limit; 1 = no keep-alive. */
  readonly maxRequestsPerConnection: number;
}

/** Endpoints of one cluster (EDS resource), in the order of the resource. */
export interface RuntimeEndpoints {
  readonly cluster: string;
  readonly localities: readonly RuntimeLocality[];
  /** Envoy's over-provisioning factor in percent (140). */
  readonly overprovisioningPercent: number;
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
  readonly health: 'healthy' | 'unhealthy' | 'degraded' | 'draining';
  /** At least 1. */
  readonly weight: number;
  /** `envoy.transport_socket_match`, as text. */
  readonly transportLabels: Readonly<Record<string, string>>;
  /** Who serves it, from endpoint metadata; absent = unknown. */
  readonly workload?: WorkloadRef;
}

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
