import { readUtf8 } from '@meltemi/base';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const FORM = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const VALUES = new Map(Array.from(ALPHABET, (letter, index) => [letter, index]));

/** The bytes of standard base64 (RFC 4648, padded; line breaks are skipped); undefined when it is none. */
function base64Bytes(text: string): Uint8Array | undefined {
  const packed = text.replace(/[\r\n]/g, '');
  if (!FORM.test(packed)) return undefined;
  const padding = packed.endsWith('==') ? 2 : packed.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((packed.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < packed.length; i += 4) {
    const word = [0, 1, 2, 3].reduce((sum, offset) => (sum << 6) | (VALUES.get(packed[i + offset] ?? '') ?? 0), 0);
    for (const shift of [16, 8, 0]) if (at < bytes.length) bytes[at++] = (word >> shift) & 0xff;
  }
  return bytes;
}

/** Standard base64 of text in UTF-8; undefined when it is none. */
export function base64Utf8(text: string): string | undefined {
  const bytes = base64Bytes(text);
  return bytes === undefined ? undefined : readUtf8(bytes, 0, bytes.length);
}

/** Standard base64 as text (each byte a character: certificates and keys are ASCII); undefined when it is no base64. */
export function base64Text(text: string): string | undefined {
  const bytes = base64Bytes(text);
  if (bytes === undefined) return undefined;
  let out = '';
  for (const byte of bytes) out += String.fromCharCode(byte);
  return out;
}
