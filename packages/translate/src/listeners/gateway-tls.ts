import type { GatewayServer } from '@meltemi/api';
import { CA_SUFFIX, type MeshConfig } from '@meltemi/model';
import {
  ANY_TYPE,
  EXTENSION_NAME,
  packAny,
  type CertificateValidationContext,
  type CommonTlsContext,
  type SubjectAltNameMatcher,
  type TransportSocket,
} from '@meltemi/protos-types';
import { credentialName, credentialSecret, MESH_ROOTS, OWN_CERTIFICATE } from '../common/ads.ts';
import { defined, filled } from '../common/defined.ts';

/** What a Gateway or a Sidecar says of TLS that ends here. */
export type ServerTls = NonNullable<GatewayServer['tls']>;
type Tls = ServerTls;

/** Modes in which the client is asked for a certificate, and whether it must have one. */
const ASKS: Readonly<Partial<Record<NonNullable<Tls['mode']>, boolean>>> = { MUTUAL: true, ISTIO_MUTUAL: true, OPTIONAL_MUTUAL: false };

/** TLS that ends here: with the mesh's certificates, with credentials of the gateway's namespace, or with files beside the proxy. */
export function terminate(tls: ServerTls, alpn: readonly string[], mesh: MeshConfig): TransportSocket {
  const required = ASKS[tls.mode ?? 'SIMPLE'];
  const ciphers = tls.cipherSuites ?? mesh.gatewayTls.cipherSuites;
  const context: CommonTlsContext = {
    tls_params: { ...versions(tls, mesh), ...(ciphers.length === 0 ? {} : { cipher_suites: ciphers }) },
    ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    tls_certificate_sds_secret_configs: tls.mode === 'ISTIO_MUTUAL' ? [OWN_CERTIFICATE] : certificatesOf(tls).map(credentialSecret),
    ...(required === undefined ? {} : clientChecks(tls, mesh)),
  };
  return {
    name: EXTENSION_NAME.tls,
    typed_config: packAny(ANY_TYPE.downstreamTls, { common_tls_context: context, require_client_certificate: required === true }),
  };
}

/** SDS names of the server's certificates: Secrets, or files beside the gateway. */
function certificatesOf(tls: Tls): readonly string[] {
  const secrets = credentialsOf(tls);
  if (secrets.length > 0) return secrets.map((name) => credentialName(name));
  const files = tls.tlsCertificates ?? (tls.serverCertificate === undefined ? [] : [tls]);
  return files.map(({ serverCertificate = '', privateKey = '' }) => `file-cert:${serverCertificate}~${privateKey}`);
}

/** Names of the Secrets that hold the server's certificates. */
function credentialsOf(tls: Tls): readonly string[] {
  if (tls.credentialNames !== undefined && tls.credentialNames.length > 0) return tls.credentialNames;
  return tls.credentialName === undefined ? [] : [tls.credentialName];
}

const VERSIONS = { TLSV1_0: 'TLSv1_2', TLSV1_1: 'TLSv1_2', TLSV1_2: 'TLSv1_2', TLSV1_3: 'TLSv1_3' } as const;

function versions(tls: Tls, mesh: MeshConfig) {
  const max = tls.maxProtocolVersion === undefined || tls.maxProtocolVersion === 'TLS_AUTO' ? 'TLSv1_3' : VERSIONS[tls.maxProtocolVersion];
  const own = tls.minProtocolVersion === undefined || tls.minProtocolVersion === 'TLS_AUTO' ? undefined : VERSIONS[tls.minProtocolVersion];
  // A default of the mesh must not contradict what a server says of itself.
  const min = own ?? (max === 'TLSv1_2' ? 'TLSv1_2' : mesh.gatewayTls.minVersion);
  return { tls_minimum_protocol_version: min, tls_maximum_protocol_version: max };
}

function clientChecks(tls: Tls, mesh: MeshConfig): CommonTlsContext {
  if (tls.mode === 'ISTIO_MUTUAL') {
    const names = [mesh.trustDomain, ...mesh.trustDomainAliases].map((domain) => sanOf('URI', { prefix: `spiffe://${domain}/` }));
    return checkedBy(MESH_ROOTS, { match_typed_subject_alt_names: names });
  }
  const names = (tls.subjectAltNames ?? []).map((name) => sanOf(typeOf(name), { exact: name }));
  const checks = defined({
    match_typed_subject_alt_names: filled(names),
    verify_certificate_spki: filled(tls.verifyCertificateSpki ?? []),
    verify_certificate_hash: filled(tls.verifyCertificateHash ?? []),
    trust_chain_verification: tls.insecureSkipVerify === true ? ('ACCEPT_UNTRUSTED' as const) : undefined,
  });
  return checkedBy(credentialSecret(trustOf(tls)), checks);
}

/** SDS name of the certificates to trust. */
function trustOf(tls: Tls): string {
  if (tls.caCertificates !== undefined) return `file-root:${tls.caCertificates}${tls.caCrl === undefined ? '' : `~${tls.caCrl}`}`;
  const name = credentialName(tls.caCertCredentialName ?? credentialsOf(tls)[0] ?? '');
  return name.startsWith('configmap://') || name.endsWith(CA_SUFFIX) ? name : `${name}${CA_SUFFIX}`;
}

function sanOf(
  san_type: NonNullable<SubjectAltNameMatcher['san_type']>,
  matcher: NonNullable<SubjectAltNameMatcher['matcher']>,
): SubjectAltNameMatcher {
  return { san_type, matcher };
}

function typeOf(name: string): NonNullable<SubjectAltNameMatcher['san_type']> {
  if (name.includes('://')) return 'URI';
  if (name.includes('@')) return 'EMAIL';
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.includes(':') ? 'IP_ADDRESS' : 'DNS';
}

function checkedBy(roots: typeof MESH_ROOTS, checks: CertificateValidationContext): CommonTlsContext {
  return { combined_validation_context: { default_validation_context: checks, validation_context_sds_secret_config: roots } };
}
