import { isHttp, isHttp2, type Protocol } from '@meltemi/model';

/** How a port is proxied on a node: with an HTTP connection manager (1.1 or 2), or as bytes. */
export type WireProtocol = 'http' | 'http2' | 'tcp';

/**
 * How a port's protocol is proxied. Ports that say nothing (`unknown`) pass as bytes: sniffing needs ALPN per request, which stock Envoy's mesh TLS
 * cannot do.
 */
export function wireProtocol(protocol: Protocol): WireProtocol {
  if (!isHttp(protocol)) return 'tcp';
  return isHttp2(protocol) ? 'http2' : 'http';
}
