import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

const MAX_NAMESERVERS = 3;

/** Addresses of the `nameserver` lines, at most three as in libc. A missing file gives none. */
export function readNameservers(file = '/etc/resolv.conf'): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const found = text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return found.filter((address) => isIP(address) !== 0).slice(0, MAX_NAMESERVERS);
}
