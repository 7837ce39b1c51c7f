import { maskAddress } from '@meltemi/runtime';
import { hostPort } from '../net/addresses.ts';
import type { StreamInfo } from '../types.ts';

type Value = string | number | undefined;
type Getter = (info: StreamInfo) => Value;

const bare = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
const port = (address: string): Value => (address === '' ? undefined : Number(address.slice(address.lastIndexOf(':') + 1)));
const hostName = ({ host, upstreamRemote }: StreamInfo): string => (host?.endpoint.hostname ?? '') || upstreamRemote;

/** Who talks to whom. */
export const ADDRESS_OPERATORS: Readonly<Record<string, Getter>> = {
  UPSTREAM_HOST: (info) => info.upstreamRemote,
  UPSTREAM_HOST_NAME: hostName,
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (info) => hostName(info).replace(/:\d+$/, ''),
  UPSTREAM_HOSTS_ATTEMPTED: (info) => attempted(info).join(','),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: (info) => attempted(info).map(bare).join(','),
  UPSTREAM_REMOTE_ADDRESS: (info) => info.upstreamRemote,
  UPSTREAM_REMOTE_PORT: (info) => port(info.upstreamRemote),
  UPSTREAM_LOCAL_ADDRESS: (info) => info.upstreamLocal,
  UPSTREAM_LOCAL_PORT: (info) => port(info.upstreamLocal),
  DOWNSTREAM_LOCAL_ADDRESS: (info) => info.connection.local,
  DOWNSTREAM_LOCAL_PORT: (info) => info.connection.originalPort,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: ({ connection }) => hostPort(connection.localAddress, connection.localPort),
  DOWNSTREAM_DIRECT_LOCAL_PORT: (info) => info.connection.localPort,
  DOWNSTREAM_REMOTE_ADDRESS: (info) => info.connection.remote,
  DOWNSTREAM_REMOTE_PORT: (info) => info.connection.remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ connection }) => hostPort(connection.directAddress, connection.directPort),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (info) => info.connection.directPort,
};

const BARE_ADDRESSES: Readonly<Record<string, (info: StreamInfo) => string>> = {
  UPSTREAM_REMOTE_ADDRESS: (info) => bare(info.upstreamRemote),
  UPSTREAM_LOCAL_ADDRESS: (info) => bare(info.upstreamLocal),
  DOWNSTREAM_LOCAL_ADDRESS: (info) => info.connection.originalAddress,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: (info) => info.connection.localAddress,
  DOWNSTREAM_REMOTE_ADDRESS: (info) => info.connection.remoteAddress,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (info) => info.connection.directAddress,
};

const ENDING = '_WITHOUT_PORT';

/** `%…_ADDRESS_WITHOUT_PORT(16)%`; undefined = another operator. */
export function bareAddress(operator: string, argument: string): Getter | undefined {
  const read = operator.endsWith(ENDING) ? BARE_ADDRESSES[operator.slice(0, -ENDING.length)] : undefined;
  if (read === undefined || argument === '') return read;
  const bits = Number(argument);
  return (info) => {
    const address = read(info);
    return address === '' ? undefined : maskAddress(address, bits);
  };
}

function attempted({ hostsBefore, upstreamRemote }: StreamInfo): readonly string[] {
  return [...(hostsBefore ?? []), upstreamRemote].filter((address) => address !== '');
}
