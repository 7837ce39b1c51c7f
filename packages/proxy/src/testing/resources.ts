/** Hand-written xDS resources for the tests of this package. */
const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/${type}`, ...fields });
const ADS = { ads: {}, resource_api_version: 'V3' };
const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

const ROUTER = { name: 'envoy.filters.http.router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) };
const FAULT = { name: 'envoy.filters.http.fault', typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) };

/** An outbound HTTP listener on loopback that takes its routes by name. Port 0 takes a free one. */
export function httpListener(name: string, port: number, routes: string, more: object = {}): object {
  const hcm = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    rds: { route_config_name: routes, config_source: ADS },
    http_filters: [FAULT, ROUTER],
    ...more,
  });
  return {
    name,
    address: loopback(port),
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ name: 'http', filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: hcm }] }],
  };
}

export function tcpListener(name: string, port: number, cluster: string): object {
  const tcp = any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: name, cluster });
  return {
    name,
    address: loopback(port),
    traffic_direction: 'OUTBOUND',
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcp }] }],
  };
}

/** One virtual host for every name; `clusters` share the load evenly. */
export function routesTo(name: string, ...clusters: readonly string[]): object {
  const [only = ''] = clusters;
  const route =
    clusters.length === 1 ? { cluster: only } : { weighted_clusters: { clusters: clusters.map((cluster) => ({ name: cluster, weight: 1 })) } };
  return { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ name: 'default', match: { prefix: '/' }, route }] }] };
}

export function edsCluster(name: string, more: object = {}): object {
  return {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: ADS },
    connect_timeout: '2s',
    metadata: { filter_metadata: { istio: { services: [{ host: 'reviews.bookinfo.svc.cluster.local', name: 'reviews', namespace: 'bookinfo' }] } } },
    ...more,
  };
}

export function assignment(name: string, ports: readonly number[], workload = ''): object {
  const metadata = workload === '' ? {} : { metadata: { filter_metadata: { istio: { workload } } } };
  return { cluster_name: name, endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: loopback(port) }, ...metadata })) }] };
}

const sds = (name: string): object => ({ name, sds_config: ADS });

function commonTls(alpn: readonly string[], san: object): object {
  return {
    alpn_protocols: alpn,
    tls_certificate_sds_secret_configs: [sds('default')],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [{ san_type: 'URI', matcher: san }] },
      validation_context_sds_secret_config: sds('ROOTCA'),
    },
  };
}

/** Auto mTLS, as Istio's control plane writes it: by endpoint metadata, to servers of this account. */
export function meshTransports(account: string): object {
  const tls = any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
    sni: 'outbound_.9080_._.reviews.bookinfo.svc.cluster.local',
    common_tls_context: commonTls(['istio-http/1.1', 'http/1.1'], { exact: `spiffe://cluster.local/ns/bookinfo/sa/${account}` }),
  });
  const raw = any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {});
  return {
    transport_socket_matches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls } },
      { name: 'tlsMode-disabled', match: {}, transport_socket: { name: 'envoy.transport_sockets.raw_buffer', typed_config: raw } },
    ],
  };
}

/** Endpoints that take mesh TLS. */
export function meshAssignment(name: string, port: number, workload: string): object {
  const metadata = { filter_metadata: { istio: { workload }, 'envoy.transport_socket_match': { tlsMode: 'istio' } } };
  return { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(port) }, metadata }] }] };
}

/** A permissive inbound listener: mesh TLS by its ALPN, plain bytes beside it; all of it goes to `cluster`. */
export function permissiveInbound(name: string, cluster: string): object {
  const filters = [
    {
      name: 'envoy.filters.network.http_connection_manager',
      typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
        stat_prefix: name,
        route_config: {
          name,
          virtual_hosts: [
            {
              name,
              domains: ['*'],
              routes: [{ match: { prefix: '/' }, route: { cluster, timeout: '0s' }, decorator: { operation: 'reviews:9080/*' } }],
            },
          ],
        },
        http_filters: [ROUTER],
        forward_client_cert_details: 'APPEND_FORWARD',
        set_current_client_cert_details: { cert: true, dns: true, uri: true },
        tracing: {},
      }),
    },
  ];
  const tls = any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
    common_tls_context: commonTls(['h2', 'http/1.1'], { prefix: 'spiffe://cluster.local/' }),
    require_client_certificate: true,
  });
  return {
    name,
    address: loopback(0),
    traffic_direction: 'INBOUND',
    listener_filters: [
      { name: 'envoy.filters.listener.tls_inspector', typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}) },
    ],
    listener_filters_timeout: '5s',
    filter_chains: [
      {
        name: 'mtls',
        filter_chain_match: { transport_protocol: 'tls', application_protocols: ['istio-http/1.1', 'istio-h2', 'istio', 'istio-peer-exchange'] },
        transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
        filters,
      },
      { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters },
    ],
  };
}

export function staticCluster(name: string, port: number): object {
  return {
    name,
    type: 'STATIC',
    load_assignment: assignment(name, [port]),
    metadata: { filter_metadata: { istio: { services: [{ host: 'reviews.bookinfo.svc.cluster.local', name: 'reviews', namespace: 'bookinfo' }] } } },
  };
}
