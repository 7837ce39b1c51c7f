/** Bytes that `text` takes as UTF-8; a lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (isPair(text, i)) {
      length += 2;
      i++;
    } else length += 2;
  }
  return length;
}

function isPair(text: string, i: number): boolean {
  const high = text.charCodeAt(i);
  const low = text.charCodeAt(i + 1);
  return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}

/** Writes `text` as UTF-8 at `offset`; returns the offset after it. The caller has made room. */
export function writeUtf8(text: string, out: Uint8Array, offset: number): number {
  let at = offset;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      out[at++] = unit;
      continue;
    }
    let point = unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit;
    if (isPair(text, i)) point = text.codePointAt(i++)!;
    if (point < 0x800) out[at++] = 0xc0 | (point >> 6);
    else {
      if (point < 0x10000) out[at++] = 0xe0 | (point >> 12);
      else {
        out[at++] = 0xf0 | (point >> 18);
        out[at++] = 0x80 | ((point >> 12) & 0x3f);
      }
      out[at++] = 0x80 | ((point >> 6) & 0x3f);
    }
    out[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}

const CHUNK = 4096;

/** UTF-8 bytes as text, or undefined when they are not well-formed (overlong, surrogate, cut off). */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  const units: number[] = [];
  let i = start;
  while (i < end) {
    const byte = bytes[i]!;
    if (byte < 0x80) {
      units.push(byte);
      i++;
    } else {
      const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      const point = i + size <= end ? decodePoint(bytes, i, size) : -1;
      if (point < 0) return undefined;
      if (point < 0x10000) units.push(point);
      else units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
      i += size;
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}

const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

/** The code point of a sequence of `size` bytes, -1 when it is not well-formed. */
function decodePoint(bytes: Uint8Array, at: number, size: number): number {
  const lead = bytes[at]!;
  // 0x80..0xbf cannot lead, and 0xf8 and above lead nothing.
  if (lead < 0xc0 || lead >= 0xf8) return -1;
  let point = lead & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i]!;
    if ((next & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (next & 0x3f);
  }
  if (point < SMALLEST[size]! || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return -1;
  return point;
}
