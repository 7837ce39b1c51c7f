const CONNECT_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'delayed connect error: Connection refused',
  EHOSTUNREACH: 'delayed connect error: No route to host',
  ENETUNREACH: 'immediate connect error: Network is unreachable',
  ETIMEDOUT: 'delayed connect error: Connection timed out',
  ECONNRESET: 'connection reset by peer',
  EADDRNOTAVAIL: 'immediate connect error: Cannot assign requested address',
  EMFILE: 'immediate connect error: Too many open files',
};

/** Envoy's words for why a connection could not be made. */
export function connectFailure(reason: string): string {
  return CONNECT_FAILURES[reason] ?? reason;
}
