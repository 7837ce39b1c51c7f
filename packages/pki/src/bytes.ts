const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_VALUES: ReadonlyMap<number, number> = new Map(BASE64.split('').map((char, value) => [char.charCodeAt(0), value]));
const EQUALS = 0x3d;

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Equality in content. Not constant in time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** ASCII text as bytes; `undefined` when a character lies outside ASCII. */
export function asciiBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return undefined;
    out[i] = code;
  }
  return out;
}

/** Bytes as text, one character per byte. */
export function latin1Text(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}

/** Lower-case hexadecimal. */
export function hexText(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}

/** Base64 of RFC 4648 section 4, padded, in one line. */
export function base64Encode(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const left = bytes.length - i;
    out += BASE64.charAt(group >> 18) + BASE64.charAt((group >> 12) & 63);
    out += (left > 1 ? BASE64.charAt((group >> 6) & 63) : '=') + (left > 2 ? BASE64.charAt(group & 63) : '=');
  }
  return out;
}

/** Reverse of `base64Encode`; white space is skipped, anything else that is not base64 gives `undefined`. */
export function base64Decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  const clean = text.replace(/[ \t\r\n]+/g, '');
  if (clean.length % 4 !== 0) return undefined;
  const padding = clean.endsWith('==') ? 2 : clean.endsWith('=') ? 1 : 0;
  const out = new Uint8Array((clean.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < clean.length; i += 4) {
    let group = 0;
    for (let j = 0; j < 4; j++) {
      const code = clean.charCodeAt(i + j);
      const value = code === EQUALS && i + j >= clean.length - padding ? 0 : BASE64_VALUES.get(code);
      if (value === undefined) return undefined;
      group = (group << 6) | value;
    }
    for (let shift = 16; shift >= 0 && at < out.length; shift -= 8) out[at++] = (group >> shift) & 255;
  }
  return out;
}
