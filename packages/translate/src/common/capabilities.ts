import { isHttp, isHttp2, type Protocol } from '@meltemi/model';

/** How a port is proxied: with an HTTP connection manager (1.1 or 2), as bytes, or (`sniffed`) as the first bytes of each connection tell. */
export type WireProtocol = 'http' | 'http2' | 'tcp' | 'sniffed';

/** How a port's protocol is proxied. Ports that say nothing (`unknown`) are looked at. */
export function wireProtocol(protocol: Protocol): WireProtocol {
  if (protocol === 'unknown') return 'sniffed';
  if (!isHttp(protocol)) return 'tcp';
  return isHttp2(protocol) ? 'http2' : 'http';
}
