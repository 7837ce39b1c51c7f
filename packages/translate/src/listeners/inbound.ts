import type { EffectiveMtls, JwtRuleInForce, MeshConfig, MtlsMode } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type FilterChain,
  type FilterChainMatch,
  type Listener,
  type ListenerFilter,
  type NetworkFilter,
  type Route,
  type RouteConfiguration,
} from '@meltemi/protos-types';
import { INBOUND_PASSTHROUGH_CLUSTER, BLACKHOLE_CLUSTER, inboundCluster } from '../common/names.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { exceptOn, HTTP_INSPECTOR, inspection, PLAIN_HTTP, TLS_INSPECTOR } from '../common/sniffing.ts';
import { HTTP_ALPN, inboundTlsSocket, MESH_ALPN, MESH_BYTES_ALPN, MESH_HTTP_ALPN } from '../common/tls.ts';
import { timeouts } from '../routes/forward.ts';
import { ANY_PATH } from '../routes/match.ts';
import { INBOUND_RETRY } from '../routes/retry.ts';
import { connectionManager } from './connection-manager.ts';
import { terminate } from './gateway-tls.ts';
import type { InboundPort } from './inbound-ports.ts';
import { needsInspection } from './inspection.ts';
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
  /** Whose tokens are taken. */
  readonly tokens: readonly JwtRuleInForce[];
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
  const declared = ports.map((port) => [port, portChains(port, { destination_port: port.number }, settings)] as const);
  const chains = [
    trap,
    ...declared.flatMap(([, own]) => own),
    ...securedChains({
      name: 'virtualInbound-catchall',
      mode: otherPorts.mode,
      match: {},
      filters: { bytes: passthrough, http: passthroughManager(settings) },
      settings,
      policy: otherPorts.policy,
    }),
  ];
  return {
    name: 'virtualInbound',
    address: { socket_address: { address: '0.0.0.0', port_value: INBOUND_PORT } },
    traffic_direction: 'INBOUND',
    listener_filters: [ORIGINAL_DST, ...inspectors(declared)],
    ...inspection(settings.mesh),
    filter_chains: chains,
  };
}

/** What comes to ports that nobody declared is looked at as what comes to declared ones without a protocol; ports that say all there is to say do not wait. */
function inspectors(declared: readonly (readonly [InboundPort, readonly FilterChain[]])[]): readonly ListenerFilter[] {
  const numbers = (told: typeof declared): readonly number[] => told.map(([{ number }]) => number);
  return [
    exceptOn(numbers(declared.filter(([, chains]) => !needsInspection(chains))), TLS_INSPECTOR),
    exceptOn(numbers(declared.filter(([{ wire }]) => wire !== 'sniffed')), HTTP_INSPECTOR),
  ];
}

/** HTTP to an undeclared port goes on to where it was going: with its telemetry and its rules. */
function passthroughManager(settings: InboundSettings): NetworkFilter {
  const name = INBOUND_PASSTHROUGH_CLUSTER;
  const route: Route = { name: 'default', match: ANY_PATH, route: { cluster: name, ...timeouts(undefined) } };
  const routes: RouteConfiguration = {
    name,
    validate_clusters: false,
    virtual_hosts: [{ name: 'inbound|http|0', domains: ['*'], routes: [route] }],
  };
  return connectionManager({ ...settings, place: 'sidecar-inbound', grpcWeb: false, statPrefix: name, routes });
}

/** Ports mode: one listener for each port, bound to the workload's mesh-facing address. */
export function boundInbound(port: InboundPort, address: string, settings: InboundSettings): Listener {
  const chains = portChains(port, {}, settings);
  return {
    name: `${address}_${port.number}`,
    address: { socket_address: { address, port_value: port.number } },
    traffic_direction: 'INBOUND',
    ...(needsInspection(chains) ? { listener_filters: [TLS_INSPECTOR, ...(port.wire === 'sniffed' ? [HTTP_INSPECTOR] : [])] } : {}),
    ...(needsInspection(chains) ? inspection(settings.mesh) : {}),
    filter_chains: chains,
  };
}

