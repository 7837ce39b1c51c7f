/** 1 for characters of a token (RFC 9110 section 5.6.2): header names and methods. */
export const TOKEN = byteSet("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

/** 1 for what may stand in a field value: HTAB, SP, VCHAR and obs-text; every control character is refused. */
export const FIELD_VALUE = byteRanges([
  [9, 9],
  [32, 126],
  [128, 255],
]);

/** 1 for what may stand in a request target: VCHAR and obs-text, no space, no '#' (a fragment never goes over the wire). */
export const TARGET = byteRanges([
  [33, 34],
  [36, 126],
  [128, 255],
]);

/** 1 for what may stand in `Host` (RFC 3986 authority without user information). */
export const AUTHORITY = byteSet("-._~%!$&'()*+;=:[]0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

/** ASCII lower case, byte by byte. */
export const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte | 32 : byte));

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte);
  return /[0-9a-fA-F]/.test(text) ? Number.parseInt(text, 16) : 255;
});

function byteSet(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

function byteRanges(ranges: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [from, to] of ranges) table.fill(1, from, to + 1);
  return table;
}
