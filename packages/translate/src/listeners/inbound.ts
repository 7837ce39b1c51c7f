import type { EffectiveMtls, MeshConfig, MtlsMode } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type FilterChain,
  type FilterChainMatch,
  type Listener,
  type ListenerFilter,
  type NetworkFilter,
  type RouteConfiguration,
} from '@meltemi/protos-types';
import { INBOUND_PASSTHROUGH_CLUSTER, BLACKHOLE_CLUSTER, inboundCluster } from '../common/names.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { inboundTlsSocket, MESH_ALPN } from '../common/tls.ts';
import { timeouts } from '../routes/forward.ts';
import { ANY_PATH } from '../routes/match.ts';
import { INBOUND_RETRY } from '../routes/retry.ts';
import { connectionManager } from './connection-manager.ts';
import { terminate } from './gateway-tls.ts';
import type { InboundPort } from './inbound-ports.ts';
import { INSPECTION, needsInspection, TLS_INSPECTOR } from './inspection.ts';
import { tcpFilter } from './tcp-filter.ts';
import { tcpSettings } from './tcp-settings.ts';

/** Istio's inbound port. */
export const INBOUND_PORT = 15006;

const ORIGINAL_DST: ListenerFilter = { name: EXTENSION_NAME.originalDst, typed_config: packAny(ANY_TYPE.originalDst, {}) };
/** What all chains depend on. */
export interface InboundSettings {
  readonly mesh: MeshConfig;
  readonly dataPlane: 'embedded' | 'envoy';
  readonly convertsB3: boolean;
}

/** The one listener that redirected inbound connections come to. */
export function virtualInbound(ports: readonly InboundPort[], otherPorts: EffectiveMtls, settings: InboundSettings): Listener {
  const trap: FilterChain = {
    name: 'virtualInbound-trap',
    // Connected to directly, it would go on to itself for ever.
    filter_chain_match: { destination_port: INBOUND_PORT },
    filters: [tcpFilter({ ...settings, direction: 'inbound', clusters: [{ name: BLACKHOLE_CLUSTER, weight: 1 }] })],
  };
  const passthrough = tcpFilter({ ...settings, direction: 'inbound', clusters: [{ name: INBOUND_PASSTHROUGH_CLUSTER, weight: 1 }] });
  const chains = [
    trap,
    ...ports.flatMap((port) => portChains(port, { destination_port: port.number }, settings)),
    ...securedChains({
      name: 'virtualInbound-catchall',
      mode: otherPorts.mode,
      wire: 'tcp',
      match: {},
      filter: passthrough,
      settings,
      policy: otherPorts.policy,
    }),
  ];
  const inspects = needsInspection(chains);
  return {
    name: 'virtualInbound',
    address: { socket_address: { address: '0.0.0.0', port_value: INBOUND_PORT } },
    traffic_direction: 'INBOUND',
    listener_filters: inspects ? [ORIGINAL_DST, TLS_INSPECTOR] : [ORIGINAL_DST],
    ...(inspects ? INSPECTION : {}),
    filter_chains: chains,
  };
}

/** Ports mode: one listener for each port, bound to the workload's mesh-facing address. */
export function boundInbound(port: InboundPort, address: string, settings: InboundSettings): Listener {
  const chains = portChains(port, {}, settings);
  return {
    name: `${address}_${port.number}`,
    address: { socket_address: { address, port_value: port.number } },
    traffic_direction: 'INBOUND',
    ...(needsInspection(chains) ? { listener_filters: [TLS_INSPECTOR], ...INSPECTION } : {}),
    filter_chains: chains,
  };
}

function portChains(port: InboundPort, match: FilterChainMatch, settings: InboundSettings): readonly FilterChain[] {
  const cluster = inboundCluster(port.number);
  const filter =
    port.wire === 'tcp'
      ? tcpFilter({
          ...settings,
          direction: 'inbound',
          clusters: [{ name: cluster, weight: 1 }],
          ...tcpSettings(port.pool === undefined ? {} : { connectionPool: port.pool }, {}),
        })
      : connectionManager({
          ...settings,
          place: 'sidecar-inbound',
          grpcWeb: port.protocol === 'grpc-web',
          statPrefix: `inbound_0.0.0.0_${port.number}`,
          routes: inboundRoutes(port),
        });
  return securedChains({ name: `${cluster}`, mode: port.mtls, tls: port.tls, wire: port.wire, match, filter, settings, policy: port.policy });
}

interface ChainOptions {
  readonly name: string;
  readonly mode: MtlsMode;
  /** Of callers outside of the mesh, where there is no mutual TLS. */
  readonly tls?: InboundPort['tls'];
  readonly wire: InboundPort['wire'];
  readonly match: FilterChainMatch;
  readonly filter: NetworkFilter;
  readonly settings: InboundSettings;
  readonly policy: InboundPort['policy'];
}

/**
 * The chains that an mTLS mode means. Each combination of transport and ALPN has its own: a proxy that found chains for `tls` does not go back to chains
 * without a transport when none of their ALPNs fits.
 */
function securedChains({ name, mode, tls, wire, match, filter, settings, policy }: ChainOptions): readonly FilterChain[] {
  const metadata = policy === undefined ? {} : { metadata: originMetadata(originText(refOf(policy), 'spec')) };
  const plain = (suffix: string, more: FilterChainMatch): FilterChain => ({
    name: `${name}${suffix}`,
    ...matchField({ ...match, ...more }),
    filters: [filter],
    ...metadata,
  });
  // Bytes inside: offering HTTP versions would let a client pick one.
  const alpn = wire === 'tcp' ? [] : ['h2', 'http/1.1'];
  const mutual = (more: FilterChainMatch): FilterChain => ({
    ...plain('', { transport_protocol: 'tls', ...more }),
    transport_socket: inboundTlsSocket(alpn, settings.mesh),
  });
  if (tls !== undefined) return [{ ...plain('', { transport_protocol: 'tls' }), transport_socket: terminate(tls, alpn, settings.mesh) }];
  if (mode === 'DISABLE') return [plain('', {})];
  if (mode === 'STRICT') return [mutual({})];
  return [
    mutual({ application_protocols: MESH_ALPN }),
    plain('-plain', { transport_protocol: 'raw_buffer' }),
    // The application's own TLS goes through as it is, where bytes are expected.
    ...(wire === 'tcp' ? [plain('-tls', { transport_protocol: 'tls' })] : []),
  ];
}

function matchField(match: FilterChainMatch): Pick<FilterChain, 'filter_chain_match'> {
  return Object.keys(match).length === 0 ? {} : { filter_chain_match: match };
}

/** Everything goes to the application. */
function inboundRoutes(port: InboundPort): RouteConfiguration {
  const cluster = inboundCluster(port.number);
  const grpc = port.protocol === 'grpc' || port.protocol === 'grpc-web';
  const host = port.service?.hostname;
  return {
    name: cluster,
    validate_clusters: false,
    virtual_hosts: [
      {
        name: `inbound|http|${port.servicePort?.number ?? port.number}`,
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: ANY_PATH,
            route: { cluster, ...timeouts(undefined), ...(grpc ? {} : { retry_policy: INBOUND_RETRY }) },
            ...(host === undefined ? {} : { decorator: { operation: `${host}:${port.servicePort?.number ?? port.number}/*` } }),
            ...(port.service === undefined ? {} : { metadata: originMetadata(originText(port.service.object)) }),
          },
        ],
      },
    ],
  };
}
