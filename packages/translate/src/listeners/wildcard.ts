import {
  destinationRuleFor,
  isTls,
  isWildcard,
  virtualServicesFor,
  type DestinationRuleTable,
  type MeshConfig,
  type NamespaceServices,
  type Service,
  type ServicePort,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { CidrRange, FilterChain, FilterChainMatch, Listener, NetworkFilter } from '@meltemi/protos-types';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import { wireProtocol } from '../common/capabilities.ts';
import { serverNameLookup } from '../common/dynamic-dns.ts';
import { outboundCluster } from '../common/names.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { MESH_ONLY } from '../routes/scope.ts';
import { originMetadata, originText } from '../common/origin.ts';
import { apartFromTls, HTTP_INSPECTOR, inspection, offersBytes, TLS_INSPECTOR, withHttp } from '../common/sniffing.ts';
import { tcpChains } from './tcp-chains.ts';
import { tcpFilter } from './tcp-filter.ts';
import { tcpSettings } from './tcp-settings.ts';
import { uniqueChains } from './unique-chains.ts';

/** A service port that is reached under addresses nobody can list. */
export interface Wide {
  readonly service: Service;
  readonly port: ServicePort;
}

/** What a wide listener depends on, besides its services. */
export interface WideInputs {
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** Cluster for everything else. */
  readonly unknownTo: string;
  /** What serves HTTP on the port. */
  readonly http: NetworkFilter;
}

/** By what connections to a service are known where its addresses are not; undefined: by its addresses alone. */
export function wideMatch({ service, port }: Wide): FilterChainMatch | undefined {
  const ranges = service.addresses.filter((address) => address.includes('/'));
  const names = isTls(port.protocol) ? { server_names: [service.hostname] } : {};
  if (ranges.length > 0) return { ...names, prefix_ranges: ranges.map(rangeOf) };
  const homeless = service.addresses.length === 0 && (service.vip === undefined || isWildcard(service.hostname));
  // TLS tells its server's name: found also under an address that the application has from elsewhere.
  return homeless || (isTls(port.protocol) && service.registry === 'external') ? names : undefined;
}

function rangeOf(text: string): CidrRange {
  const [address_prefix = '', bits] = text.split('/');
  return { address_prefix, prefix_len: Number(bits) };
}

/** The listener for connections to any address of a port: by server name, by address range, or (bytes of one service) all of them. */
export function wideListener(number: number, entries: readonly Wide[], inputs: WideInputs): Listener {
  const { mesh, scope, unknownTo } = inputs;
  const looked = uniqueChains(entries.flatMap((entry) => chainsOf(entry, inputs)));
  const complete = looked.some((chain) => chain.filter_chain_match === undefined);
  const byName = looked.some((chain) => chain.filter_chain_match?.server_names !== undefined);
  const byProtocol = looked.some((chain) => chain.filter_chain_match?.application_protocols !== undefined);
  const chains = byName && byProtocol ? apartFromTls(looked) : looked;
  const inspectors = [...(byName ? [TLS_INSPECTOR] : []), ...(byProtocol ? [HTTP_INSPECTOR] : [])];
  const rest = tcpFilter({ mesh, dataPlane: scope.dataPlane, direction: 'outbound', clusters: [{ name: unknownTo, weight: 1 }] });
  return {
    name: `0.0.0.0_${number}`,
    address: { socket_address: { address: '0.0.0.0', port_value: number } },
    traffic_direction: 'OUTBOUND',
    bind_to_port: false,
    ...(inspectors.length > 0 ? { listener_filters: inspectors, ...inspection(mesh) } : {}),
    filter_chains: chains,
    ...(complete ? {} : { default_filter_chain: { name: `0.0.0.0_${number}-unknown`, filters: [rest] } }),
  };
}

function chainsOf(entry: Wide, inputs: WideInputs): readonly FilterChain[] {
  const { service, port } = entry;
  const { scope, mesh } = inputs;
  const match = wideMatch(entry) ?? {};
  const routing = {
    push: inputs,
    services: inputs.services.byHost,
    namespace: scope.namespace,
    labels: scope.labels,
    gateways: MESH_ONLY,
    port: port.number,
  };
  const options = { mesh, dataPlane: scope.dataPlane, direction: 'outbound' } as const;
  const rules = isTls(port.protocol) ? 'both' : 'tcp';
  const owners = virtualServicesFor(inputs, scope.namespace, service);
  const ruled = owners.map((owner) => tcpChains(owner, routing, { ...options, rules })).find((chains) => chains.length > 0) ?? [];
  const cluster = outboundCluster(port.number, '', service.hostname);
  const policy = effectivePolicy(destinationRuleFor(inputs, scope, service), '', port.number, mesh);
  const straight: FilterChain = {
    name: cluster,
    ...matchField(match),
    filters: [
      ...serverNameLookup(service, port.number),
      ...offersBytes(service, port, policy.tls?.mode),
      tcpFilter({ ...options, clusters: [{ name: cluster, weight: 1 }], ...tcpSettings(policy, policy) }),
    ],
    metadata: originMetadata(originText(service.object)),
  };
  // What a rule does not say of addresses and names, the service says.
  const bytes = [...ruled.map((chain) => ({ ...chain, ...matchField({ ...match, ...chain.filter_chain_match }) })), straight];
  return wireProtocol(port.protocol) === 'sniffed' ? withHttp(bytes, { ...straight, filters: [inputs.http] }) : bytes;
}

function matchField(match: FilterChainMatch): Pick<FilterChain, 'filter_chain_match'> {
  return Object.keys(match).length === 0 ? {} : { filter_chain_match: match };
}
