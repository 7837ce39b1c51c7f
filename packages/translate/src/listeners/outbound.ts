import {
  destinationRuleFor,
  isTls,
  isWildcard,
  vipAddress,
  type EgressScope,
  virtualServicesFor,
  type DestinationRuleTable,
  type MeshConfig,
  type NamespaceServices,
  type ResolvedVirtualService,
  type Service,
  type ServicePort,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { FilterChain, Listener, NetworkFilter } from '@meltemi/protos-types';
import { effectivePolicy } from '../clusters/traffic-policy.ts';
import { wireProtocol } from '../common/capabilities.ts';
import { answeringAddresses, type HeadlessPort } from '../common/headless.ts';
import type { InputsCache } from '../common/inputs-cache.ts';
import { BLACKHOLE_CLUSTER, outboundCluster, sniffedRouteName } from '../common/names.ts';
import { callsByName } from '../common/dynamic-dns.ts';
import { keepsSessions } from '../http-filters/stateful-session.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { originMetadata, originText } from '../common/origin.ts';
import { HTTP_INSPECTOR, inspection, offersBytes, TLS_INSPECTOR, withHttp } from '../common/sniffing.ts';
import { MESH_ONLY, type RouteScope } from '../routes/scope.ts';
import { egressBind, egressPorts } from './egress.ts';
import { connectionManager } from './connection-manager.ts';
import { INBOUND_PORT } from './inbound.ts';
import { tcpChains } from './tcp-chains.ts';
import { tcpFilter } from './tcp-filter.ts';
import { tcpSettings } from './tcp-settings.ts';
import { uniqueChains } from './unique-chains.ts';
import { wideListener, wideMatch } from './wildcard.ts';

/** Istio's outbound port. */
const OUTBOUND_PORT = 15001;

/** Everything that a sidecar's outbound listeners depend on. */
export interface OutboundInputs {
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** What the Sidecar says of single ports; one for everything without a Sidecar. */
  readonly egress: readonly EgressScope[];
  /** Cluster for calls of unknown destinations. */
  readonly unknownTo: string;
  readonly headless: readonly HeadlessPort[];
}

/** All outbound listeners of a sidecar. */
export function outboundListeners(inputs: OutboundInputs, cache: InputsCache): readonly Listener[] {
  const redirect = inputs.scope.interception === 'REDIRECT';
  const { mesh, scope } = inputs;
  const { unknownTo } = inputs;
  const fixed = redirect ? [cache.get('virtualOutbound', { mesh, dataPlane: scope.dataPlane, unknownTo }, virtualOutbound)] : [];
  const byName = new Map<string, Listener>();
  for (const egress of inputs.egress) {
    const bind = egressBind(egress.listener, scope);
    const { services, virtualServices } = egress;
    const { destinationRules, headless } = inputs;
    const own: ServiceInputs = { scope, mesh, destinationRules, services, virtualServices, bind, headless };
    for (const { service, port } of egressPorts(egress, inputs.egress)) {
      for (const listener of serviceListeners(service, port, own, cache)) if (!byName.has(listener.name)) byName.set(listener.name, listener);
    }
  }
  for (const listener of wideListeners(inputs, cache)) if (!byName.has(listener.name)) byName.set(listener.name, listener);
  return [...fixed, ...byName.values()];
}

/** Listeners for services whose addresses cannot be listed. They are found by where a connection was going, so only where it was redirected. */
function wideListeners(inputs: OutboundInputs, cache: InputsCache): readonly Listener[] {
  const { scope, mesh, destinationRules, unknownTo } = inputs;
  if (scope.interception !== 'REDIRECT') return [];
  return inputs.egress.flatMap((egress) => {
    if (egressBind(egress.listener, scope) !== undefined) return [];
    const wide = egressPorts(egress, inputs.egress).filter(
      (entry) => entry.port.protocol !== 'udp' && !isRequests(entry.port) && wideMatch(entry) !== undefined,
    );
    const { services, virtualServices } = egress;
    return [...Map.groupBy(wide, ({ port }) => port.number)].map(([number, entries]) => {
      const key = {
        scope,
        mesh,
        destinationRules,
        services,
        virtualServices,
        unknownTo,
        number,
        entries: entries.flatMap(({ service, port }) => [service, port]),
      };
      return cache.get('wideListener', key, () => {
        const http = outboundManager({ scope, mesh, ...httpUses(egress, mesh), address: '0.0.0.0', port: number, routes: String(number) });
        return wideListener(number, entries, { ...key, http });
      });
    });
  });
}

/** The listener that redirected outbound connections come to: it hands them to the listener of their destination; what has none goes on, or is closed. */
function virtualOutbound({ mesh, dataPlane, unknownTo }: Pick<OutboundInputs, 'mesh' | 'unknownTo'> & Pick<NodeScope, 'dataPlane'>): Listener {
  const to = (name: string) => [tcpFilter({ mesh, dataPlane, direction: 'outbound', clusters: [{ name, weight: 1 }] })];
  return {
    name: 'virtualOutbound',
    address: { socket_address: { address: '0.0.0.0', port_value: OUTBOUND_PORT } },
    traffic_direction: 'OUTBOUND',
    use_original_dst: true,
    filter_chains: [
      // Connected to directly, it would go on to itself for ever.
      { name: 'virtualOutbound-trap', filter_chain_match: { destination_port: OUTBOUND_PORT }, filters: to(BLACKHOLE_CLUSTER) },
      { name: 'virtualOutbound-catchall-tcp', filters: to(unknownTo) },
    ],
  };
}

/** What the listeners of services depend on. */
interface ServiceInputs extends Omit<OutboundInputs, 'egress' | 'unknownTo'> {
  /** The address to listen on; undefined: those of the service. */
  readonly bind: string | undefined;
}

function serviceListeners(service: Service, port: ServicePort, inputs: ServiceInputs, cache: InputsCache): readonly Listener[] {
  const { scope } = inputs;
  if (port.protocol === 'udp' || port.number === OUTBOUND_PORT || port.number === INBOUND_PORT) return [];
  const redirect = scope.interception === 'REDIRECT' && inputs.bind === undefined;
  const http = isRequests(port);
  if (http && redirect) return [cache.get('httpListener', httpInputs(port, inputs, { address: '0.0.0.0', bind: false }), httpListener)];
  // Without redirection there is no original destination to forward to.
  if (scope.interception === 'NONE' && service.resolution === 'none' && service.dynamicDns !== true) return [];
  const addresses = inputs.bind === undefined ? addressesOf(service, port, inputs) : [inputs.bind];
  return addresses.map((address) => {
    if (http) return cache.get('httpListener', httpInputs(port, inputs, { address, bind: true }), httpListener);
    const owners = virtualServicesFor(inputs, scope.namespace, service);
    const { virtualServices: _, headless: __, ...rest } = inputs;
    const uses = wireProtocol(port.protocol) === 'sniffed' ? httpUses(inputs, inputs.mesh) : NO_USES;
    return cache.get('tcpListener', { ...rest, service, port, address, owners, ...uses }, tcpListener);
  });
}

/** All that comes is HTTP. */
function isRequests({ protocol }: ServicePort): boolean {
  const wire = wireProtocol(protocol);
  return wire === 'http' || wire === 'http2';
}

/** What connection managers have to be ready for. */
interface HttpUses {
  readonly sessions: boolean;
  readonly byName: boolean;
}

const NO_USES: HttpUses = { sessions: false, byName: false };

function httpUses(inputs: Parameters<typeof keepsSessions>[0], mesh: MeshConfig): HttpUses {
  return { sessions: keepsSessions(inputs), byName: callsByName(inputs.services, mesh) };
}

/** Where calls of a service port go: its virtual address, those of headless endpoints, and those that it names itself. */
function addressesOf(service: Service, port: ServicePort, { scope, headless }: ServiceInputs): readonly string[] {
  return [
    ...(service.vip === undefined || isWildcard(service.hostname) ? [] : [vipAddress(service.vip, scope)]),
    ...headless.filter((entry) => entry.service === service && entry.port === port.number).flatMap(({ endpoints }) => answeringAddresses(endpoints)),
    ...(scope.interception === 'REDIRECT' ? service.addresses.filter((address) => !address.includes('/')) : []),
  ];
}

interface HttpListenerInputs extends HttpUses {
  readonly mesh: MeshConfig;
  readonly dataPlane: 'embedded' | 'envoy';
  readonly convertsB3: boolean;
  readonly address: string;
  readonly port: number;
  readonly bind: boolean;
}

interface ManagerInputs extends HttpUses {
  readonly scope: Pick<NodeScope, 'dataPlane' | 'convertsB3'>;
  readonly mesh: MeshConfig;
  readonly address: string;
  readonly port: number;
  readonly routes: string;
}

function outboundManager({ scope: { dataPlane, convertsB3 }, mesh, address, port, ...more }: ManagerInputs): NetworkFilter {
  return connectionManager({ mesh, dataPlane, convertsB3, place: 'sidecar-outbound', statPrefix: `outbound_${address}_${port}`, ...more });
}

function httpInputs(port: ServicePort, inputs: ServiceInputs, at: Pick<HttpListenerInputs, 'address' | 'bind'>): HttpListenerInputs {
  const { mesh, scope } = inputs;
  return {
    mesh,
    dataPlane: scope.dataPlane,
    convertsB3: scope.convertsB3,
    port: port.number,
    ...at,
    ...httpUses(inputs, mesh),
  };
}

/** HTTP to any host on a port; which one is the route table's business. */
function httpListener({ mesh, dataPlane, convertsB3, address, port, bind, sessions, byName }: HttpListenerInputs): Listener {
  const filter = outboundManager({ scope: { dataPlane, convertsB3 }, mesh, address, port, sessions, byName, routes: String(port) });
  return {
    name: `${address}_${port}`,
    address: { socket_address: { address, port_value: port } },
    traffic_direction: 'OUTBOUND',
    ...(bind ? {} : { bind_to_port: false }),
    filter_chains: [{ name: `${address}_${port}`, filters: [filter] }],
  };
}

interface TcpListenerInputs extends Omit<ServiceInputs, 'headless' | 'virtualServices'>, HttpUses {
  readonly service: Service;
  readonly port: ServicePort;
  readonly address: string;
  /** The VirtualServices that claim the host, in order of precedence. */
  readonly owners: readonly ResolvedVirtualService[];
}

function tcpListener(inputs: TcpListenerInputs): Listener {
  const { service, port, address, scope, mesh, owners } = inputs;
  const routing: RouteScope = {
    push: inputs,
    services: inputs.services.byHost,
    namespace: scope.namespace,
    labels: scope.labels,
    gateways: MESH_ONLY,
    port: port.number,
  };
  const policy = effectivePolicy(destinationRuleFor(inputs, scope, service), '', port.number, mesh);
  const options = { mesh, dataPlane: scope.dataPlane, direction: 'outbound' } as const;
  const rules = isTls(port.protocol) ? 'both' : 'tcp';
  const ruled = owners.map((owner) => tcpChains(owner, routing, { ...options, rules })).find((chains) => chains.length > 0) ?? [];
  const straight: FilterChain = {
    name: outboundCluster(port.number, '', service.hostname),
    filters: [
      ...offersBytes(service, port, policy.tls?.mode),
      tcpFilter({
        ...options,
        clusters: [{ name: outboundCluster(port.number, '', service.hostname), weight: 1 }],
        ...tcpSettings(policy, policy),
      }),
    ],
    metadata: originMetadata(originText(service.object)),
  };
  const complete = ruled.some((chain) => chain.filter_chain_match === undefined);
  const bytes = uniqueChains(complete ? ruled : [...ruled, straight]);
  const sniffs = wireProtocol(port.protocol) === 'sniffed';
  const chains = sniffs ? withHttp(bytes, { ...straight, filters: [sniffedManager(inputs)] }) : bytes;
  return {
    name: `${address}_${port.number}`,
    address: { socket_address: { address, port_value: port.number } },
    traffic_direction: 'OUTBOUND',
    ...(scope.interception === 'REDIRECT' && inputs.bind === undefined ? { bind_to_port: false } : {}),
    ...(sniffs ? { listener_filters: [HTTP_INSPECTOR], ...inspection(mesh) } : {}),
    ...(chains.some((chain) => chain.filter_chain_match?.server_names !== undefined) ? { listener_filters: [TLS_INSPECTOR] } : {}),
    filter_chains: chains,
    metadata: originMetadata(originText(service.object)),
  };
}

/** An address of its own tells the service; the one that a Sidecar names is for all of the port. */
function sniffedManager({ service, port, bind, ...inputs }: TcpListenerInputs): NetworkFilter {
  const routes = bind === undefined ? sniffedRouteName(service.hostname, port.number) : String(port.number);
  const { scope, mesh, address, sessions, byName } = inputs;
  return outboundManager({ scope, mesh, address, sessions, byName, port: port.number, routes });
}
