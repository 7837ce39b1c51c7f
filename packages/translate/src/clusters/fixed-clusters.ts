import type { MeshConfig } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type Address, type Cluster } from '@meltemi/protos-types';
import { BY_NAME } from '../common/dynamic-dns.ts';
import { durationOf, protoDuration } from '../common/duration.ts';
import {
  BLACKHOLE_CLUSTER,
  DYNAMIC_DNS_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  inboundCluster,
  PASSTHROUGH_CLUSTER,
  serviceMetadata,
} from '../common/names.ts';
import { originMetadata, originText } from '../common/origin.ts';
import { circuitBreakers } from './limits.ts';
import { http1Options, protocolOptions } from './protocol-options.ts';
import type { InboundPort } from '../listeners/inbound-ports.ts';

/** Connections to it are closed at once: a cluster without endpoints. */
export function blackHoleCluster(mesh: MeshConfig): Cluster {
  return {
    name: BLACKHOLE_CLUSTER,
    type: 'STATIC',
    connect_timeout: protoDuration(mesh.connectTimeoutMs),
    load_assignment: { cluster_name: BLACKHOLE_CLUSTER },
  };
}

/** On to where the connection was going anyway, with the protocol it came with. */
export function passthroughCluster(mesh: MeshConfig): Cluster {
  return originalDestination(PASSTHROUGH_CLUSTER, mesh);
}

/** A service outside the mesh that takes logs or spans, at an address that the mesh's settings name. */
export function collectorCluster({ name, host, port, grpc, mesh }: CollectorClusterInputs): Cluster {
  const literal = /^[\d.]+$/.test(host) || host.includes(':');
  const address = { socket_address: { address: host, port_value: port } };
  return {
    name,
    type: literal ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: protoDuration(mesh.connectTimeoutMs),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...(literal ? {} : { dns_refresh_rate: protoDuration(mesh.dnsRefreshRateMs), respect_dns_ttl: true }),
    ...(grpc ? protocolOptions('http2', undefined) : {}),
  };
}

export interface CollectorClusterInputs {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** It is called over HTTP/2. */
  readonly grpc: boolean;
  readonly mesh: MeshConfig;
}

/** On to the host that the request names. */
export function dynamicDnsCluster(mesh: MeshConfig): Cluster {
  return { name: DYNAMIC_DNS_CLUSTER, ...BY_NAME, connect_timeout: protoDuration(mesh.connectTimeoutMs), circuit_breakers: circuitBreakers({}) };
}

/** The same for connections that came in, to ports nobody declared. Istio's source address tells the redirection that they are on their way to the application: otherwise they would be caught again. */
export function inboundPassthroughCluster(mesh: MeshConfig): Cluster {
  return {
    ...originalDestination(INBOUND_PASSTHROUGH_CLUSTER, mesh),
    upstream_bind_config: { source_address: { address: INBOUND_SOURCE_ADDRESS, port_value: 0 } },
  };
}

const INBOUND_SOURCE_ADDRESS = '127.0.0.6';

function originalDestination(name: string, mesh: MeshConfig): Cluster {
  return {
    name,
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    connect_timeout: protoDuration(mesh.connectTimeoutMs),
    circuit_breakers: circuitBreakers(mesh.defaultTrafficPolicy ?? {}),
    typed_extension_protocol_options: {
      [EXTENSION_NAME.httpProtocolOptions]: packAny(ANY_TYPE.httpProtocolOptions, {
        use_downstream_protocol_config: { http_protocol_options: http1Options(mesh.preserveHeaderCase), http2_protocol_options: {} },
      }),
    },
  };
}

/** What the application's own cluster depends on. */
export interface InboundClusterInputs {
  readonly port: InboundPort;
  readonly appAddress: string;
  /** Mesh-facing address of the workload. */
  readonly address: string;
  readonly redirect: boolean;
  readonly mesh: MeshConfig;
}

/** The application on one of its ports. */
export function inboundClusterOf(inputs: InboundClusterInputs): Cluster {
  const { port, mesh } = inputs;
  const { pool } = port;
  const name = inboundCluster(port.number);
  return {
    name,
    type: 'STATIC',
    lb_policy: 'ROUND_ROBIN',
    connect_timeout: durationOf(pool?.tcp?.connectTimeout) ?? protoDuration(mesh.connectTimeoutMs),
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: applicationAddress(inputs) } }] }] },
    circuit_breakers: circuitBreakers(pool === undefined ? {} : { connectionPool: pool }),
    ...protocolOptions(port.wire, pool, { preserveHeaderCase: mesh.preserveHeaderCase }),
    ...(port.service === undefined
      ? {}
      : { metadata: originMetadata(originText(port.service.object), { istio: { services: [{ ...serviceMetadata(port.service) }] } }) }),
  };
}

/**
 * Where the application listens. In ports mode its loopback is an address of its own. `0.0.0.0` means the address of the workload, which without
 * redirection is the proxy's: there it is the application's again.
 */
function applicationAddress({ port, appAddress, address, redirect }: InboundClusterInputs): Address {
  const { endpoint } = port;
  if (endpoint.startsWith('unix://')) return { pipe: { path: endpoint.slice('unix://'.length) } };
  const colon = endpoint.lastIndexOf(':');
  if (colon < 0) return { socket_address: { address: appAddress, port_value: port.number } };
  const instance = endpoint.startsWith('0.0.0.0:') || endpoint.startsWith('[::]:');
  const host = !redirect ? appAddress : instance ? address : endpoint.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { socket_address: { address: host, port_value: Number(endpoint.slice(colon + 1)) } };
}
