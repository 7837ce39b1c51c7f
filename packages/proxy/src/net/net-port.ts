import type { EndpointAddress, MetadataStruct } from '@meltemi/runtime';
import type { TlsInfo, Transport, TransportHandler } from '../types.ts';
import type { TlsClient } from './tls-client.ts';

/** Where and how to connect. */
export interface DialTarget {
  readonly address: EndpointAddress;
  /** Local address to leave from. */
  readonly bindAddress: string | undefined;
  readonly tls: TlsClient | undefined;
  /** Protocols that TLS offers, where the configuration's own list is not the one. */
  readonly alpn: readonly string[] | undefined;
  /** SNI; '' = none. */
  readonly serverName: string;
  /** A name that the server has to show besides what its TLS settings ask for. */
  readonly peerName?: string | undefined;
  readonly keepAlive: KeepAlive | undefined;
  /** Plain bytes that go first, before TLS: a header of the PROXY protocol. */
  readonly preface?: Uint8Array | undefined;
  /** What a listener of this process is told. */
  readonly passed?: ReadonlyMap<string, MetadataStruct> | undefined;
}

/** Probes on a connection that is silent; absent fields are the system's. */
export interface KeepAlive {
  readonly timeMs: number;
  readonly intervalSeconds?: number;
  readonly probes?: number;
}

/** What is known once a dialled connection stands, TLS handshake included. */
export interface DialedInfo {
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: TlsInfo | undefined;
}

/** Hears about a connection that was dialled. Before `onConnect` only `onClose` can come: then the connection failed. */
export interface DialHandler extends TransportHandler {
  onConnect(info: DialedInfo): void;
}

/** Makes connections: the part of a transport implementation that pools need. */
export interface Dialer {
  /** The transport may be destroyed at any time; it must not be written to before `onConnect`. */
  dial(target: DialTarget, handler: DialHandler): Transport;
}
