import type { CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { writeProxyHeader } from '@meltemi/wire';
import type { DialTarget } from '../net/net-port.ts';
import type { ConnectionInfo } from '../types.ts';

/** Protocols of TLS (ALPN) under which HTTP/2 is spoken. */
export const H2_PROTOCOLS: ReadonlySet<string> = new Set(['h2', 'istio-h2']);

/** How to reach a host of a cluster. */
export function dialTarget(worker: Worker, cluster: CompiledCluster, host: Host, client?: ConnectionInfo): DialTarget {
  const { config } = cluster;
  const tls = host.transport.t === 'tls' ? host.transport.tls : undefined;
  const serverName = tls === undefined ? '' : tls.sni === '' && tls.autoSni ? host.endpoint.hostname : tls.sni;
  return {
    address: host.endpoint.address,
    bindAddress: config.bindAddress,
    tls: tls === undefined ? undefined : worker.tls.client(tls),
    alpn: undefined,
    serverName,
    keepAlive: config.tcpKeepalive === undefined ? undefined : { ...config.tcpKeepalive, timeMs: (config.tcpKeepalive.timeSeconds ?? 7200) * 1000 },
    ...(host.transport.proxyProtocol === undefined ? {} : { preface: proxyHeader(host.transport.proxyProtocol, client) }),
  };
}

/** What the PROXY protocol tells of a client; without one (a health check) that there is none. */
function proxyHeader(version: 1 | 2, client: ConnectionInfo | undefined): Uint8Array {
  if (client === undefined) return writeProxyHeader(version, undefined);
  const { remoteAddress, remotePort, originalAddress, originalPort } = client;
  return writeProxyHeader(version, {
    sourceAddress: remoteAddress,
    sourcePort: remotePort,
    destinationAddress: originalAddress,
    destinationPort: originalPort,
  });
}

const HTTP1 = new Set(['http/1.1', 'http/1.0', 'istio-http/1.1', 'istio-http/1.0']);

/** The same for HTTP: TLS offers only protocols (ALPN) that can be spoken then. */
export function httpTarget(target: DialTarget, speaks: 'http1' | 'http2' | 'auto'): DialTarget {
  const offered = target.tls?.tls.alpnProtocols;
  if (offered === undefined) return target;
  if (speaks === 'http1') return { ...target, alpn: offered.filter((name) => !H2_PROTOCOLS.has(name) && name !== 'h3') };
  if (speaks === 'auto') return { ...target, alpn: offered.length === 0 ? ['h2', 'http/1.1'] : offered };
  const usable = offered.filter((name) => !HTTP1.has(name));
  return { ...target, alpn: usable.length === 0 ? ['h2'] : usable };
}
