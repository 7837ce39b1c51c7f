import type { AccessLog } from './access-log.ts';
import type { Duration, HeaderValueOption, Metadata } from './common.ts';

/** `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`. */
export interface TcpProxy {
  readonly stat_prefix?: string;
  /** Exactly one of `cluster` and `weighted_clusters` is set. */
  readonly cluster?: string;
  readonly weighted_clusters?: { readonly clusters?: readonly TcpWeightedCluster[] };
  readonly metadata_match?: Metadata;
  readonly idle_timeout?: Duration;
  readonly max_connect_attempts?: number;
  readonly max_downstream_connection_duration?: Duration;
  readonly access_log?: readonly AccessLog[];
  readonly hash_policy?: readonly { readonly source_ip?: Record<string, never> }[];
  readonly tunneling_config?: {
    readonly hostname?: string;
    readonly use_post?: boolean;
    readonly headers_to_add?: readonly HeaderValueOption[];
  };
}

export interface TcpWeightedCluster {
  readonly name?: string;
  readonly weight?: number;
  readonly metadata_match?: Metadata;
}
