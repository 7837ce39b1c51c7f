import { LOWER } from './tables.ts';

/** ASCII text as bytes. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Is `bytes[start, end)` this lower-case text, in any case? */
export function matches(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) if (LOWER[bytes[start + i] as number] !== lower[i]) return false;
  return true;
}
