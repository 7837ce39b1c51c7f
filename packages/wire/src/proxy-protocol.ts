/**
 * The PROXY protocol, versions 1 (text) and 2 (binary): how a proxy in front tells the addresses of the client (HAProxy's specification, 2020/03/05). Reading
 * never throws; what is not exactly well-formed is refused.
 */

/** The two ends of the connection that the header speaks of. */
export interface ProxyAddresses {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

/** An extension of version 2. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/**
 * `more`: not enough bytes to tell. `none`: these bytes do not begin a header. `header`: it ends before `end`; without `addresses` it is a check by the proxy
 * itself (LOCAL), or says nothing of the client (UNKNOWN): the connection's own addresses count.
 */
export type ProxyHeader =
  | { readonly t: 'more' }
  | { readonly t: 'none' }
  | { readonly t: 'refused'; readonly reason: string }
  | {
      readonly t: 'header';
      readonly version: 1 | 2;
      readonly end: number;
      readonly addresses: ProxyAddresses | undefined;
      readonly tlvs: readonly ProxyTlv[];
    };

const MORE: ProxyHeader = { t: 'more' };
const NONE: ProxyHeader = { t: 'none' };
const SIGNATURE_1 = Uint8Array.from('PROXY ', (character) => character.charCodeAt(0));
const SIGNATURE_2 = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
/** The longest line of version 1, with its end. */
const MAX_LINE = 107;
const FIXED_BYTES = 16;
const CR = 13;
const LF = 10;

const refused = (reason: string): ProxyHeader => ({ t: 'refused', reason });

/** Reads the header at the beginning of `bytes[0, length)`. */
export function readProxyHeader(bytes: Uint8Array, length: number): ProxyHeader {
  if (length === 0) return MORE;
  if (begins(bytes, length, SIGNATURE_2)) return length < FIXED_BYTES ? MORE : readVersion2(bytes, length);
  if (begins(bytes, length, SIGNATURE_1)) return length < SIGNATURE_1.length ? MORE : readVersion1(bytes, length);
  return NONE;
}

/** Could these bytes be the beginning of a signature, or do they hold it? */
function begins(bytes: Uint8Array, length: number, signature: Uint8Array): boolean {
  const upTo = Math.min(length, signature.length);
  for (let at = 0; at < upTo; at++) if (bytes[at] !== signature[at]) return false;
  return true;
}

// --------------------------------------------------------------------------------------------------------------- version 1

function readVersion1(bytes: Uint8Array, length: number): ProxyHeader {
  const limit = Math.min(length, MAX_LINE);
  let text = '';
  for (let at = SIGNATURE_1.length; at < limit; at++) {
    const byte = bytes[at] as number;
    if (byte === CR) {
      if (at + 2 > MAX_LINE) return refused('the line is too long');
      if (at + 1 >= length) return MORE;
      return bytes[at + 1] === LF ? parseLine(text, at + 2) : refused('the line does not end in CR LF');
    }
    if (byte < 32 || byte > 126) return refused('the line holds a control character');
    text += String.fromCharCode(byte);
  }
  return length >= MAX_LINE ? refused('the line is too long') : MORE;
}

function parseLine(text: string, end: number): ProxyHeader {
  const parts = text.split(' ');
  const [family] = parts;
  // What follows UNKNOWN is of no meaning.
  if (family === 'UNKNOWN') return { t: 'header', version: 1, end, addresses: undefined, tlvs: [] };
  if (family !== 'TCP4' && family !== 'TCP6') return refused('the family is neither TCP4, TCP6 nor UNKNOWN');
  if (parts.length !== 5) return refused('two addresses and two ports are needed');
  const addresses = parseAddresses(parts as [string, string, string, string, string], family === 'TCP4' ? plainIpv4 : plainIpv6);
  return addresses === undefined ? refused('an address or port is malformed') : { t: 'header', version: 1, end, addresses, tlvs: [] };
}

function parseAddresses(
  [, source, destination, sourcePort, destinationPort]: readonly [string, string, string, string, string],
  plain: (text: string) => string | undefined,
): ProxyAddresses | undefined {
  const sourceAddress = plain(source);
  const destinationAddress = plain(destination);
  if (sourceAddress === undefined || destinationAddress === undefined || !isPort(sourcePort) || !isPort(destinationPort)) return undefined;
  return { sourceAddress, sourcePort: Number(sourcePort), destinationAddress, destinationPort: Number(destinationPort) };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function plainIpv4(text: string): string | undefined {
  return isIpv4(text) ? text : undefined;
}

/** The eight groups of an address in text, undefined when it is none. A dotted tail is not written by proxies, and refused. */
function groupsOf(text: string): readonly number[] | undefined {
  if (!/^[0-9a-fA-F:]{2,39}$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) ? groups.map((group) => parseInt(group, 16)) : undefined;
}

function plainIpv6(text: string): string | undefined {
  const groups = groupsOf(text);
  return groups === undefined ? undefined : formatGroups(groups);
}

// --------------------------------------------------------------------------------------------------------------- version 2

const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
/** Address family and transport: TCP over IPv4 and IPv6. */
const TCP4 = 0x11;
const TCP6 = 0x21;

function readVersion2(bytes: Uint8Array, length: number): ProxyHeader {
  const family = bytes[13] as number;
  const end = FIXED_BYTES + uint16(bytes, 14);
  const version = (bytes[12] as number) >> 4;
  const command = (bytes[12] as number) & 0x0f;
  if (version !== 2) return refused(`version ${version} is not known`);
  if (command !== COMMAND_LOCAL && command !== COMMAND_PROXY) return refused(`command ${command} is not known`);
  const fault = command === COMMAND_PROXY ? familyFault(family, end) : undefined;
  if (fault !== undefined) return refused(fault);
  if (length < end) return MORE;
  // Of a check by the proxy itself, and of a family that is not told, addresses and extensions say nothing.
  if (command === COMMAND_LOCAL || family === 0) return { t: 'header', version: 2, end, addresses: undefined, tlvs: [] };
  const tlvs = readTlvs(bytes, FIXED_BYTES + sizeOf(family), end);
  if (tlvs === undefined) return refused('an extension is longer than the header');
  return { t: 'header', version: 2, end, addresses: addressesOf(bytes, family), tlvs };
}

function familyFault(family: number, end: number): string | undefined {
  if (family !== 0 && sizeOf(family) === 0) return `address family and transport 0x${family.toString(16)} are not served`;
  return end < FIXED_BYTES + sizeOf(family) ? 'the addresses do not fit into the header' : undefined;
}

/** Bytes that both addresses and ports take. */
function sizeOf(family: number): number {
  if (family === TCP4) return 12;
  return family === TCP6 ? 36 : 0;
}

function addressesOf(bytes: Uint8Array, family: number): ProxyAddresses | undefined {
  if (family !== TCP4 && family !== TCP6) return undefined;
  const size = family === TCP4 ? 4 : 16;
  const address = family === TCP4 ? ipv4At : ipv6At;
  const ports = FIXED_BYTES + 2 * size;
  return {
    sourceAddress: address(bytes, FIXED_BYTES),
    sourcePort: uint16(bytes, ports),
    destinationAddress: address(bytes, FIXED_BYTES + size),
    destinationPort: uint16(bytes, ports + 2),
  };
}

function readTlvs(bytes: Uint8Array, start: number, end: number): readonly ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  let at = start;
  while (at < end) {
    const from = at + 3;
    if (from > end) return undefined;
    const to = from + uint16(bytes, at + 1);
    if (to > end) return undefined;
    tlvs.push({ type: bytes[at] as number, value: Uint8Array.from(bytes.subarray(from, to)) });
    at = to;
  }
  return tlvs;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function ipv4At(bytes: Uint8Array, at: number): string {
  return `${bytes[at] as number}.${bytes[at + 1] as number}.${bytes[at + 2] as number}.${bytes[at + 3] as number}`;
}

function ipv6At(bytes: Uint8Array, at: number): string {
  return formatGroups(Array.from({ length: 8 }, (_, index) => uint16(bytes, at + 2 * index)));
}

/** RFC 5952: small letters, the longest run of zero groups left out. */
function formatGroups(groups: readonly number[]): string {
  let best = 0;
  let from = -1;
  for (let at = 0; at < groups.length; at++) {
    let run = 0;
    while (groups[at + run] === 0) run++;
    if (run > best && run > 1) [best, from] = [run, at];
    at += run;
  }
  const text = (list: readonly number[]): string => list.map((group) => group.toString(16)).join(':');
  return from < 0 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + best))}`;
}

// ----------------------------------------------------------------------------------------------------------------- writing

/** The header for these addresses; without them, one that says nothing of the client. Both addresses must be of one family. */
export function writeProxyHeader(version: 1 | 2, addresses: ProxyAddresses | undefined, tlvs: readonly ProxyTlv[] = []): Uint8Array {
  return version === 1 ? writeVersion1(addresses) : writeVersion2(addresses, tlvs);
}

function writeVersion1(addresses: ProxyAddresses | undefined): Uint8Array {
  if (addresses === undefined) return latin1('PROXY UNKNOWN\r\n');
  const { sourceAddress, destinationAddress, sourcePort, destinationPort } = addresses;
  const family = sourceAddress.includes(':') ? 'TCP6' : 'TCP4';
  if ((family === 'TCP6') !== destinationAddress.includes(':')) return latin1('PROXY UNKNOWN\r\n');
  return latin1(`PROXY ${family} ${sourceAddress} ${destinationAddress} ${sourcePort} ${destinationPort}\r\n`);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function writeVersion2(addresses: ProxyAddresses | undefined, tlvs: readonly ProxyTlv[]): Uint8Array {
  const source = addresses === undefined ? undefined : addressBytes(addresses.sourceAddress);
  const destination = addresses === undefined ? undefined : addressBytes(addresses.destinationAddress);
  const known = addresses !== undefined && source !== undefined && destination !== undefined && source.length === destination.length;
  const body = known ? [...source, ...destination, ...pair(addresses.sourcePort), ...pair(addresses.destinationPort)] : [];
  if (known) for (const { type, value } of tlvs) body.push(type, ...pair(value.length), ...value);
  const command = known ? COMMAND_PROXY : COMMAND_LOCAL;
  const family = !known ? 0 : source.length === 4 ? TCP4 : TCP6;
  return Uint8Array.from([...SIGNATURE_2, 0x20 | command, family, ...pair(body.length), ...body]);
}

function pair(value: number): readonly [number, number] {
  return [value >> 8, value & 0xff];
}

function addressBytes(address: string): readonly number[] | undefined {
  if (isIpv4(address)) return address.split('.').map(Number);
  return groupsOf(address)?.flatMap(pair);
}
