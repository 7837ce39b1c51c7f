import { MeshError } from '@meltemi/base';
import { parseIp } from '@meltemi/runtime';

/** May nobody be sent to this address, whoever names it? */
export type Denies = (address: string) => boolean;

/** What no client from outside should reach through a proxy: this host, its links (clouds keep their metadata there), everybody at once. */
const LOCAL = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4', '::/96', 'fe80::/10', 'ff00::/8'];
/** Networks of one's own. */
const PRIVATE = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'];
const WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['local', LOCAL],
  ['private', PRIVATE],
]);

interface Range {
  readonly bits: 32 | 128;
  readonly shift: bigint;
  readonly value: bigint;
}

/**
 * Where clients may not lead the proxy by naming a destination: `local`, `private` and ranges (`203.0.113.0/24`), with spaces between them. Throws
 * MeshError `proxy/options` for anything else: what keeps somebody out must not fall away by a slip. undefined = everything may be named.
 */
export function deniedDestinations(text: string | undefined): Denies | undefined {
  const words = (text ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const ranges = words.flatMap((word) => WORDS.get(word) ?? [word]).map(parseRange);
  return (address) => {
    const ip = plainAddress(address);
    // What is no address is none of a client's to name.
    return ip === undefined || ranges.some(({ bits, shift, value }) => bits === ip.bits && ip.value >> shift === value);
  };
}

function parseRange(text: string): Range {
  const [, address = '', length = ''] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = parseIp(address);
  const prefix = length === '' ? (ip?.bits ?? 0) : Number(length);
  if (ip === undefined || prefix > ip.bits) {
    throw new MeshError('proxy/options', `"${text}" is no range of addresses (203.0.113.0/24), and neither "local" nor "private".`);
  }
  const shift = BigInt(ip.bits - prefix);
  return { bits: ip.bits, shift, value: ip.value >> shift };
}

/** IPv4 in the clothes of IPv6 (mapped, NAT64, 6to4) leads where IPv4 leads. */
function plainAddress(address: string): ReturnType<typeof parseIp> {
  const ip = parseIp(address);
  if (ip?.bits !== 128) return ip;
  const high = ip.value >> 32n;
  if (high === 0xffffn || high === 0x64ff9b0000000000000000n) return { bits: 32, value: ip.value & 0xffffffffn };
  return ip.value >> 112n === 0x2002n ? { bits: 32, value: (ip.value >> 80n) & 0xffffffffn } : ip;
}
