import { isIP } from 'node:net';
import type { CompiledCluster, Host, InternalAddress, MetadataStruct, Passthrough, ProxyProtocolOptions, UpstreamTls } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { writeProxyHeader } from '@meltemi/wire';
import type { DialTarget } from '../net/net-port.ts';
import type { ConnectionInfo } from '../types.ts';

/** Protocols of TLS (ALPN) under which HTTP/2 is spoken. */
export const H2_PROTOCOLS: ReadonlySet<string> = new Set(['h2', 'istio-h2']);

/** Whom a connection serves, where it cannot be just anybody. */
export interface Beneficiary {
  /** The client that the upstream is told of. */
  readonly client?: ConnectionInfo | undefined;
  /** The name that its requests call the upstream by; '' = none. */
  readonly name?: string | undefined;
}

/** How to reach a host of a cluster. */
export function dialTarget(worker: Worker, cluster: CompiledCluster, host: Host, { client, name }: Beneficiary = {}): DialTarget {
  const { config } = cluster;
  const { address } = host.endpoint;
  const tls = host.transport.t === 'tls' ? host.transport.tls : undefined;
  return {
    address,
    bindAddress: config.bindAddress,
    tls: tls === undefined ? undefined : worker.tls.client(tls),
    alpn: undefined,
    serverName: tls === undefined ? '' : serverName(tls, host, name ?? ''),
    ...(tls?.sanByRequest === true ? { peerName: name } : {}),
    keepAlive: config.tcpKeepalive === undefined ? undefined : { ...config.tcpKeepalive, timeMs: (config.tcpKeepalive.timeSeconds ?? 7200) * 1000 },
    ...(address.t === 'internal' ? { passed: passedTo(address, host.transport.passthrough) } : {}),
    ...(host.transport.proxyProtocol === undefined ? {} : { preface: proxyHeader(host.transport.proxyProtocol, client) }),
  };
}

/** Metadata that a listener of this process gets with the connection. */
function passedTo({ metadata }: InternalAddress, passthrough: Passthrough | undefined): ReadonlyMap<string, MetadataStruct> | undefined {
  if (passthrough === undefined) return undefined;
  const passed = new Map(Object.entries(passthrough.cluster));
  for (const name of passthrough.host) {
    const values = metadata[name];
    if (values !== undefined) passed.set(name, values);
  }
  return passed;
}

/** Addresses are no server names (RFC 6066). */
function serverName(tls: UpstreamTls, host: Host, name: string): string {
  if (tls.sniByRequest && name !== '' && isIP(name) === 0) return name;
  return tls.sni === '' && tls.sniByHost ? host.endpoint.hostname : tls.sni;
}

/** The name that an authority has, without port and brackets. */
export function nameOf(authority: string): string {
  const lower = authority.toLowerCase();
  const [, bracketed] = /^\[([^\]]*)\](?::\d*)?$/.exec(lower) ?? [];
  if (bracketed !== undefined) return bracketed;
  return isIP(lower) === 0 ? lower.replace(/:\d*$/, '') : lower;
}

/** What the PROXY protocol tells of a client; without one (a health check) that there is none. */
function proxyHeader({ version, passThrough, added }: ProxyProtocolOptions, client: ConnectionInfo | undefined): Uint8Array {
  if (client === undefined) return writeProxyHeader(version, undefined);
  const { remoteAddress, remotePort, originalAddress, originalPort, told } = client;
  const came = told?.tlvs ?? [];
  const passed = passThrough === 'all' ? came : came.filter(({ type }) => passThrough.includes(type));
  return writeProxyHeader(
    version,
    { sourceAddress: remoteAddress, sourcePort: remotePort, destinationAddress: originalAddress, destinationPort: originalPort },
    [...added.map(({ type, value }) => ({ type, value: Buffer.from(value, 'latin1') })), ...passed],
  );
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
