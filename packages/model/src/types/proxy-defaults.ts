/** TCP keepalive of upstream connections, durations as Istio writes them. */
export interface TcpKeepaliveSettings {
  readonly probes?: number;
  readonly time?: string;
  readonly interval?: string;
}

/** What TLS contexts have in common. */
export interface MeshTls {
  readonly minVersion: 'TLSv1_2' | 'TLSv1_3';
  /** Of TLS 1.2; empty: the TLS library's. */
  readonly cipherSuites: readonly string[];
}

/** What becomes of `x-forwarded-client-cert`. */
export interface ClientCertificates {
  readonly forward: 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';
  readonly details: { readonly subject: boolean; readonly cert: boolean; readonly dns: boolean; readonly uri: boolean };
}

/** How a proxy is started. */
export interface ProxyDefaults {
  /** Threads; 0: one for each processor; undefined: the data plane's own choice. */
  readonly concurrency: number | undefined;
  /** Environment variables of the proxy. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long requests may run on when the workload is told to end; undefined: the agent's own time. */
  readonly terminationDrainMs: number | undefined;
  /** How long connections of a configuration that is gone may go on; undefined: 45 s. */
  readonly drainMs: number | undefined;
}