function portChains(port: InboundPort, match: FilterChainMatch, settings: InboundSettings): readonly FilterChain[] {
  const cluster = inboundCluster(port.number);
  const pool = port.pool === undefined ? {} : { connectionPool: port.pool };
  const bytes = tcpFilter({ ...settings, direction: 'inbound', clusters: [{ name: cluster, weight: 1 }], ...tcpSettings(pool, {}) });
  const manager = (): NetworkFilter =>
    connectionManager({
      ...settings,
      place: 'sidecar-inbound',
      grpcWeb: port.protocol === 'grpc-web',
      statPrefix: `inbound_0.0.0.0_${port.number}`,
      routes: inboundRoutes(port),
    });
  const filters = { ...(port.wire === 'tcp' ? {} : { http: manager() }), ...(port.wire === 'tcp' || port.wire === 'sniffed' ? { bytes } : {}) };
  return securedChains({ name: `${cluster}`, mode: port.mtls, tls: port.tls, match, filters, settings, policy: port.policy });
}

/** What serves a port: what comes as HTTP, as bytes, or (both) as it turns out to be. */
interface Servers {
  readonly http?: NetworkFilter;
  readonly bytes?: NetworkFilter;
}

interface ChainOptions {
  readonly name: string;
  readonly mode: MtlsMode;
  /** Of callers outside of the mesh, where there is no mutual TLS. */
  readonly tls?: InboundPort['tls'];
  readonly match: FilterChainMatch;
  readonly filters: Servers;
  readonly settings: InboundSettings;
  readonly policy: InboundPort['policy'];
}

/** Makes a chain: with an addition to the name, further conditions, and a filter. */
type MakeChain = (suffix: string, more: FilterChainMatch, filter: NetworkFilter) => FilterChain;

// Bytes inside: offering HTTP versions would let a client pick one.
const NO_ALPN: readonly string[] = [];
const HTTP_VERSIONS: readonly string[] = ['h2', 'http/1.1'];

/**
 * The chains that an mTLS mode means. Each combination of transport and ALPN has its own: a proxy that found chains for `tls` does not go back to chains
 * without a transport when none of their ALPNs fits.
 */
function securedChains(options: ChainOptions): readonly FilterChain[] {
  const { name, mode, tls, match, filters, settings, policy } = options;
  const { http, bytes } = filters;
  const metadata = policy === undefined ? {} : { metadata: originMetadata(originText(refOf(policy), 'spec')) };
  const plain: MakeChain = (suffix, more, filter) => ({
    name: `${name}${suffix}`,
    ...matchField({ ...match, ...more }),
    filters: [filter],
    ...metadata,
  });
  const mutual: MakeChain = (suffix, more, filter) => ({
    ...plain(suffix, { transport_protocol: 'tls', ...more }, filter),
    transport_socket: inboundTlsSocket(filter === http ? HTTP_VERSIONS : NO_ALPN, settings.mesh),
  });
  if (http !== undefined && bytes !== undefined) return sniffedChains(mode, { plain, mutual }, { http, bytes });
  const filter = http ?? bytes;
  if (filter === undefined) return [];
  if (tls !== undefined) {
    const alpn = http === undefined ? NO_ALPN : HTTP_VERSIONS;
    return [{ ...plain('', { transport_protocol: 'tls' }, filter), transport_socket: terminate(tls, alpn, settings.mesh) }];
  }
  if (mode === 'DISABLE') return [plain('', {}, filter)];
  if (mode === 'STRICT') return [mutual('', {}, filter)];
  return [
    mutual('', { application_protocols: MESH_ALPN }, filter),
    plain('-plain', { transport_protocol: 'raw_buffer' }, filter),
    // The application's own TLS goes through as it is, where bytes are expected.
    ...(http === undefined ? [plain('-tls', { transport_protocol: 'tls' }, filter)] : []),
  ];
}

/** The same for a port that says nothing: of plain bytes the first tell, of mutual TLS the protocols that the client offers. */
function sniffedChains(
  mode: MtlsMode,
  { plain, mutual }: { readonly plain: MakeChain; readonly mutual: MakeChain },
  { http, bytes }: Required<Servers>,
): readonly FilterChain[] {
  const raw = { transport_protocol: 'raw_buffer' } as const;
  const open = [
    plain('-plain-http', { ...raw, application_protocols: PLAIN_HTTP }, http),
    plain('-plain', raw, bytes),
    plain('-tls', { transport_protocol: 'tls' }, bytes),
  ];
  if (mode === 'DISABLE') return open;
  // Under STRICT there is no other TLS that the usual names could be of.
  if (mode === 'STRICT') return [mutual('-http', { application_protocols: [...MESH_HTTP_ALPN, ...HTTP_ALPN] }, http), mutual('', {}, bytes)];
  return [mutual('-http', { application_protocols: MESH_HTTP_ALPN }, http), mutual('', { application_protocols: MESH_BYTES_ALPN }, bytes), ...open];
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
