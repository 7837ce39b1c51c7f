import type { EndpointAddress } from '../types/common.ts';
import type { EndpointHealth, RuntimeEndpoint, RuntimeEndpoints, RuntimeLocality, WorkloadRef } from '../types/cluster.ts';
import { decodeFraction, decodeSocketAddress, filterMetadata } from './common.ts';
import type { MetadataStruct } from '../types/struct.ts';
import { asObject, type Json, type Reader } from './reader.ts';

/** `allowNames`: addresses may be host names (DNS clusters). */
export function decodeEndpointsMessage(reader: Reader, allowNames: boolean): RuntimeEndpoints {
  const policy = reader.message('policy');
  // The stream that brought them is either there or coming back, and the last ones that came stay in use.
  const stale = policy?.duration('endpoint_stale_after', 0) ?? 0;
  policy?.require('endpoint_stale_after', stale === 0, 'not supported by this proxy: endpoints do not go stale');
  return {
    cluster: reader.string('cluster_name'),
    localities: reader.messages('endpoints').map((item) => decodeLocality(item, allowNames)),
    overprovisioningPercent: policy?.number('overprovisioning_factor', 140) ?? 140,
    weightedPriorityHealth: policy?.bool('weighted_priority_health') ?? false,
    drops:
      policy?.messages('drop_overloads').map((item) => {
        const share = item.message('drop_percentage');
        return { category: item.string('category'), fraction: share === undefined ? 0 : decodeFraction(share) };
      }) ?? [],
  };
}

function decodeLocality(reader: Reader, allowNames: boolean): RuntimeLocality {
  const locality = reader.message('locality');
  // A hint for other proxies: Envoy does not look at it either.
  reader.harmless('proximity');
  reader.raw('metadata');
  return {
    region: locality?.string('region') ?? '',
    zone: locality?.string('zone') ?? '',
    subZone: locality?.string('sub_zone') ?? '',
    priority: reader.number('priority', 0),
    // A weight belongs to a named locality.
    ...(locality !== undefined && reader.has('load_balancing_weight') ? { weight: reader.number('load_balancing_weight', 1) } : {}),
    endpoints: reader
      .messages('lb_endpoints')
      .map((item) => decodeEndpoint(item, allowNames))
      .filter((item) => item !== undefined),
  };
}

function decodeEndpoint(reader: Reader, allowNames: boolean): RuntimeEndpoint | undefined {
  const inner = reader.message('endpoint');
  const address = decodeAddress(inner?.message('address'), allowNames, reader.raw('metadata'));
  if (address === undefined) {
    reader.fail('endpoint.address', allowNames ? 'expected a socket address or a pipe' : 'expected an IP address with port, or a pipe');
    return undefined;
  }
  const metadata = reader.raw('metadata');
  const workload = decodeWorkload(metadata);
  return {
    address,
    hostname: inner?.string('hostname') ?? '',
    health: reader.oneOf<RuntimeEndpoint['health']>('health_status', ENDPOINT_HEALTH, 'unknown'),
    weight: Math.max(1, reader.number('load_balancing_weight', 1)),
    metadata: filterMetadata(metadata, 'envoy.lb') ?? {},
    check: decodeCheck(inner?.message('health_check_config')),
    transportLabels: transportLabels(metadata),
    ...(workload === undefined ? {} : { workload }),
  };
}

/** `HealthStatus` of `core.v3`. */
export const ENDPOINT_HEALTH: Readonly<Record<string, EndpointHealth>> = {
  UNKNOWN: 'unknown',
  HEALTHY: 'healthy',
  UNHEALTHY: 'unhealthy',
  DRAINING: 'draining',
  TIMEOUT: 'timeout',
  DEGRADED: 'degraded',
};

function decodeCheck(reader: Reader | undefined): RuntimeEndpoint['check'] {
  if (reader === undefined) return UNSAID;
  const elsewhere = decodeSocketAddress(reader.message('address'));
  const port = reader.number('port_value', 0);
  reader.require('address', elsewhere === undefined || port === 0, 'address and port_value cannot both be set');
  return {
    port: elsewhere?.port ?? port,
    address: elsewhere?.address ?? '',
    hostname: reader.string('hostname'),
    disabled: reader.bool('disable_active_health_check'),
  };
}

const UNSAID: RuntimeEndpoint['check'] = { port: 0, address: '', hostname: '', disabled: false };

function decodeAddress(reader: Reader | undefined, allowNames: boolean, metadata: unknown): EndpointAddress | undefined {
  const internal = reader?.message('envoy_internal_address');
  if (internal !== undefined) return decodeInternalAddress(internal, metadata);
  const pipe = reader?.message('pipe');
  if (pipe !== undefined) {
    pipe.harmless('mode');
    return { t: 'pipe', path: pipe.string('path') };
  }
  const socket = reader?.message('socket_address');
  if (socket === undefined) return undefined;
  socket.oneOf('protocol', { TCP: 'tcp' }, 'tcp');
  const address = socket.string('address');
  const port = socket.number('port_value', 0);
  socket.require('port_value', Number.isInteger(port) && port >= 0 && port <= 65535, `${port} is no port`);
  if (address === '' || (!allowNames && !/^[\d.]+$|:/.test(address))) return undefined;
  return { t: 'socket', address, port };
}

function decodeInternalAddress(reader: Reader, metadata: unknown): EndpointAddress {
  const listener = reader.string('server_listener_name');
  reader.require('server_listener_name', listener !== '', 'missing');
  const all = asObject(asObject(metadata)?.['filter_metadata']) ?? {};
  return { t: 'internal', listener, id: reader.string('endpoint_id'), metadata: all as Readonly<Record<string, MetadataStruct>> };
}

function transportLabels(metadata: unknown): Readonly<Record<string, string>> {
  const labels = filterMetadata(metadata, 'envoy.transport_socket_match') ?? {};
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}

/** Istio's `workload = "name;namespace;canonical name;canonical revision;cluster"`, and what it leaves out, from our own key. */
function decodeWorkload(metadata: unknown): WorkloadRef | undefined {
  const istio = filterMetadata(metadata, 'istio')?.['workload'];
  const own = filterMetadata(metadata, 'meltemi.io') ?? {};
  if (typeof istio !== 'string' && own['principal'] === undefined) return undefined;
  const [name = '', namespace = '', canonicalName = '', canonicalRevision = '', cluster = ''] = typeof istio === 'string' ? istio.split(';') : [];
  return {
    name,
    namespace,
    canonicalName,
    canonicalRevision,
    cluster,
    app: text(own, 'app', canonicalName),
    version: text(own, 'version', canonicalRevision),
    principal: text(own, 'principal', ''),
  };
}

function text(object: Json, key: string, fallback: string): string {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : fallback;
}
