/** Terse builders of Envoy's resources (ProtoJSON, proto field names). Anything can be written by hand as well. */
import type { CaseContext } from './harness/context.ts';

/** What a case configures. */
export interface Resources {
  readonly listeners?: readonly object[];
  readonly routes?: readonly object[];
  readonly clusters?: readonly object[];
  readonly endpoints?: readonly object[];
  readonly secrets?: readonly object[];
}

/** `any('filters.http.router.v3.Router', {…})`: an Any of `envoy.extensions.…`; a full name when it starts with `envoy.` or `google.`. */
export function any(type: string, fields: object = {}): object {
  const full = /^(envoy|google|xds|udpa)\./.test(type) ? type : `envoy.extensions.${type}`;
  return { '@type': `type.googleapis.com/${full}`, ...fields };
}

export const ADS: object = { ads: {}, resource_api_version: 'V3' };

export const ROUTER: object = { name: 'envoy.filters.http.router', typed_config: any('filters.http.router.v3.Router') };
export const TLS_INSPECTOR: object = {
  name: 'envoy.filters.listener.tls_inspector',
  typed_config: any('filters.listener.tls_inspector.v3.TlsInspector'),
};

export function address(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}

/** The fields of each log line, beside the literal `case`. Those of time are not compared. */
export const LOG_FIELDS = {
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  authority: '%REQ(:AUTHORITY)%',
  code: '%RESPONSE_CODE%',
  details: '%RESPONSE_CODE_DETAILS%',
  flags: '%RESPONSE_FLAGS%',
  termination: '%CONNECTION_TERMINATION_DETAILS%',
  failure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  received: '%BYTES_RECEIVED%',
  sent: '%BYTES_SENT%',
  attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  cluster: '%UPSTREAM_CLUSTER%',
  upstream: '%UPSTREAM_HOST%',
  route: '%ROUTE_NAME%',
  sni: '%REQUESTED_SERVER_NAME%',
} as const;

/** The access log that the harness reads. `more` adds fields (`{ peer: '%DOWNSTREAM_PEER_SUBJECT%' }`). */
export function accessLog(c: CaseContext, more: object = {}): object {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: any('access_loggers.file.v3.FileAccessLog', {
      path: c.logPath,
      log_format: { json_format: { case: c.id, ...LOG_FIELDS, ...more } },
    }),
  };
}

/** Network filter HTTP. `routes`: routes of one virtual host `*`, or whole virtual hosts (objects with `domains`). `more` wins. */
export function hcm(c: CaseContext, routes: readonly object[], more: object = {}): object {
  const config = {
    stat_prefix: c.id,
    ...('rds' in more ? {} : { route_config: { name: 'inline', virtual_hosts: hostsOf(routes) } }),
    http_filters: [ROUTER],
    access_log: [accessLog(c)],
    // How long Envoy lingers before it ends a connection: its default is a second for every refused request.
    delayed_close_timeout: '0.1s',
    ...more,
  };
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any('filters.network.http_connection_manager.v3.HttpConnectionManager', config),
  };
}

function hostsOf(routes: readonly object[]): readonly object[] {
  if (routes.some((item) => 'domains' in item)) return routes;
  return [{ name: 'all', domains: ['*'], routes }];
}

/** Network filter TCP. */
export function tcpProxy(c: CaseContext, cluster: string, more: object = {}): object {
  const config = { stat_prefix: c.id, ...('weighted_clusters' in more ? {} : { cluster: c.name(cluster) }), access_log: [accessLog(c)], ...more };
  return { name: 'envoy.filters.network.tcp_proxy', typed_config: any('filters.network.tcp_proxy.v3.TcpProxy', config) };
}

/** A listener; `filters` make one chain for everything unless `more` has `filter_chains`. */
export function listener(c: CaseContext, filters: readonly object[], more: object = {}, port = 'main'): object {
  return {
    name: c.name(port),
    address: address(c.address, c.port(port)),
    ...('filter_chains' in more ? {} : { filter_chains: [{ filters }] }),
    ...more,
  };
}

