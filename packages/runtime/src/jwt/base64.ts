const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Bytes of base64url text without padding (RFC 4648 section 5); undefined = it is none, be it for one stray bit. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const out = new Uint8Array((text.length * 3) >> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (VALUES[code] as number) : -1;
    if (value < 0) return undefined;
    held = (held << 6) | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out[at++] = (held >> bits) & 255;
    held &= (1 << bits) - 1;
  }
  return held === 0 ? out : undefined;
}

const EQUALS_SIGN = 61;

/** Bytes of base64 text as ProtoJSON takes them: of either alphabet (RFC 4648 sections 4 and 5), with or without padding; undefined = it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  // By hand: an expression would look at many signs once from each of them.
  let { length } = text;
  while (length > 0 && text.charCodeAt(length - 1) === EQUALS_SIGN) length--;
  return fromBase64Url(text.slice(0, length).replaceAll('+', '-').replaceAll('/', '_'));
}

/** Base64url text without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3);
    const group = (a << 16) | (b << 8) | c;
    const digits = Math.min(4, bytes.length - i + 1);
    for (let digit = 0; digit < digits; digit++) text += ALPHABET[(group >> (18 - digit * 6)) & 63] ?? '';
  }
  return text;
}

/** UTF-8 text; undefined = the bytes are none. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  let escaped = '';
  for (const byte of bytes) escaped += `%${byte < 16 ? '0' : ''}${byte.toString(16)}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

/** Bytes of a text in UTF-8; lone surrogates become U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.toWellFormed());
  const out: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] === '%') {
      out.push(Number.parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    } else out.push(escaped.charCodeAt(i));
  }
  return Uint8Array.from(out);
}
