import type { Any, ConfigSource, DataSource, Duration, StringMatcher, TypedExtensionConfig } from './common.ts';

/** `envoy.extensions.transport_sockets.tls.v3.Secret`. Exactly one of the last three is set. */
export interface Secret {
  readonly name: string;
  readonly tls_certificate?: TlsCertificate;
  readonly validation_context?: CertificateValidationContext;
  readonly generic_secret?: { readonly secret?: DataSource };
}

export interface TlsCertificate {
  readonly certificate_chain?: DataSource;
  readonly private_key?: DataSource;
  readonly password?: DataSource;
  readonly ocsp_staple?: DataSource;
}

/** A secret by SDS name; with `sds_config` from there, else a bootstrap secret. */
export interface SdsSecretConfig {
  readonly name: string;
  readonly sds_config?: ConfigSource;
}

export interface CertificateValidationContext {
  readonly trusted_ca?: DataSource;
  readonly verify_certificate_spki?: readonly string[];
  readonly verify_certificate_hash?: readonly string[];
  /** One matching SAN is enough; absent or empty means any. */
  readonly match_typed_subject_alt_names?: readonly SubjectAltNameMatcher[];
  readonly crl?: DataSource;
  readonly allow_expired_certificate?: boolean;
  readonly trust_chain_verification?: 'VERIFY_TRUST_CHAIN' | 'ACCEPT_UNTRUSTED';
  readonly custom_validator_config?: TypedExtensionConfig;
}

export interface SubjectAltNameMatcher {
  readonly san_type?: 'EMAIL' | 'DNS' | 'URI' | 'IP_ADDRESS';
  readonly matcher?: StringMatcher;
}

export type TlsProtocol = 'TLS_AUTO' | 'TLSv1_0' | 'TLSv1_1' | 'TLSv1_2' | 'TLSv1_3';

export interface TlsParameters {
  readonly tls_minimum_protocol_version?: TlsProtocol;
  readonly tls_maximum_protocol_version?: TlsProtocol;
  readonly cipher_suites?: readonly string[];
  readonly ecdh_curves?: readonly string[];
}

export interface CommonTlsContext {
  readonly tls_params?: TlsParameters;
  readonly tls_certificates?: readonly TlsCertificate[];
  readonly tls_certificate_sds_secret_configs?: readonly SdsSecretConfig[];
  /** At most one of the next three is set. */
  readonly validation_context?: CertificateValidationContext;
  readonly validation_context_sds_secret_config?: SdsSecretConfig;
  readonly combined_validation_context?: {
    readonly default_validation_context?: CertificateValidationContext;
    readonly validation_context_sds_secret_config?: SdsSecretConfig;
  };
  readonly alpn_protocols?: readonly string[];
}

/** `envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`: the serving side. */
export interface DownstreamTlsContext {
  readonly common_tls_context?: CommonTlsContext;
  readonly require_client_certificate?: boolean;
  readonly require_sni?: boolean;
  readonly session_timeout?: Duration;
  readonly disable_stateless_session_resumption?: boolean;
  readonly disable_stateful_session_resumption?: boolean;
  readonly full_scan_certs_on_sni_mismatch?: boolean;
}

/** `envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`: the connecting side. */
export interface UpstreamTlsContext {
  readonly common_tls_context?: CommonTlsContext;
  readonly sni?: string;
  readonly allow_renegotiation?: boolean;
  readonly max_session_keys?: number;
  readonly auto_host_sni?: boolean;
  readonly auto_sni_san_validation?: boolean;
}

/** `envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer`. */
export type RawBuffer = Record<string, never>;

/** `envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`. */
export interface ProxyProtocolUpstreamTransport {
  readonly config?: { readonly version?: 'V1' | 'V2' };
  readonly transport_socket?: { readonly name: string; readonly typed_config?: Any };
}
