import type { ClientCertificates, MeshConfig } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type HttpConnectionManager, type NetworkFilter, type RouteConfiguration } from '@meltemi/protos-types';
import { accessLogs } from '../common/access-log.ts';
import { ADS } from '../common/ads.ts';
import { b3ToW3c } from '../common/b3.ts';
import type { FilterPlace } from '../http-filters/define.ts';
import { httpFilters } from '../http-filters/index.ts';
import { connectionSettings } from './connection-settings.ts';
import { tracing } from './tracing.ts';

/** Where a connection manager stands and where its routes come from. */
export interface ConnectionManagerOptions extends FilterPlace {
  readonly mesh: MeshConfig;
  /** See {@link ProxyNode.convertsB3}. */
  readonly convertsB3: boolean;
  readonly statPrefix: string;
  /** Name of a route table (RDS), or the table itself. */
  readonly routes: string | RouteConfiguration;
}

/** The HTTP connection manager as a network filter. */
export function connectionManager(options: ConnectionManagerOptions): NetworkFilter {
  const { mesh, place, dataPlane, routes } = options;
  const config: HttpConnectionManager = {
    stat_prefix: options.statPrefix,
    ...(typeof routes === 'string' ? { rds: { config_source: ADS, route_config_name: routes } } : { route_config: routes }),
    http_filters: httpFilters(options),
    ...(mesh.enableTracing ? { tracing: tracing({ mesh, dataPlane, gateway: place === 'gateway' }) } : {}),
    // Zipkin's tracer reads those headers itself.
    ...(mesh.enableTracing && options.convertsB3 && mesh.telemetry.spans?.t !== 'zipkin' ? { early_header_mutation_extensions: [b3ToW3c] } : {}),
    access_log: accessLogs(mesh, { kind: 'http', direction: place === 'sidecar-inbound' ? 'inbound' : 'outbound', dataPlane }),
    ...identityHandling(options),
    stream_idle_timeout: '0s',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...pathNormalization(mesh.pathNormalization),
    ...connectionSettings(mesh, place),
  };
  return { name: EXTENSION_NAME.httpConnectionManager, typed_config: packAny(ANY_TYPE.httpConnectionManager, config) };
}

/** Who the client is, as the application and the next hop are told. A gateway is an edge: it believes the connection, and the proxies that are known to stand in front of it. */
function identityHandling({ mesh, place }: ConnectionManagerOptions): HttpConnectionManager {
  const server: HttpConnectionManager =
    mesh.serverHeader === undefined ? { server_header_transformation: 'PASS_THROUGH' } : { server_name: mesh.serverHeader };
  const requestId = mesh.addRequestId ? {} : { generate_request_id: false };
  const port = mesh.forwardPort ? { append_x_forwarded_port: true } : {};
  switch (place) {
    case 'gateway':
      return {
        use_remote_address: true,
        ...(mesh.trustedHops === 0 ? {} : { xff_num_trusted_hops: mesh.trustedHops }),
        ...server,
        ...requestId,
        ...port,
        ...certificates(mesh.gatewayClientCertificates),
      };
    case 'sidecar-inbound':
      return { use_remote_address: false, ...server, ...requestId, ...port, ...certificates(mesh.sidecarClientCertificates) };
    case 'sidecar-outbound':
      return { use_remote_address: false, ...requestId, ...port };
  }
}

/** Parts of the certificate count only where it is set or appended. */
function certificates({ forward, details }: ClientCertificates): HttpConnectionManager {
  const set = forward === 'SANITIZE_SET' || forward === 'APPEND_FORWARD';
  const wanted = Object.fromEntries(Object.entries(details).filter(([, value]) => value));
  return { forward_client_cert_details: forward, ...(set ? { set_current_client_cert_details: wanted } : {}) };
}

function pathNormalization(level: MeshConfig['pathNormalization']): HttpConnectionManager {
  if (level === 'NONE') return {};
  if (level === 'BASE') return { normalize_path: true, path_with_escaped_slashes_action: 'KEEP_UNCHANGED' };
  const decode = level === 'DECODE_AND_MERGE_SLASHES';
  return { normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: decode ? 'UNESCAPE_AND_FORWARD' : 'KEEP_UNCHANGED' };
}
