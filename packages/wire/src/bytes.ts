/**
 * The few operations on bytes that a host does much faster than a loop (Node and Bun have `Buffer`). The codecs themselves only
 * read `Uint8Array`s; whoever builds strings or messages gets a port.
 */
export interface BytesPort {
  /** `bytes[start, end)` as text, one character per byte. */
  latin1(bytes: Uint8Array, start: number, end: number): string;
  /** Writes `text` (characters ≤ U+00FF) at `at`; answers the number of bytes written. */
  writeLatin1(bytes: Uint8Array, at: number, text: string): number;
  /** Are `a[aStart, aStart + length)` and `b[bStart, …)` the same bytes? Both ranges exist. */
  equal(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean;
  /** Uninitialised bytes. */
  allocate(size: number): Uint8Array;
}

/** A port for hosts without anything faster; also the reference that the fast ones are tested against. */
export const plainBytes: BytesPort = {
  latin1(bytes, start, end) {
    let text = '';
    for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
    return text;
  },
  writeLatin1(bytes, at, text) {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    return text.length;
  },
  // oxlint-disable-next-line max-params -- two ranges; an object for each would cost more than comparing them
  equal(a, aStart, b, bStart, length) {
    for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
    return true;
  },
  allocate(size) {
    return new Uint8Array(size);
  },
};
