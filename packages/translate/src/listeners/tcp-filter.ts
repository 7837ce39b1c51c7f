import type { TrafficPolicy } from '@meltemi/api';
import type { MeshConfig } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type NetworkFilter, type TcpProxy } from '@meltemi/protos-types';
import { accessLogs } from '../common/access-log.ts';

type TunnelSettings = NonNullable<TrafficPolicy['tunnel']>;

export interface TcpFilterOptions {
  readonly mesh: MeshConfig;
  readonly dataPlane: 'embedded' | 'envoy';
  readonly direction: 'inbound' | 'outbound';
  /** One cluster, or several with weights. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Protobuf duration; absent: Envoy's hour. */
  readonly idleTimeout?: string | undefined;
  /** Protobuf duration; absent: no limit. */
  readonly maxConnectionDuration?: string | undefined;
  /** Same client address, same endpoint. */
  readonly hashSourceAddress?: boolean;
  /** The bytes go through an HTTP tunnel that the upstream opens. */
  readonly tunnel?: TunnelSettings | undefined;
}

/** A TCP proxy as the network filter that ends a chain. */
export function tcpFilter(options: TcpFilterOptions): NetworkFilter {
  const [first] = options.clusters;
  const name = first?.name ?? '';
  const config: TcpProxy = {
    stat_prefix: name,
    ...(options.clusters.length === 1 ? { cluster: name } : { weighted_clusters: { clusters: options.clusters } }),
    ...(options.idleTimeout === undefined ? {} : { idle_timeout: options.idleTimeout }),
    ...(options.hashSourceAddress === true ? { hash_policy: [{ source_ip: {} }] } : {}),
    ...(options.maxConnectionDuration === undefined ? {} : { max_downstream_connection_duration: options.maxConnectionDuration }),
    ...tunneling(options.tunnel),
    access_log: accessLogs(options.mesh, { kind: 'tcp', direction: options.direction, dataPlane: options.dataPlane }),
  };
  return { name: EXTENSION_NAME.tcpProxy, typed_config: packAny(ANY_TYPE.tcpProxy, config) };
}

function tunneling(tunnel: TunnelSettings | undefined): Pick<TcpProxy, 'tunneling_config'> {
  if (tunnel === undefined) return {};
  const { protocol, targetHost, targetPort } = tunnel;
  return { tunneling_config: { hostname: `${targetHost}:${targetPort}`, ...(protocol === 'POST' ? { use_post: true } : {}) } };
}
