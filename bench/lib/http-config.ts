import type { Authority } from './certs.ts';

/** xDS resources as ProtoJSON; both data planes get the same text. */
export interface HttpConfig {
  readonly listeners: readonly object[];
  readonly clusters: readonly object[];
}

export interface HttpConfigOptions {
  readonly plainPort: number;
  readonly meshPort: number;
  readonly backendPort: number;
  readonly tlsBackendPort: number;
  readonly logPath: string;
  readonly authority: Authority;
  /** The upstream is spoken HTTP/2 to (the listeners take both always). */
  readonly http2?: boolean;
}

const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/${type}`, ...fields });
const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

const HTTP2 = {
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

/** `plain`: one route to one cluster. `mesh`: 100 routes, weights, retries, mTLS upstream, trace context, access log. */
export async function httpConfig(options: HttpConfigOptions): Promise<HttpConfig> {
  const client = await options.authority.issue('client');
  const tls = {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        tls_certificates: [{ certificate_chain: { inline_string: client.certificateChain }, private_key: { inline_string: client.privateKey } }],
        validation_context: {
          trusted_ca: { inline_string: options.authority.root },
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/bench/sa/server' } }],
        },
      },
    }),
  };
  const protocol = options.http2 === true ? HTTP2 : {};
  return {
    listeners: [
      listener('plain', options.plainPort, [{ name: 'default', match: { prefix: '/' }, route: { cluster: 'plain' } }], {}),
      listener('mesh', options.meshPort, hundredRoutes('mesh'), {
        tracing: {
          client_sampling: { value: 100 },
          random_sampling: { value: 1 },
          overall_sampling: { value: 100 },
          provider: {
            name: 'envoy.tracers.opentelemetry',
            typed_config: any('envoy.config.trace.v3.OpenTelemetryConfig', {
              grpc_service: { envoy_grpc: { cluster_name: 'collector' }, timeout: '0.250s' },
              service_name: 'bench',
            }),
          },
        },
        access_log: [
          {
            name: 'envoy.access_loggers.file',
            typed_config: any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
              path: options.logPath,
              log_format: { text_format_source: { inline_string: LOG_FORMAT } },
            }),
          },
        ],
      }),
    ],
    clusters: [
      cluster('plain', options.backendPort, protocol),
      cluster('mesh', options.tlsBackendPort, { ...protocol, transport_socket: tls }),
      cluster('mesh-canary', options.tlsBackendPort, { ...protocol, transport_socket: tls }),
      collector(),
    ],
  };
}

function listener(name: string, port: number, routes: readonly object[], more: object): object {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    traffic_direction: 'OUTBOUND',
    filter_chains: [
      {
        filters: [
          {
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
          },
        ],
      },
    ],
  };
}

/** 33 by prefix, 33 by regular expression, 33 by header, and the default with weights and retries, which the load takes. */
function hundredRoutes(name: string): object[] {
  const routes: object[] = [];
  for (let i = 0; i < 33; i++) {
    routes.push({ name: `p${i}`, match: { prefix: `/api/v1/svc${i}/` }, route: { cluster: name } });
    routes.push({ name: `r${i}`, match: { safe_regex: { regex: `/users/[0-9]+/item${i}` } }, route: { cluster: name } });
    routes.push({
      name: `h${i}`,
      match: { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: `v${i}` } }] },
      route: { cluster: name },
    });
  }
  const retry = {
    retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
    num_retries: 2,
    retriable_status_codes: [503],
  };
  const weighted = {
    clusters: [
      { name, weight: 90 },
      { name: `${name}-canary`, weight: 10 },
    ],
  };
  routes.push({ name: 'default', match: { prefix: '/' }, route: { weighted_clusters: weighted, timeout: '15s', retry_policy: retry } });
  return routes;
}

function cluster(name: string, port: number, more: object): object {
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

/** Where Envoy's tracer would send spans; nobody listens there. */
function collector(): object {
  return {
    name: 'collector',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: 'collector',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 9 } } } }] }],
    },
    ...HTTP2,
  };
}

/** The configuration as Envoy's bootstrap. */
export function envoyBootstrap(config: HttpConfig, adminPort: number): object {
  return {
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } },
    static_resources: { listeners: config.listeners, clusters: config.clusters },
    layered_runtime: { layers: [{ name: 'a', static_layer: { 'overload.global_downstream_max_connections': '2147483647' } }] },
  };
}
