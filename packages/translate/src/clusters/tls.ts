import type { ClientTlsSettings, TrafficPolicy } from '@meltemi/api';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type CertificateValidationContext,
  type Cluster,
  type CommonTlsContext,
  type SdsSecretConfig,
  type TransportSocket,
} from '@meltemi/protos-types';
import { adsSecret, credentialName, credentialSecret } from '../common/ads.ts';
import type { WireProtocol } from '../common/capabilities.ts';
import { defined, filled, nonEmpty } from '../common/defined.ts';
import { meshSni } from '../common/names.ts';
import { CLIENT_ALPN, outboundTlsSocket, RAW_BUFFER } from '../common/tls.ts';
import type { UpstreamHttp } from './protocol-options.ts';

type TransportFields = Pick<Cluster, 'transport_socket' | 'transport_socket_matches'>;

/** What the choice of transport depends on. */
export interface TransportInputs {
  readonly protocol: WireProtocol;
  /** Requests go on in the protocol they came with: which that is, TLS cannot know when it begins. */
  readonly asClient: boolean;
  readonly port: number;
  readonly subset: string;
  readonly hostname: string;
  readonly identities: readonly string[];
  /** Names that a ServiceEntry says its endpoints have. */
  readonly serviceNames: readonly string[];
  readonly trustDomain: string;
  /** What happens as long as no rule says otherwise: mutual TLS to every endpoint whose metadata says it can do it, to all, or to none. */
  readonly autoMtls: 'able' | 'all' | 'none';
  /** The node may have credentials by name: a gateway, or a workload that the rule selects. */
  readonly credentials: boolean;
}

/**
 * How connections to a cluster are secured. A rule with `tls` decides for all endpoints; else (auto mTLS) each endpoint's metadata tells whether its
 * sidecar speaks mutual TLS.
 */
export function transportFields(tls: ClientTlsSettings | undefined, inputs: TransportInputs): TransportFields {
  const { port, subset, hostname, identities, trustDomain } = inputs;
  const alpn = meshAlpn(inputs);
  const mesh = (names: readonly string[], sni: string): TransportSocket => outboundTlsSocket(alpn, sni, names, trustDomain);
  if (tls === undefined) {
    if (inputs.autoMtls === 'none') return {};
    const socket = mesh(identities, meshSni(port, subset, hostname));
    if (inputs.autoMtls === 'all') return { transport_socket: socket };
    return {
      transport_socket_matches: [
        { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: socket },
        { name: 'tlsMode-disabled', match: {}, transport_socket: RAW_BUFFER },
      ],
    };
  }
  const mode = tls.mode ?? 'DISABLE';
  if (mode === 'ISTIO_MUTUAL') {
    const names = filled(tls.subjectAltNames ?? []) ?? identities;
    return { transport_socket: mesh(names, nonEmpty(tls.sni) ?? meshSni(port, subset, hostname)) };
  }
  return mode === 'DISABLE' || isForGateways(tls, inputs) ? {} : { transport_socket: originatedTls(tls, inputs) };
}

/** With no HTTP version settled, the server looks at what comes. */
function meshAlpn({ protocol, asClient }: TransportInputs): readonly string[] {
  return asClient && protocol !== 'sniffed' ? CLIENT_ALPN.tcp : CLIENT_ALPN[protocol];
}

/** A rule with a named credential is for gateways: a sidecar heeds it only when the rule selects its workload. */
function isForGateways(tls: ClientTlsSettings, { credentials }: Pick<TransportInputs, 'credentials'>): boolean {
  // Of a BackendTLSPolicy: only certificates to trust, for everybody.
  return nonEmpty(tls.credentialName) !== undefined && !credentials && tls.credentialName?.includes('://') !== true;
}

/** TLS to a server that is not of the mesh. Files are read by the agent beside the proxy; without CA certificates the system's are trusted. */
function originatedTls(tls: ClientTlsSettings, { protocol, serviceNames }: TransportInputs): TransportSocket {
  const credential = nonEmpty(tls.credentialName);
  const own =
    credential === undefined
      ? adsSecret(`file-cert:${tls.clientCertificate ?? ''}~${tls.privateKey ?? ''}`)
      : credentialSecret(credentialName(credential));
  const roots = credential === undefined ? adsSecret(`file-root:${rootFiles(tls)}`) : credentialSecret(credentialName(credential, '-cacert'));
  const context: CommonTlsContext = {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
    ...(protocol === 'http2' ? { alpn_protocols: ['h2'] } : {}),
    ...(tls.mode === 'MUTUAL' ? { tls_certificate_sds_secret_configs: [own] } : {}),
    ...(tls.insecureSkipVerify === true ? {} : serverChecks(roots, filled(tls.subjectAltNames ?? []) ?? serviceNames)),
  };
  const sni = nonEmpty(tls.sni);
  return { name: EXTENSION_NAME.tls, typed_config: packAny(ANY_TYPE.upstreamTls, defined({ common_tls_context: context, sni })) };
}

/** The file of the certificates to trust (`system`: those of the machine), and the one of those revoked. */
function rootFiles({ caCertificates, caCrl }: ClientTlsSettings): string {
  const roots = nonEmpty(caCertificates) ?? 'system';
  return nonEmpty(caCrl) === undefined ? roots : `${roots}~${caCrl}`;
}

function serverChecks(roots: SdsSecretConfig, names: readonly string[]): CommonTlsContext {
  const matchers = names.map((exact) => ({ san_type: exact.includes('://') ? 'URI' : 'DNS', matcher: { exact } }) as const);
  const checks: CertificateValidationContext = defined({ match_typed_subject_alt_names: filled(matchers) });
  return { combined_validation_context: { default_validation_context: checks, validation_context_sds_secret_config: roots } };
}

/** What the requests themselves say of the server: without a name in the rule, `Host` is asked for and, without names to expect, checked. */
export function upstreamNames(tls: ClientTlsSettings | undefined, inputs: Pick<TransportInputs, 'credentials'>): UpstreamHttp['names'] {
  if (tls === undefined || (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL')) return undefined;
  if (isForGateways(tls, inputs) || nonEmpty(tls.sni) !== undefined) return undefined;
  const checked = (tls.subjectAltNames ?? []).length === 0 && tls.insecureSkipVerify !== true;
  return { auto_sni: true, ...(checked ? { auto_san_validation: true } : {}) };
}

/** Every connection begins with a PROXY header, in front of what else secures it. */
export function withProxyProtocol(fields: TransportFields, settings: TrafficPolicy['proxyProtocol']): TransportFields {
  if (settings === undefined) return fields;
  const wrap = (inner: TransportSocket): TransportSocket => ({
    name: EXTENSION_NAME.upstreamProxyProtocol,
    typed_config: packAny(ANY_TYPE.upstreamProxyProtocol, { config: { version: settings.version ?? 'V1' }, transport_socket: inner }),
  });
  if (fields.transport_socket_matches === undefined) return { transport_socket: wrap(fields.transport_socket ?? RAW_BUFFER) };
  return {
    transport_socket_matches: fields.transport_socket_matches.map((match) => ({
      ...match,
      transport_socket: wrap(match.transport_socket ?? RAW_BUFFER),
    })),
  };
}
