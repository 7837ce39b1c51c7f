/** Lower-case names; names ending in `-bin` carry base64. Pseudo headers and HTTP/2's own headers are left out. */
export type GrpcMetadata = Readonly<Record<string, string>>;

/** Where to listen or connect. A Unix socket is made with mode 0600 and unlinked on close. */
export type ListenTarget = { readonly host: string; /** 0 takes a free one. */ readonly port: number } | { readonly socketPath: string };

/** What a listener got. `port` is 0 for a Unix socket. */
export interface Bound {
  readonly address: string;
  readonly port: number;
}

/** PEM texts. Client certificates are requested, verified when given, never demanded: handlers look at `call.peer.principal`. */
export interface TlsServerOptions {
  readonly certificateChain: string;
  readonly privateKey: string;
  /** Roots for client certificates. */
  readonly trustedCa?: string;
}

/** PEM texts. */
export interface TlsClientOptions {
  readonly trustedCa: string;
  readonly certificateChain?: string;
  readonly privateKey?: string;
  /** SNI; default the host when that is a name. */
  readonly serverName?: string;
  /** The server's certificate must carry one of these SPIFFE IDs as a URI SAN; then its DNS names are not looked at. */
  readonly expectedPrincipals?: readonly string[];
}

/** Bounds on hostile input. */
export interface GrpcLimits {
  /** One message, after framing. Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** All header fields of a call. Default 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** Streams open at once per connection. Default 100. */
  readonly maxStreams?: number;
  /** A call that sent no complete first message within this time is ended with DEADLINE_EXCEEDED. Default 30 000. */
  readonly firstMessageTimeoutMs?: number;
  /** Connections held open at once. Default 10 000. */
  readonly maxConnections?: number;
}
