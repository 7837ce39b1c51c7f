import type { Authority } from './certs.ts';

/** xDS resources as ProtoJSON; both data planes get the same text. */
export interface Resources {
  readonly listeners: readonly object[];
  readonly clusters: readonly object[];
}

const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/${type}`, ...fields });
const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TLS = 'envoy.extensions.transport_sockets.tls.v3';
const SERVER_URI = 'spiffe://cluster.local/ns/bench/sa/server';

/** The upstream is spoken HTTP/2 to (listeners take both always). */
export const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
      explicit_http_config: { http2_protocol_options: {} },
    }),
  },
};

/** Istio's default line. */
const LOG_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

const UNLIMITED = 4_294_967_295;

/** `transport_socket` of a cluster whose server has to be the bench's, over TLS 1.3. */
export async function upstreamTls(authority: Authority): Promise<object> {
  const client = await authority.issue('client');
  const validation = {
    trusted_ca: { inline_string: authority.root },
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: SERVER_URI } }],
  };
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any(`${TLS}.UpstreamTlsContext`, {
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
          tls_certificates: [{ certificate_chain: { inline_string: client.certificateChain }, private_key: { inline_string: client.privateKey } }],
          validation_context: validation,
        },
      }),
    },
  };
}

/** `transport_socket` of a listener that asks its clients for a certificate. */
export async function downstreamTls(authority: Authority): Promise<object> {
  const server = await authority.issue('server');
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any(`${TLS}.DownstreamTlsContext`, {
        require_client_certificate: true,
        common_tls_context: {
          tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
          tls_certificates: [{ certificate_chain: { inline_string: server.certificateChain }, private_key: { inline_string: server.privateKey } }],
          validation_context: { trusted_ca: { inline_string: authority.root } },
        },
      }),
    },
  };
}

function listener(name: string, port: number, filter: object, transport: object): object {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [filter], ...transport }],
  };
}

/** A listener of HTTP with these routes; `more`: further fields of its connection manager, `transport`: of its filter chain. */
export function httpListener(name: string, port: number, routes: readonly object[], more: object = {}, transport: object = {}): object {
  const filter = {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any(HCM, {
      stat_prefix: name,
      server_name: 'istio-envoy',
      use_remote_address: false,
      normalize_path: true,
      generate_request_id: true,
      http_filters: [{ name: 'envoy.filters.http.router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) }],
      route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], include_request_attempt_count: true, routes }] },
      ...more,
    }),
  };
  return listener(name, port, filter, transport);
}

/** A listener that passes bytes on to the cluster. */
export function tcpListener(name: string, port: number, to: string): object {
  const typed = any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: name, cluster: to });
  return listener(name, port, { name: 'envoy.filters.network.tcp_proxy', typed_config: typed }, {});
}

/** One route for everything. */
export const routeTo = (cluster: string): object => ({ name: 'default', match: { prefix: '/' }, route: { cluster } });

/** Trace context of every request, one of a hundred sampled; a line for each in Istio's format. */
export function observed(logPath: string): object {
  return {
    tracing: {
      client_sampling: { value: 100 },
      random_sampling: { value: 1 },
      overall_sampling: { value: 100 },
      provider: {
        name: 'envoy.tracers.opentelemetry',
        typed_config: any('envoy.config.trace.v3.OpenTelemetryConfig', {
          grpc_service: { envoy_grpc: { cluster_name: COLLECTOR }, timeout: '0.250s' },
          service_name: 'bench',
        }),
      },
    },
    access_log: [
      {
        name: 'envoy.access_loggers.file',
        typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
          path: logPath,
          log_format: { text_format_source: { inline_string: LOG_FORMAT } },
        }),
      },
    ],
  };
}

/** A third by prefix, a third by regular expression, a third by header, and last the default with weights and retries, which the load takes. */
export function manyRoutes(cluster: string, count: number): object[] {
  const routes: object[] = [];
  for (let i = 0; i < Math.floor((count - 1) / 3); i++) {
    routes.push({ name: `p${i}`, match: { prefix: `/api/v1/svc${i}/` }, route: { cluster } });
    routes.push({ name: `r${i}`, match: { safe_regex: { regex: `/users/[0-9]+/item${i}` } }, route: { cluster } });
    routes.push({ name: `h${i}`, match: { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: `v${i}` } }] }, route: { cluster } });
  }
  const retry = {
    retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
    num_retries: 2,
    retriable_status_codes: [503],
  };
  const weighted = {
    clusters: [
      { name: cluster, weight: 90 },
      { name: `${cluster}-canary`, weight: 10 },
    ],
  };
  routes.push({ name: 'default', match: { prefix: '/' }, route: { weighted_clusters: weighted, timeout: '15s', retry_policy: retry } });
  return routes;
}

/** A cluster of one host; `more`: its protocol and transport socket. */
export function cluster(name: string, port: number, more: object = {}): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    metadata: { filter_metadata: { istio: { services: [{ host: 'backend.bench.svc.cluster.local', name: 'backend', namespace: 'bench' }] } } },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
    },
    circuit_breakers: {
      thresholds: [{ max_connections: UNLIMITED, max_pending_requests: UNLIMITED, max_requests: UNLIMITED, max_retries: UNLIMITED }],
    },
    ...more,
  };
}

/** Where tracers would send spans; nobody listens there. */
const COLLECTOR = 'collector';

/** The resources as Envoy's bootstrap. */
export function envoyBootstrap({ listeners, clusters }: Resources, adminPort: number): object {
  return {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } },
    static_resources: { listeners, clusters: [...clusters, cluster(COLLECTOR, 9, HTTP2)] },
    layered_runtime: { layers: [{ name: 'a', static_layer: { 'overload.global_downstream_max_connections': '2147483647' } }] },
  };
}
