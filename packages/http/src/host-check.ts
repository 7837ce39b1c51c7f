import { isIP } from 'node:net';

/**
 * Whether a `Host` header names this server. A page of another site can make its own DNS name point at 127.0.0.1 (DNS rebinding) and
 * then read as if it were local; its requests carry that name. IP addresses cannot be rebound, and `localhost` names are local by RFC 6761.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return false;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+))(?::\d{1,5})?$/.exec(header);
  if (match === null) return false;
  const name = (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '');
  if (match[1] !== undefined) return isIP(name) === 6;
  return isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost') || names.some((own) => own.toLowerCase() === name);
}

/** True for an address of this machine's loopback interface, also in the IPv4-mapped form. */
export function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}
