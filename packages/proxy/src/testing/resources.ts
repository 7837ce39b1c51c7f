/** Hand-written xDS resources for the tests of this package. */
const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/${type}`, ...fields });
const ADS = { ads: {}, resource_api_version: 'V3' };
const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

const ROUTER = { name: 'envoy.filters.http.router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) };
const FAULT = { name: 'envoy.filters.http.fault', typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) };

/** An outbound (or inbound) HTTP listener on loopback that takes its routes by name. Port 0 takes a free one. */
export function httpListener(name: string, port: number, routes: string, more: object = {}, direction = 'OUTBOUND'): object {
  const hcm = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    rds: { route_config_name: routes, config_source: ADS },
    http_filters: [FAULT, ROUTER],
    ...more,
  });
  return {
    name,
    address: loopback(port),
    traffic_direction: direction,
    filter_chains: [{ name: 'http', filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: hcm }] }],
  };
}

export function tcpListener(name: string, port: number, cluster: string): object {
  const tcp = any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: name, cluster });
  return { name, address: loopback(port), traffic_direction: 'OUTBOUND', filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcp }] }] };
}

/** One virtual host for every name; `clusters` share the load evenly. */
export function routesTo(name: string, ...clusters: readonly string[]): object {
  const [only = ''] = clusters;
  const route = clusters.length === 1 ? { cluster: only } : { weighted_clusters: { clusters: clusters.map((cluster) => ({ name: cluster, weight: 1 })) } };
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
