import { isHttp, isHttp2, type Protocol, type ProxyNode } from '@meltemi/model';

/** How a port is proxied on a node: with an HTTP connection manager (1.1 or 2), or as bytes. */
export type WireProtocol = 'http' | 'http2' | 'tcp';

/**
 * The protocol a node can give a port. Our own proxy speaks HTTP/1.1 only so far: HTTP/2 passes it as bytes, with mutual TLS all the same. Ports
 * that say nothing (`unknown`) pass as bytes too: sniffing needs ALPN per request, which stock Envoy's mesh TLS cannot do.
 */
export function wireProtocol(protocol: Protocol, dataPlane: ProxyNode['dataPlane']): WireProtocol {
  if (!isHttp(protocol)) return 'tcp';
  if (!isHttp2(protocol)) return 'http';
  return dataPlane === 'embedded' ? 'tcp' : 'http2';
}