/** A static cluster named after its backend(s). */
export function cluster(c: CaseContext, name: string, more: object = {}, backends: readonly string[] = [name]): object {
  return {
    name: c.name(name),
    type: 'STATIC',
    connect_timeout: '2s',
    ...('eds_cluster_config' in more ? {} : { load_assignment: assignment(c, name, backends) }),
    ...more,
  };
}

/** A cluster that takes its endpoints by EDS (`assignment` makes them). */
export function edsCluster(c: CaseContext, name: string, more: object = {}): object {
  return cluster(c, name, { type: 'EDS', eds_cluster_config: { eds_config: ADS }, ...more });
}

/** Endpoints of a cluster: names of backends, or `LbEndpoint`s. */
export function assignment(c: CaseContext, name: string, backends: readonly (string | object)[]): object {
  return { cluster_name: c.name(name), endpoints: [{ lb_endpoints: backends.map((item) => (typeof item === 'string' ? endpoint(c, item) : item)) }] };
}

export function endpoint(c: CaseContext, backend: string, more: object = {}): object {
  const { host, port } = c.backend(backend);
  return { endpoint: { address: address(host, port) }, ...more };
}

/** A route to a cluster of this case; `more` goes into the route action, `match` defaults to everything. */
export function to(c: CaseContext, name: string, match: object = { prefix: '/' }, action: object = {}, route: object = {}): object {
  return { match, route: { cluster: c.name(name), ...action }, ...route };
}

/** A route that answers with a text. */
export function direct(body: string, match: object = { prefix: '/' }, route: object = {}, status = 200): object {
  return { match, direct_response: { status, body: { inline_string: body } }, ...route };
}

export function rds(c: CaseContext, name: string): Readonly<Record<string, unknown>> {
  return { rds: { route_config_name: c.name(name), config_source: ADS } };
}

/** A `RouteConfiguration` for `rds`. */
export function routes(c: CaseContext, name: string, items: readonly object[], more: object = {}): object {
  return { name: c.name(name), virtual_hosts: hostsOf(items), ...more };
}

/** The usual case: one HTTP listener with these routes and options of the connection manager, and a static cluster for each backend named. */
export function http1(
  c: CaseContext,
  items: readonly object[] = [to(c, 'main')],
  options: object = {},
  clusters: readonly object[] = c.backends().map((name) => cluster(c, name)),
): Resources {
  return { listeners: [listener(c, [hcm(c, items, options)])], clusters };
}

/** Cluster options for HTTP/2 upstream. */
export const HTTP2_UPSTREAM: Readonly<Record<string, unknown>> = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any('upstreams.http.v3.HttpProtocolOptions', {
      explicit_http_config: { http2_protocol_options: {} },
    }),
  },
};

/** A chain's `transport_socket`: TLS as server with this identity; `roots` asks for client certificates. */
export function serverTls(
  c: CaseContext,
  identity: string,
  { alpn = [], mutual = false, validation = {}, more = {} }: { alpn?: readonly string[]; mutual?: boolean; validation?: object; more?: object } = {},
): object {
  const { chain, key } = c.identity(identity);
  const trust = mutual ? { validation_context: { trusted_ca: { inline_string: c.rootPem }, ...validation } } : {};
  const common = {
    tls_certificates: [{ certificate_chain: { inline_string: chain }, private_key: { inline_string: key } }],
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    ...trust,
  };
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('transport_sockets.tls.v3.DownstreamTlsContext', { common_tls_context: common, require_client_certificate: mutual, ...more }),
  };
}

/** A cluster's `transport_socket`: TLS as client. */
export function clientTls(
  c: CaseContext,
  { identity = '', sni = '', sans = [], alpn = [] }: { identity?: string; sni?: string; sans?: readonly object[]; alpn?: readonly string[] } = {},
): object {
  const own = identity === '' ? undefined : c.identity(identity);
  const common = {
    ...(own === undefined
      ? {}
      : { tls_certificates: [{ certificate_chain: { inline_string: own.chain }, private_key: { inline_string: own.key } }] }),
    validation_context: { trusted_ca: { inline_string: c.rootPem }, ...(sans.length === 0 ? {} : { match_typed_subject_alt_names: sans }) },
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
  };
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('transport_sockets.tls.v3.UpstreamTlsContext', { ...(sni === '' ? {} : { sni }), common_tls_context: common }),
  };
}
