/**
 * A 64-bit content hash as 16 hexadecimal digits: two 32-bit murmur-style lanes with different seeds. Fast and well spread; not for
 * anything an adversary must not be able to collide.
 */
export function hashBytes(bytes: Uint8Array): string {
  let a = 0x9e3779b1 ^ bytes.length;
  let b = 0x85ebca6b;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b + byte, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return hex(mix32(a ^ (b >>> 7))) + hex(mix32(b + a));
}

/** The same for text, by UTF-16 units. */
export function hashText(text: string): string {
  let a = 0x9e3779b1 ^ text.length;
  let b = 0x85ebca6b;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b + unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return hex(mix32(a ^ (b >>> 7))) + hex(mix32(b + a));
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. Answers an unsigned 32-bit number. */
export function mix32(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
