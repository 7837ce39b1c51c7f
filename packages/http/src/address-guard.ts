import { BlockList, isIP } from 'node:net';
import { MeshError } from '@meltemi/base';

/** Where clouds tell a machine its own secrets, and link-local addresses altogether; also as IPv4 addresses inside IPv6 ones (NAT64, 6to4). */
export const METADATA_ADDRESSES: readonly string[] = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '64:ff9b::a9fe:0/112',
  '2002:a9fe::/32',
];

/** Says of an IP address (as text, of a literal or of a lookup) whether it may be called: one that is no address may not. */
export type AddressGuard = (address: string) => boolean;

/** Refuses addresses of these ranges (`10.0.0.0/8`, `fd00::/8`, or single ones). Throws MeshError `http/bad-range`. */
export function createAddressGuard(ranges: readonly string[]): AddressGuard {
  const blocked = new BlockList();
  for (const range of ranges) {
    const { address, length, family } = parseAddressRange(range);
    blocked.addSubnet(address, length, family);
  }
  return (text) => {
    // A lookup may name the interface of a link-local address.
    const address = text.split('%', 1)[0] ?? '';
    const version = isIP(address);
    return version !== 0 && !blocked.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** A range of IP addresses, or a single one. Throws MeshError `http/bad-range`. */
export function parseAddressRange(text: string): { readonly address: string; readonly length: number; readonly family: 'ipv4' | 'ipv6' } {
  const [address = '', bits] = text.trim().split('/');
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const length = bits === undefined ? longest : Number(bits);
  if (version === 0 || !Number.isInteger(length) || bits === '' || length < 0 || length > longest)
    throw new MeshError('http/bad-range', `"${text}" is no range of IP addresses, such as 10.0.0.0/8`);
  return { address, length, family: version === 4 ? 'ipv4' : 'ipv6' };
}
