import { decodeCluster, decodeEndpoint, decodeListener, decodeRoute, type Decoded } from '../decode/index.ts';
import type { ConnectionInfo, RequestView } from '../compiled.ts';
import type { RuntimeCluster, RuntimeEndpoints } from '../types/cluster.ts';
import type { RuntimeListener } from '../types/listener.ts';
import type { RuntimeRouteConfig } from '../types/route.ts';

/** Hand-written resources for the tests of this package, in the form that a control plane sends them. */
export const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/${type}`, ...fields });

export const ROUTER = { name: 'envoy.filters.http.router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) };

export function hcm(fields: object): object {
  const config = { stat_prefix: 'test', http_filters: [ROUTER], ...fields };
  return { name: 'hcm', typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', config) };
}

export const rds = (name: string): object => ({ rds: { route_config_name: name, config_source: { ads: {}, resource_api_version: 'V3' } } });

export function tcpProxy(cluster: string): object {
  return { name: 'tcp', typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'test', cluster }) };
}

export const socket = (address: string, port: number): object => ({ socket_address: { address, port_value: port } });

function must<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new Error(decoded.problems.map((problem) => `${problem.path}: ${problem.message}`).join('\n'));
}

/** `path: message` of every fault. */
export function faults(decoded: Decoded<unknown>): readonly string[] {
  return decoded.ok ? [] : decoded.problems.map((problem) => `${problem.path}: ${problem.message}`);
}

export const listener = (json: object): RuntimeListener => must(decodeListener(json));
export const routeTable = (json: object): RuntimeRouteConfig => must(decodeRoute(json));
export const cluster = (json: object): RuntimeCluster => must(decodeCluster(json));
export const endpoints = (json: object): RuntimeEndpoints => must(decodeEndpoint(json));

export function request(path: string, authority = 'reviews:9080', headers: Readonly<Record<string, string>> = {}, method = 'GET'): RequestView {
  return { method, path, authority, scheme: 'http', header: (name) => headers[name] };
}

export function connection(fields: Partial<ConnectionInfo> = {}): ConnectionInfo {
  return {
    destination: { address: '10.0.0.1', port: 9080 },
    source: { address: '10.0.0.9', port: 40000 },
    directSource: { address: '10.0.0.9', port: 40000 },
    serverName: '',
    transportProtocol: 'raw_buffer',
    applicationProtocols: [],
    ...fields,
  };
}

/** Numbers of a fixed sequence in [0, 1), the same in every run. */
export function sequence(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
