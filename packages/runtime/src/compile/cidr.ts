import type { CidrRange } from '../types/common.ts';

/** An IP address as a number of 32 or 128 bits; undefined when the text is none. IPv4-mapped IPv6 counts as IPv4. */
export function parseIp(text: string): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped !== null) return parseIp(mapped[1] ?? '');
  const value = parseV6(bare);
  return value === undefined ? undefined : { bits: 128, value };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const plain = withoutDots(text);
  if (plain === undefined) return undefined;
  const groups = expandGroups(plain);
  if (groups === undefined) return undefined;
  let value = 0n;
  for (const group of groups) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

/** `::1.2.3.4` → `::102:304`. */
function withoutDots(text: string): string | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted === null) return text;
  const tail = parseV4(dotted[2] ?? '');
  return tail === undefined ? undefined : `${dotted[1] ?? ''}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
}

/** The eight groups, with those that `::` stands for. */
function expandGroups(text: string): readonly string[] | undefined {
  const [left = '', right, extra] = text.split('::');
  if (extra !== undefined) return undefined;
  const split = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const head = split(left);
  if (right === undefined) return head.length === 8 ? head : undefined;
  const end = split(right);
  const missing = 8 - head.length - end.length;
  return missing < 1 ? undefined : [...head, ...Array.from({ length: missing }, () => '0'), ...end];
}

/** Values by address range; `find` gives the value of the longest range that holds the address. */
export interface CidrTable<T> {
  find(address: string): T | undefined;
}

/** `any` is the value for addresses that no range holds. */
export function cidrTable<T>(ranges: Iterable<readonly [CidrRange, T]>, any: T | undefined): CidrTable<T> {
  const entries: { bits: number; value: bigint; length: number; item: T }[] = [];
  for (const [range, item] of ranges) {
    const ip = parseIp(range.address);
    if (ip === undefined) continue;
    const length = Math.min(range.prefixLength, ip.bits);
    entries.push({ bits: ip.bits, value: ip.value >> BigInt(ip.bits - length), length, item });
  }
  if (entries.length === 0) return { find: () => any };
  entries.sort((a, b) => b.length - a.length);
  return {
    find(address) {
      const ip = parseIp(address);
      if (ip === undefined) return any;
      return entries.find((entry) => entry.bits === ip.bits && ip.value >> BigInt(ip.bits - entry.length) === entry.value)?.item ?? any;
    },
  };
}

/** `10.1.2.3` with 16 bits kept → `10.1.0.0/16`; undefined = no IP address. */
export function maskAddress(address: string, v4Bits: number, v6Bits: number): string | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const length = ip.bits === 32 ? v4Bits : v6Bits;
  const rest = BigInt(ip.bits - length);
  const kept = (ip.value >> rest) << rest;
  return `${ip.bits === 32 ? formatV4(kept) : formatV6(kept)}/${length}`;
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

/** With the longest run of zero groups as `::` (RFC 5952). */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  const runs = [...groups.join(':').matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].map(([text]) => text);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(':');
  const at = text === longest ? 0 : text.startsWith(`${longest}:`) ? 0 : text.indexOf(`:${longest}`) + 1;
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
