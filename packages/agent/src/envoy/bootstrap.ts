import type { XdsNode } from '../types.ts';

/** What a bootstrap depends on. */
export interface BootstrapOptions {
  readonly node: XdsNode;
  readonly socketPath: string;
  readonly adminAddress: string;
  readonly adminPort: number;
}

/** The name by which resources of the control plane refer to the agent (access log, traces). */
const AGENT_CLUSTER = 'meltemi-agent';

const LOCAL_CLUSTER = 'local_cluster';

/** Envoy warns at every start when there is none. */
const CONNECTION_LIMIT = {
  name: 'envoy.resource_monitors.global_downstream_max_connections',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
    max_active_downstream_connections: 50_000,
  },
};

/** Stats that stay: Envoy makes hundreds for each cluster, and ours come from the access log. */
const KEPT_STATS = [
  { prefix: 'server.' },
  { prefix: 'cluster_manager.' },
  { prefix: 'listener_manager.' },
  { prefix: 'control_plane.' },
  { suffix: '.downstream_rq_active' },
  { suffix: '.downstream_cx_active' },
  { suffix: '.update_rejected' },
  { suffix: '.ssl.fail_verify_san' },
  { suffix: '.ssl.fail_verify_error' },
];

const RUNTIME = {
  // Spans are on their way after a second, not after five.
  tracing: { opentelemetry: { flush_interval_ms: 1000 } },
  // Envoy's own limit, 100, refuses expressions that users of Istio have; this is Istio's.
  're2.max_program_size.error_level': 32_768,
};

const INTERNAL_LISTENERS = 'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener';

/** Envoy's bootstrap (ProtoJSON): everything else comes by delta ADS over the agent's socket. It holds no secret. */
export function envoyBootstrap(options: BootstrapOptions): object {
  const placed = options.node.locality !== undefined;
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return {
    node: options.node,
    admin: { address: { socket_address: { address: options.adminAddress, port_value: options.adminPort } }, ignore_global_conn_limit: true },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: AGENT_CLUSTER } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    // Zone-aware routing compares the zones of a cluster with those of the proxy's own, which must be there from the start.
    ...(placed ? { cluster_manager: { local_cluster_name: LOCAL_CLUSTER } } : {}),
    static_resources: { clusters: [agentCluster(options.socketPath), ...(placed ? [localCluster()] : [])] },
    stats_config: { stats_matcher: { inclusion_list: { patterns: KEPT_STATS } } },
    layered_runtime: { layers: [{ name: 'meltemi', static_layer: RUNTIME }] },
    overload_manager: { resource_monitors: [CONNECTION_LIMIT] },
    // Without it a listener that others hand to inside of the process is refused.
    bootstrap_extensions: [{ name: 'envoy.bootstrap.internal_listener', typed_config: { '@type': INTERNAL_LISTENERS } }],
  };
}

/** The others of the workload's own service; an agent of a control plane that does not know the name is not waited for. */
function localCluster(): object {
  return {
    name: LOCAL_CLUSTER,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '5s' } },
  };
}

function agentCluster(socketPath: string): object {
  return {
    name: AGENT_CLUSTER,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    // The access log and the traces share the agent's one connection with discovery: they must not be held back by default limits.
    circuit_breakers: { thresholds: [{ max_connections: 1000, max_pending_requests: 10_000, max_requests: 10_000 }] },
    load_assignment: { cluster_name: AGENT_CLUSTER, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socketPath } } } }] }] },
  };
}
