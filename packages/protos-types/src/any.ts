import type { FileAccessLog, HttpGrpcAccessLogConfig, StreamAccessLog, TcpGrpcAccessLogConfig } from './access-log.ts';
import type { Cluster } from './cluster.ts';
import type { Any, JsonObject } from './common.ts';
import type { NameTable, Workload } from './discovery.ts';
import type { ClusterLoadAssignment } from './endpoint.ts';
import type { HttpConnectionManager, HttpProtocolOptions, Router } from './http-connection-manager.ts';
import type { JwtAuthentication } from './jwt-authn.ts';
import type { HttpInspector, Listener, OriginalDst, ProxyProtocol, SetFilterState, TlsInspector } from './listener.ts';
import type { CorsPolicy, HttpFault, RouteConfiguration } from './route.ts';
import type { TcpProxy } from './tcp-proxy.ts';
import type { DownstreamTlsContext, ProxyProtocolUpstreamTransport, RawBuffer, Secret, UpstreamTlsContext } from './tls.ts';

/** `envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig`. */
export interface DnsCacheConfig {
  readonly name: string;
  readonly dns_lookup_family?: 'V4_ONLY' | 'AUTO';
}

/** How clients come back to an endpoint; without `session_state` they do not. */
export interface StatefulSession {
  readonly session_state?: { readonly name: string; readonly typed_config: Any };
}

interface SessionCookie {
  readonly name: string;
  readonly path: string;
  readonly ttl?: string;
}

/** The messages that occur inside an Any, by their type URL. */
export interface AnyMessages {
  'type.googleapis.com/envoy.config.cluster.v3.Cluster': Cluster;
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment': ClusterLoadAssignment;
  'type.googleapis.com/envoy.config.listener.v3.Listener': Listener;
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration': RouteConfiguration;
  'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret': Secret;
  'type.googleapis.com/istio.networking.nds.v1.NameTable': NameTable;
  'type.googleapis.com/meltemi.workload.v1.Workload': Workload;
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': HttpConnectionManager;
  'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': TcpProxy;
  'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router': Router;
  'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault': HttpFault;
  'type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors': Record<string, never>;
  'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy': CorsPolicy;
  'type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb': Record<string, never>;
  'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication': JwtAuthentication;
  'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession': StatefulSession;
  'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute': { readonly stateful_session: StatefulSession };
  'type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState': { readonly cookie: SessionCookie };
  'type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState': { readonly name: string };
  'type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig': { readonly dns_cache_config: DnsCacheConfig };
  'type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig': { readonly dns_cache_config: DnsCacheConfig };
  'type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config': SetFilterState;
  'type.googleapis.com/envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig': {
    readonly dns_cache_config: DnsCacheConfig;
    readonly port_value: number;
  };
  'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst': OriginalDst;
  'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': TlsInspector;
  'type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': HttpInspector;
  'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol': ProxyProtocol;
  'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': DownstreamTlsContext;
  'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': UpstreamTlsContext;
  'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': RawBuffer;
  'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport': ProxyProtocolUpstreamTransport;
  'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions': HttpProtocolOptions;
  'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog': FileAccessLog;
  'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': StreamAccessLog;
  'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog': StreamAccessLog;
  'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig': HttpGrpcAccessLogConfig;
  'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig': TcpGrpcAccessLogConfig;
  'type.googleapis.com/xds.type.v3.TypedStruct': { readonly type_url: string; readonly value?: JsonObject };
}

/** Short handles for the `@type` of the extensions that the mesh uses. */
export const ANY_TYPE = {
  httpConnectionManager: 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  tcpProxy: 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  router: 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
  fault: 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
  cors: 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors',
  corsPolicy: 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy',
  grpcWeb: 'type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb',
  jwtAuthn: 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
  statefulSession: 'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession',
  statefulSessionPerRoute: 'type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute',
  cookieSession: 'type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState',
  headerSession: 'type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState',
  dynamicForwardProxy: 'type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig',
  dynamicCluster: 'type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig',
  networkFilterState: 'type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config',
  sniForwardProxy: 'type.googleapis.com/envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig',
  originalDst: 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
  tlsInspector: 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  httpInspector: 'type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector',
  proxyProtocol: 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol',
  downstreamTls: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
  upstreamTls: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  rawBuffer: 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
  upstreamProxyProtocol: 'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
  httpProtocolOptions: 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  fileAccessLog: 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
  stdoutAccessLog: 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog',
  stderrAccessLog: 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog',
  httpGrpcAccessLog: 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
  tcpGrpcAccessLog: 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig',
  typedStruct: 'type.googleapis.com/xds.type.v3.TypedStruct',
} as const satisfies Readonly<Record<string, keyof AnyMessages>>;

/** Canonical extension names: Envoy finds some extensions by name, so always use these. */
export const EXTENSION_NAME = {
  httpConnectionManager: 'envoy.filters.network.http_connection_manager',
  tcpProxy: 'envoy.filters.network.tcp_proxy',
  router: 'envoy.filters.http.router',
  fault: 'envoy.filters.http.fault',
  cors: 'envoy.filters.http.cors',
  grpcWeb: 'envoy.filters.http.grpc_web',
  jwtAuthn: 'envoy.filters.http.jwt_authn',
  statefulSession: 'envoy.filters.http.stateful_session',
  dynamicForwardProxy: 'envoy.filters.http.dynamic_forward_proxy',
  networkFilterState: 'envoy.filters.network.set_filter_state',
  sniForwardProxy: 'envoy.filters.network.sni_dynamic_forward_proxy',
  originalDst: 'envoy.filters.listener.original_dst',
  tlsInspector: 'envoy.filters.listener.tls_inspector',
  httpInspector: 'envoy.filters.listener.http_inspector',
  proxyProtocol: 'envoy.filters.listener.proxy_protocol',
  tls: 'envoy.transport_sockets.tls',
  rawBuffer: 'envoy.transport_sockets.raw_buffer',
  upstreamProxyProtocol: 'envoy.transport_sockets.upstream_proxy_protocol',
  httpProtocolOptions: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  fileAccessLog: 'envoy.access_loggers.file',
  stdoutAccessLog: 'envoy.access_loggers.stdout',
  httpGrpcAccessLog: 'envoy.access_loggers.http_grpc',
  tcpGrpcAccessLog: 'envoy.access_loggers.tcp_grpc',
} as const;

/** A message wrapped as an Any: `packAny(ANY_TYPE.router, {})`. */
export function packAny<T extends keyof AnyMessages>(type: T, message: AnyMessages[T]): Any<AnyMessages[T]> {
  return { '@type': type, ...message };
}

/** The message inside an Any when it is of that type, else undefined. The result still carries `@type`. */
export function unpackAny<T extends keyof AnyMessages>(any: Any | undefined, type: T): AnyMessages[T] | undefined {
  return any?.['@type'] === type ? (any as Any<AnyMessages[T]>) : undefined;
}
