import type { ClientTlsSettings } from '@meltemi/api';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type CertificateValidationContext,
  type Cluster,
  type CommonTlsContext,
  type TransportSocket,
} from '@meltemi/protos-types';
import type { WireProtocol } from '../common/capabilities.ts';
import { defined, filled, nonEmpty } from '../common/defined.ts';
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
  const mode = tls?.mode;
  if (mode === 'DISABLE') return {};
  if (mode === 'ISTIO_MUTUAL') return { transport_socket: mesh(tls?.subjectAltNames ?? identities, tls?.sni ?? meshSni(port, subset, hostname)) };
  if (tls !== undefined && mode !== undefined) return { transport_socket: foreignTlsSocket(tls, protocol, hostname) };
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
  const wildcard = hostname.startsWith('*');
  const context: CommonTlsContext = defined({
    alpn_protocols: FOREIGN_ALPN[protocol],
    tls_certificates:
      tls.mode === 'MUTUAL'
        ? [{ certificate_chain: { filename: tls.clientCertificate ?? '' }, private_key: { filename: tls.privateKey ?? '' } }]
        : undefined,
    validation_context: tls.insecureSkipVerify === true ? undefined : serverChecks(tls, tls.subjectAltNames ?? (wildcard ? [] : [hostname])),
  });
  const sni = nonEmpty(tls.sni ?? (wildcard ? '' : hostname));
  return { name: EXTENSION_NAME.tls, typed_config: packAny(ANY_TYPE.upstreamTls, defined({ common_tls_context: context, sni })) };
}

const FOREIGN_ALPN = { http: ['http/1.1'], http2: ['h2'], tcp: undefined } as const;

function serverChecks(tls: ClientTlsSettings, names: readonly string[]): CertificateValidationContext {
  const matchers = names.map((exact) => ({ san_type: exact.includes('://') ? 'URI' : 'DNS', matcher: { exact } }) as const);
  return defined({
    trusted_ca: { filename: tls.caCertificates ?? '/etc/ssl/certs/ca-certificates.crt' },
    match_typed_subject_alt_names: filled(matchers),
  });
}
