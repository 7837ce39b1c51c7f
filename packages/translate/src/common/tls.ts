import type { MeshConfig, MeshTls } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type CommonTlsContext, type StringMatcher, type TransportSocket } from '@meltemi/protos-types';
import { MESH_ROOTS, OWN_CERTIFICATE } from './ads.ts';

/** What a sidecar offers when it calls one, by what it is about to speak; the first of each is how the other side knows a sidecar. */
export const CLIENT_ALPN = {
  http: ['istio-http/1.1', 'http/1.1'],
  http2: ['istio-h2', 'h2'],
  tcp: ['istio'],
  // Of a port that says nothing, for HTTP of either version: the server knows by the first bytes which. Bytes offer `tcp` (see `offersBytes`).
  sniffed: ['istio-http/1.1', 'istio-h2'],
} as const;

/** By these a server chain recognises mesh TLS, as opposed to an application's own. */
export const MESH_ALPN: readonly string[] = ['istio-http/1.1', 'istio-h2', 'istio', 'istio-peer-exchange'];

/** The same, by what is inside. */
export const MESH_HTTP_ALPN: readonly string[] = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
export const MESH_BYTES_ALPN: readonly string[] = ['istio', 'istio-peer-exchange'];
/** Offered by clients that speak HTTP, of the mesh or not. */
export const HTTP_ALPN: readonly string[] = ['http/1.0', 'http/1.1', 'h2'];

/** Plain bytes. */
export const RAW_BUFFER: TransportSocket = { name: EXTENSION_NAME.rawBuffer, typed_config: packAny(ANY_TYPE.rawBuffer, {}) };

/** Own certificate, and a peer that is of this mesh and bears one of the names. */
function meshTlsContext(alpn: readonly string[], names: readonly StringMatcher[], minVersion: MeshTls['minVersion'] = 'TLSv1_2'): CommonTlsContext {
  return {
    tls_params: { tls_minimum_protocol_version: minVersion, tls_maximum_protocol_version: 'TLSv1_3' },
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    tls_certificate_sds_secret_configs: [OWN_CERTIFICATE],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: names.map((matcher) => ({ san_type: 'URI', matcher })) },
      validation_context_sds_secret_config: MESH_ROOTS,
    },
  };
}

/** The server side of mutual TLS: any identity of the trust domain and of those that count as it. */
export function inboundTlsSocket(alpn: readonly string[], mesh: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases' | 'meshTls'>): TransportSocket {
  const names = [mesh.trustDomain, ...mesh.trustDomainAliases].map((domain) => ({ prefix: `spiffe://${domain}/` }));
  return {
    name: EXTENSION_NAME.tls,
    typed_config: packAny(ANY_TYPE.downstreamTls, {
      common_tls_context: meshTlsContext(alpn, names, mesh.meshTls.minVersion),
      require_client_certificate: true,
    }),
  };
}

/** The client side of mutual TLS: exactly these identities, or (none known) any of the trust domain. */
export function outboundTlsSocket(alpn: readonly string[], sni: string, identities: readonly string[], trustDomain: string): TransportSocket {
  const names = identities.length > 0 ? identities.map((exact) => ({ exact })) : [{ prefix: `spiffe://${trustDomain}/` }];
  return { name: EXTENSION_NAME.tls, typed_config: packAny(ANY_TYPE.upstreamTls, { common_tls_context: meshTlsContext(alpn, names), sni }) };
}
