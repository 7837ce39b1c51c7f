/** Builders for hand-written resources, from small parts: what `resources.ts` has whole. */
export const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields });
const ADS = { ads: {}, resource_api_version: 'V3' };
export const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

export const ROUTER: object = { name: 'envoy.filters.http.router', typed_config: any('filters.http.router.v3.Router', {}) };
export const FAULT: object = { name: 'envoy.filters.http.fault', typed_config: any('filters.http.fault.v3.HTTPFault', {}) };
/** Per-route configuration of the fault filter. */
export const faultOf = (fields: object): object => ({ 'envoy.filters.http.fault': any('filters.http.fault.v3.HTTPFault', fields) });

export type Alpn = 'http' | 'tcp';

/** Network filter: HTTP. Routes are inline unless `more` has `rds`. */
export function hcm(routes: readonly object[], more: object = {}): object {
  const table = { name: 'inline', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
  const config = { stat_prefix: 'test', ...('rds' in more ? {} : { route_config: table }), http_filters: [FAULT, ROUTER], ...more };
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any('filters.network.http_connection_manager.v3.HttpConnectionManager', config),
  };
}

/** Network filter: bytes to a cluster. */
export function tcpProxy(cluster: string, more: object = {}): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: any('filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'test', cluster, ...more }),
  };
}

export const routeTo = (cluster: string, more: object = {}, match: object = { prefix: '/' }): object => ({
  name: 'r',
  match,
  route: { cluster, ...more },
});

/** A listener with one chain for everything, on a free port of loopback. */
export function plainListener(name: string, filter: object, more: object = {}): object {
  return { name, address: loopback(0), traffic_direction: 'OUTBOUND', filter_chains: [{ filters: [filter] }], ...more };
}

const sds = (name: string): object => ({ name, sds_config: ADS });

function commonTls(alpn: readonly string[], san: readonly object[]): object {
  return {
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    tls_certificate_sds_secret_configs: [sds('default')],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: san.map((matcher) => ({ san_type: 'URI', matcher })) },
      validation_context_sds_secret_config: sds('ROOTCA'),
    },
  };
}

const INSPECTOR = { name: 'envoy.filters.listener.tls_inspector', typed_config: any('filters.listener.tls_inspector.v3.TlsInspector', {}) };

/** An inbound listener of a mesh workload: mutual TLS, and plain bytes beside it when permissive. */
export function meshInbound(name: string, filter: object, alpn: Alpn, permissive = false): object {
  const tls = any('transport_sockets.tls.v3.DownstreamTlsContext', {
    common_tls_context: commonTls(alpn === 'http' ? ['h2', 'http/1.1'] : [], [{ prefix: 'spiffe://cluster.local/' }]),
    require_client_certificate: true,
  });
  const mutual = {
    name: 'mtls',
    filter_chain_match: { transport_protocol: 'tls', application_protocols: ['istio-http/1.1', 'istio-h2', 'istio', 'istio-peer-exchange'] },
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls },
    filters: [filter],
  };
  const plain = { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [filter] };
  return {
    name,
    address: loopback(0),
    traffic_direction: 'INBOUND',
    listener_filters: [INSPECTOR],
    listener_filters_timeout: '5s',
    filter_chains: permissive ? [mutual, plain] : [mutual],
  };
}

/** A cluster of fixed endpoints. */
export function cluster(name: string, ports: readonly number[], more: object = {}): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: loopback(port) } }));
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...more,
  };
}

/** Mutual TLS towards servers of one of these accounts of namespace bookinfo. */
export function meshTls(alpn: Alpn, ...accounts: readonly string[]): object {
  const typed = any('transport_sockets.tls.v3.UpstreamTlsContext', {
    sni: 'outbound_.9080_._.reviews.bookinfo.svc.cluster.local',
    common_tls_context: commonTls(
      alpn === 'http' ? ['istio-http/1.1', 'http/1.1'] : ['istio'],
      accounts.map((account) => ({ exact: `spiffe://cluster.local/ns/bookinfo/sa/${account}` })),
    ),
  });
  return { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: typed } };
}

/** An access log of this format to standard output. */
export function textLog(format: string): object {
  return {
    access_log: [
      {
        name: 'envoy.access_loggers.file',
        typed_config: any('access_loggers.file.v3.FileAccessLog', {
          path: '/dev/stdout',
          log_format: { text_format_source: { inline_string: format } },
        }),
      },
    ],
  };
}
