import type { Address, Duration, Locality, Metadata } from './common.ts';

/** `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export interface ClusterLoadAssignment {
  readonly cluster_name: string;
  readonly endpoints?: readonly LocalityLbEndpoints[];
  readonly policy?: {
    readonly overprovisioning_factor?: number;
    readonly weighted_priority_health?: boolean;
    readonly endpoint_stale_after?: Duration;
  };
}

export interface LocalityLbEndpoints {
  readonly locality?: Locality;
  readonly lb_endpoints?: readonly LbEndpoint[];
  readonly load_balancing_weight?: number;
  /** 0 is the highest. */
  readonly priority?: number;
}

export interface LbEndpoint {
  readonly endpoint?: Endpoint;
  readonly health_status?: 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY' | 'DRAINING' | 'TIMEOUT' | 'DEGRADED';
  /** `envoy.transport_socket_match`, `istio` and `meltemi.io` live here. */
  readonly metadata?: Metadata;
  readonly load_balancing_weight?: number;
}

/** `envoy.config.endpoint.v3.Endpoint`: an address, as opposed to its share of load. */
export interface Endpoint {
  readonly address?: Address;
  readonly hostname?: string;
  readonly health_check_config?: { readonly port_value?: number; readonly hostname?: string };
}
