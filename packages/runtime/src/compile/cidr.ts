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
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted === null ? undefined : parseV4(dotted[2] ?? '');
  if (dotted !== null && tail === undefined) return undefined;
  const plain = tail === undefined ? text : `${dotted?.[1] ?? ''}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const [left = '', right, extra] = plain.split('::');
  if (extra !== undefined) return undefined;
  const head = left === '' ? [] : left.split(':');
  const end = right === undefined || right === '' ? [] : right.split(':');
  const missing = 8 - head.length - end.length;
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array.from({ length: missing }, () => '0'), ...end]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
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

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}
