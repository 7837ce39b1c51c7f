import type { ClientTlsSettings } from '@meltemi/api';
import { ANY_TYPE, EXTENSION_NAME, packAny, type Cluster, type CommonTlsContext, type TransportSocket } from '@meltemi/protos-types';
import type { WireProtocol } from '../common/capabilities.ts';
import { meshSni } from '../common/names.ts';
import { CLIENT_ALPN, outboundTlsSocket, RAW_BUFFER } from '../common/tls.ts';

type TransportFields = Pick<Cluster, 'transport_socket' | 'transport_socket_matches'>;

/** What the choice of transport depends on. */
export interface TransportInputs {
  readonly protocol: WireProtocol;
  readonly port: number;
  readonly subset: string;
  readonly hostname: string;
  readonly identities: readonly string[];
  readonly trustDomain: string;
  /** Mutual TLS to every endpoint that can do it, as long as no rule says otherwise. */
  readonly autoMtls: boolean;
}

/**
 * How connections to a cluster are secured. A rule with `tls` decides for all endpoints; else (auto mTLS) each endpoint's metadata tells whether its
 * sidecar speaks mutual TLS.
 */
export function transportFields(tls: ClientTlsSettings | undefined, inputs: TransportInputs): TransportFields {
  const { protocol, port, subset, hostname, identities, trustDomain } = inputs;
  const mesh = (names: readonly string[], sni: string): TransportSocket => outboundTlsSocket(CLIENT_ALPN[protocol], sni, names, trustDomain);
  switch (tls?.mode) {
    case 'DISABLE':
      return {};
    case 'ISTIO_MUTUAL':
      return { transport_socket: mesh(tls.subjectAltNames ?? identities, tls.sni ?? meshSni(port, subset, hostname)) };
    case 'SIMPLE':
    case 'MUTUAL':
      return { transport_socket: foreignTlsSocket(tls, protocol, hostname) };
    default:
  }
  if (!inputs.autoMtls) return {};
  return {
    transport_socket_matches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: mesh(identities, meshSni(port, subset, hostname)) },
      { name: 'tlsMode-disabled', match: {}, transport_socket: RAW_BUFFER },
    ],
  };
}

/** TLS with certificates of the user's own, by paths on the proxy's machine. Without CA certificates the system's are trusted. */
function foreignTlsSocket(tls: ClientTlsSettings, protocol: WireProtocol, hostname: string): TransportSocket {
  const names = tls.subjectAltNames ?? (hostname.startsWith('*') ? [] : [hostname]);
  const context: CommonTlsContext = {
    ...(protocol === 'tcp' ? {} : { alpn_protocols: protocol === 'http2' ? ['h2'] : ['http/1.1'] }),
    ...(tls.mode === 'MUTUAL' ? { tls_certificates: [{ certificate_chain: { filename: tls.clientCertificate ?? '' }, private_key: { filename: tls.privateKey ?? '' } }] } : {}),
    ...(tls.insecureSkipVerify === true
      ? {}
      : {
          validation_context: {
            trusted_ca: { filename: tls.caCertificates ?? '/etc/ssl/certs/ca-certificates.crt' },
            ...(names.length === 0 ? {} : { match_typed_subject_alt_names: names.map((exact) => ({ san_type: exact.includes('://') ? 'URI' : 'DNS', matcher: { exact } }) as const) }),
          },
        }),
  };
  const sni = tls.sni ?? (hostname.startsWith('*') ? '' : hostname);
  return { name: EXTENSION_NAME.tls, typed_config: packAny(ANY_TYPE.upstreamTls, { common_tls_context: context, ...(sni === '' ? {} : { sni }) }) };
}
