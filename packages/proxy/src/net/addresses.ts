import type { Socket } from 'node:net';
import { parseAddress } from '@meltemi/runtime';
import type { ProxyAddresses } from '@meltemi/wire';
import type { ConnectionInfo, TlsInfo, ToldByProxy } from '../types.ts';
import type { InternalPeer } from './internal-socket.ts';
import type { Destination } from './original-dst.ts';

/** `127.0.0.1:80`, `[::1]:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** IPv4 clients of a dual-stack socket are shown as IPv4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** The facts of an accepted connection. */
export function connectionInfo(socket: Socket, original: Destination | undefined): ConnectionInfo {
  const localAddress = plainAddress(socket.localAddress);
  const localPort = socket.localPort ?? 0;
  const remoteAddress = plainAddress(socket.remoteAddress);
  const remotePort = socket.remotePort ?? 0;
  const originalAddress = original === undefined ? localAddress : plainAddress(original.address);
  const originalPort = original?.port ?? localPort;
  return {
    localAddress,
    localPort,
    remoteAddress,
    remotePort,
    directAddress: remoteAddress,
    directPort: remotePort,
    originalAddress,
    originalPort,
    local: hostPort(originalAddress, originalPort),
    remote: hostPort(remoteAddress, remotePort),
    serverName: '',
    tls: undefined,
    told: undefined,
  };
}

const ORIGINAL_DST = 'envoy.filters.listener.original_dst';

/** The facts of a connection from inside the process; with `original` its metadata may tell where it was meant to go. */
export function internalInfo({ address, metadata }: InternalPeer, original: boolean): ConnectionInfo {
  const told = original ? metadata.get(ORIGINAL_DST)?.['local'] : undefined;
  const destination = typeof told === 'string' ? parseAddress(told) : undefined;
  return {
    localAddress: '',
    localPort: 0,
    remoteAddress: '',
    remotePort: 0,
    directAddress: '',
    directPort: 0,
    originalAddress: destination?.address ?? '',
    originalPort: destination?.port ?? 0,
    local: destination === undefined ? address : hostPort(destination.address, destination.port),
    remote: 'envoy://internal_client_address/',
    serverName: '',
    tls: undefined,
    told: metadata.size === 0 ? undefined : { tlvs: [], metadata },
  };
}

/** The same connection, once its TLS facts are known. */
export function withTls(info: ConnectionInfo, serverName: string, tls: TlsInfo | undefined): ConnectionInfo {
  return { ...info, serverName, tls };
}

/** The same connection, as the proxy in front tells of it. */
export function withProxied(info: ConnectionInfo, addresses: ProxyAddresses, told: ToldByProxy | undefined): ConnectionInfo {
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = addresses;
  return {
    ...info,
    told,
    remoteAddress: sourceAddress,
    remotePort: sourcePort,
    originalAddress: destinationAddress,
    originalPort: destinationPort,
    local: hostPort(destinationAddress, destinationPort),
    remote: hostPort(sourceAddress, sourcePort),
  };
}
