import { gatewayVirtualServices, type DestinationRuleTable, type MeshConfig, type NamespaceServices, type VirtualServiceTable } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type CommonTlsContext,
  type FilterChain,
  type Listener,
  type SdsSecretConfig,
  type SubjectAltNameMatcher,
  type TransportSocket,
} from '@meltemi/protos-types';
import { adsSecret, MESH_ROOTS, OWN_CERTIFICATE } from '../common/ads.ts';
import { defined, filled } from '../common/defined.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { originMetadata, originText } from '../common/origin.ts';
import { servedHosts } from '../routes/gateway-routes.ts';
import type { RouteScope } from '../routes/scope.ts';
import { connectionManager } from './connection-manager.ts';
import { gatewayRouteName, serverKind, type GatewayPort, type GatewayServerRef } from './gateway-servers.ts';
import { TLS_INSPECTOR } from './inbound.ts';
import { tcpChains } from './tcp-chains.ts';

/** Everything a gateway's listener depends on. */
export interface GatewayListenerInputs {
  readonly port: GatewayPort;
  readonly bindAddress: string;
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
}

/** The listener of one gateway port; undefined while no route or server gives it a chain. */
export function gatewayListener(inputs: GatewayListenerInputs): Listener | undefined {
  const { port, bindAddress } = inputs;
  const [first] = port.servers;
  if (first === undefined) return undefined;
  const chains = port.kind === 'http' ? [httpChain(first, inputs)] : uniqueChains(port.servers.flatMap((server) => serverChains(server, inputs)));
  if (chains.length === 0) return undefined;
  const address = first.server.bind === undefined || first.server.bind === '' ? bindAddress : first.server.bind;
  return {
    name: `${address}_${port.number}`,
    address: { socket_address: { address, port_value: port.number } },
    traffic_direction: 'OUTBOUND',
    ...(port.kind === 'https' || port.kind === 'tls' ? { listener_filters: [TLS_INSPECTOR] } : {}),
    filter_chains: chains,
    metadata: originMetadata(originOf(first)),
  };
}

function originOf(ref: GatewayServerRef): string {
  return originText({ kind: 'Gateway', namespace: ref.namespace, name: ref.name }, `spec.servers[${ref.index}]`);
}

function httpChain(server: GatewayServerRef, { port, mesh, scope }: GatewayListenerInputs): FilterChain {
  const routes = gatewayRouteName('http', port.number, server);
  const filter = connectionManager({
    mesh,
    dataPlane: scope.dataPlane,
    convertsB3: scope.convertsB3,
    place: 'gateway',
    statPrefix: `outbound_0.0.0.0_${port.number}`,
    routes,
  });
  return { name: routes, filters: [filter], metadata: originMetadata(originOf(server)) };
}

function serverChains(ref: GatewayServerRef, inputs: GatewayListenerInputs): readonly FilterChain[] {
  const { port, mesh, scope } = inputs;
  const kind = serverKind(ref.server);
  const names = serverNames(ref);
  const match = kind === 'tcp' || names.length === 0 ? {} : { filter_chain_match: { server_names: names } };
  if (kind === 'https') {
    const routes = gatewayRouteName(kind, port.number, ref);
    const filter = connectionManager({
      mesh,
      dataPlane: scope.dataPlane,
      convertsB3: scope.convertsB3,
      place: 'gateway',
      statPrefix: `outbound_0.0.0.0_${port.number}`,
      routes,
    });
    return [
      {
        name: routes,
        ...match,
        filters: [filter],
        transport_socket: terminate(ref, ['h2', 'http/1.1'], mesh),
        metadata: originMetadata(originOf(ref)),
      },
    ];
  }
  const passes = ref.server.tls?.mode === undefined || ref.server.tls.mode === 'PASSTHROUGH';
  return tcpRules(ref, inputs).map((chain): FilterChain => {
    if (kind === 'tcp') return chain;
    // By its own server names where TLS passes; by the server's where it ends here.
    return passes ? chain : { ...chain, ...match, transport_socket: terminate(ref, [], mesh) };
  });
}

function tcpRules(ref: GatewayServerRef, inputs: GatewayListenerInputs): readonly FilterChain[] {
  const { scope, services, mesh, port } = inputs;
  const routing: RouteScope = {
    push: inputs,
    services: services.byHost,
    namespace: scope.namespace,
    labels: scope.labels,
    gateways: [ref.gateway],
    port: port.number,
  };
  return gatewayVirtualServices(inputs, ref.gateway, scope.namespace)
    .filter((entry) => servedHosts(ref, entry).length > 0)
    .flatMap((entry) => tcpChains(entry, routing, { mesh, dataPlane: scope.dataPlane, direction: 'outbound' }));
}

