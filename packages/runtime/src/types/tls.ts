import type { StringMatch, TlvChoice } from './common.ts';
import type { MetadataStruct } from './struct.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Where a certificate or trust bundle comes from: a secret by name (SDS), or the PEM text in the configuration itself. */
export type TlsSource<Inline> = { readonly t: 'sds'; readonly name: string } | ({ readonly t: 'inline' } & Inline);

export interface InlineCertificate {
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface InlineTrust {
  /** PEM bundle; absent = no certificate check unless a secret gives one. */
  readonly trustedCa?: string;
  /** Revoked certificates, PEM. */
  readonly crl?: string;
}

/** One `match_typed_subject_alt_names` entry. */
export interface SanMatch {
  readonly type: 'uri' | 'dns' | 'email' | 'ip';
  readonly match: StringMatch;
}

/** What both directions of TLS share. */
export interface CommonTls {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL cipher names for TLS 1.2; empty = default. */
  readonly cipherSuites: readonly string[];
  /** Groups for the exchange of keys, best first; empty = default. */
  readonly curves: readonly string[];
  readonly certificate?: TlsSource<InlineCertificate>;
  /** Further ones with keys of another type (RSA beside ECDSA): the peer's abilities choose. Servers only. */
  readonly moreCertificates: readonly TlsSource<InlineCertificate>[];
  readonly trust?: TlsSource<InlineTrust>;
  /** The peer must show at least one of these; empty = any name. The check is due on resumed sessions too. */
  readonly subjectAltNames: readonly SanMatch[];
  /** The peer must show one of these certificates or keys; empty = any. Lower-case hexadecimal SHA-256. */
  readonly pins: { readonly certificates: readonly string[]; readonly keys: readonly string[] };
  /** `ACCEPT_UNTRUSTED`: the chain is not verified (never for a mesh identity). */
  readonly acceptUntrusted: boolean;
  readonly alpnProtocols: readonly string[];
}

export interface DownstreamTls extends CommonTls {
  readonly requireClientCertificate: boolean;
  /** Tickets by which a client resumes its session later (stateful sessions are never kept). */
  readonly resumes: boolean;
  /** How long a session may be resumed; 0 = default. */
  readonly sessionTimeoutMs: number;
  /** The client's order of ciphers counts, not ours. */
  readonly clientOrder: boolean;
}

export interface UpstreamTls extends CommonTls {
  /** Server name to send; empty = none. */
  readonly sni: string;
  /** The host's name is sent when `sni` is empty (auto_host_sni). */
  readonly sniByHost: boolean;
  /** What is sent as server name has to be the peer's own (auto_sni_san_validation). */
  readonly sanBySni: boolean;
  /** The authority of a request goes as server name, whatever else is said (auto_sni of HttpProtocolOptions). Its connection serves only requests of the same. */
  readonly sniByRequest: boolean;
  /** The authority of a request has to be a name of the peer (auto_san_validation of HttpProtocolOptions). */
  readonly sanByRequest: boolean;
  /** So many sessions are kept to be resumed; 0 = none. */
  readonly maxSessions: number;
}

/** `raw` = plain bytes. */
export type UpstreamTransport = ({ readonly t: 'raw' } | { readonly t: 'tls'; readonly tls: UpstreamTls }) & {
  /** A header of the PROXY protocol goes first, with the addresses of the client. */
  readonly proxyProtocol?: ProxyProtocolOptions;
  /** What a listener of this process is told of the host, and of the cluster: metadata by namespace. */
  readonly passthrough?: Passthrough;
};

/** Metadata that is handed over to a listener of this process. */
export interface Passthrough {
  readonly host: readonly string[];
  readonly cluster: Readonly<Record<string, MetadataStruct>>;
}

/** How an upstream is told of a client. */
export interface ProxyProtocolOptions {
  readonly version: 1 | 2;
  /** Extensions of the header that the client came with, which go on. */
  readonly passThrough: TlvChoice;
  /** Extensions that go with every header; bytes as characters. */
  readonly added: readonly { readonly type: number; readonly value: string }[];
}
