/** Ports on which every agent and proxy listens for itself, and for what. */
const PROXY_PORTS: ReadonlyMap<number, string> = new Map([
  [15_000, 'admin'],
  [15_020, 'metrics'],
  [15_021, 'health'],
  [15_053, 'DNS'],
  [15_090, "the proxy's metrics"],
]);

/** Where a sidecar catches connections. */
const CAPTURE_PORTS: ReadonlySet<number> = new Set([15_001, 15_006]);

/** Why a proxy cannot serve this port for others; undefined: it can. */
export function proxyPortFault(port: number): string | undefined {
  const use = PROXY_PORTS.get(port);
  return use === undefined ? undefined : `port ${port} is the proxy's own (${use}); choose another one`;
}

/** The same for a port of a workload beside a sidecar. */
export function sidecarPortFault(port: number): string | undefined {
  return CAPTURE_PORTS.has(port) ? `port ${port} is where the sidecar catches connections; choose another one` : proxyPortFault(port);
}
