import { parseIp } from './compile/cidr.ts';

/** An address with only so many bits of it: `10.1.0.0/16`. */
export function maskAddress(address: string, prefixLength: number): string {
  const ip = parseIp(address);
  if (ip === undefined) return address;
  const bits = Math.min(prefixLength, ip.bits);
  const dropped = BigInt(ip.bits - bits);
  const kept = (ip.value >> dropped) << dropped;
  return `${ip.bits === 32 ? textV4(kept) : textV6(kept)}/${bits}`;
}

function textV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}

/** RFC 5952: small letters, and the first of the longest runs of zeros left out. */
function textV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  let [start, length] = [0, 0];
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (groups[end] === '0') end++;
    if (end - at > length) [start, length] = [at, end - at];
  }
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}
