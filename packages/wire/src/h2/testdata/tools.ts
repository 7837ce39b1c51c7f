import { plainBytes } from '../../bytes.ts';
import { HeadBuilder, type HeadMode } from '../head-builder.ts';
import type { HpackDecoder } from '../hpack-decoder.ts';

export const LIMITS = { maxHeaderListBytes: 60 * 1024, maxHeaders: 100, enableConnectProtocol: true };

/** Bytes of text, one per character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** Text of bytes, one character per byte. */
export function textOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}

/** The head that a block gives, or what is wrong with it. */
export function decode(decoder: HpackDecoder, block: Uint8Array, mode: HeadMode = 'request', head = new HeadBuilder(plainBytes, LIMITS)): string {
  const result = decoder.decode(block, 0, block.length, { head, mode });
  return result === 'ok' ? textOf(head.bytes, head.start, head.end) : result;
}