/** What SNI must say. `*` among the hosts: anything, also nothing. */
function serverNames(ref: GatewayServerRef): readonly string[] {
  const hosts = ref.server.hosts.map((host) => host.slice(host.indexOf('/') + 1).toLowerCase());
  return hosts.includes('*') ? [] : [...new Set(hosts)];
}

/** A proxy refuses a listener in which two chains match alike: the first one stays. */
function uniqueChains(chains: readonly FilterChain[]): readonly FilterChain[] {
  const seen = new Set<string>();
  return chains.filter((chain) => {
    const key = JSON.stringify(chain.filter_chain_match ?? {});
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** TLS that ends at the gateway: with the mesh's certificates, with a named secret, or with files. */
function terminate(ref: GatewayServerRef, alpn: readonly string[], mesh: MeshConfig): TransportSocket {
  const tls = ref.server.tls ?? {};
  const asks = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL' || tls.mode === 'ISTIO_MUTUAL';
  const context: CommonTlsContext = {
    tls_params: {
      tls_minimum_protocol_version: protocolVersion(tls.minProtocolVersion, 'TLSv1_2'),
      tls_maximum_protocol_version: protocolVersion(tls.maxProtocolVersion, 'TLSv1_3'),
      ...(tls.cipherSuites === undefined ? {} : { cipher_suites: tls.cipherSuites }),
    },
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    ...certificates(ref),
    ...(asks ? clientChecks(ref, mesh) : {}),
  };
  const require = tls.mode === 'MUTUAL' || tls.mode === 'ISTIO_MUTUAL';
  return {
    name: EXTENSION_NAME.tls,
    typed_config: packAny(ANY_TYPE.downstreamTls, { common_tls_context: context, require_client_certificate: require }),
  };
}

const VERSIONS = { TLSV1_0: 'TLSv1_0', TLSV1_1: 'TLSv1_1', TLSV1_2: 'TLSv1_2', TLSV1_3: 'TLSv1_3' } as const;

function protocolVersion(version: keyof typeof VERSIONS | 'TLS_AUTO' | undefined, fallback: 'TLSv1_2' | 'TLSv1_3') {
  return version === undefined || version === 'TLS_AUTO' ? fallback : VERSIONS[version];
}

function certificates({ server: { tls } }: GatewayServerRef): CommonTlsContext {
  if (tls?.mode === 'ISTIO_MUTUAL') return { tls_certificate_sds_secret_configs: [OWN_CERTIFICATE] };
  const names = tls?.credentialNames ?? (tls?.credentialName === undefined ? [] : [tls.credentialName]);
  if (names.length > 0) return { tls_certificate_sds_secret_configs: names.map((name) => adsSecret(`kubernetes://${name}`)) };
  const files = tls?.tlsCertificates ?? (tls?.serverCertificate === undefined ? [] : [tls]);
  return {
    tls_certificates: files.map((pair) => ({
      certificate_chain: { filename: pair.serverCertificate ?? '' },
      private_key: { filename: pair.privateKey ?? '' },
    })),
  };
}

function clientChecks({ server: { tls } }: GatewayServerRef, mesh: MeshConfig): CommonTlsContext {
  if (tls?.mode === 'ISTIO_MUTUAL') return checkedBy(MESH_ROOTS, [{ san_type: 'URI', matcher: { prefix: `spiffe://${mesh.trustDomain}/` } }]);
  const names = (tls?.subjectAltNames ?? []).map((exact) => ({ san_type: exact.includes('://') ? 'URI' : 'DNS', matcher: { exact } }) as const);
  const secret = tls?.caCertCredentialName ?? (tls?.credentialName === undefined ? undefined : `${tls.credentialName}-cacert`);
  if (secret !== undefined) return checkedBy(adsSecret(`kubernetes://${secret}`), names);
  return { validation_context: defined({ trusted_ca: { filename: tls?.caCertificates ?? '' }, match_typed_subject_alt_names: filled(names) }) };
}

function checkedBy(roots: SdsSecretConfig, names: readonly SubjectAltNameMatcher[]): CommonTlsContext {
  return {
    combined_validation_context: {
      default_validation_context: defined({ match_typed_subject_alt_names: filled(names) }),
      validation_context_sds_secret_config: roots,
    },
  };
}
