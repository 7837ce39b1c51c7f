/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables. */
import { LOWER } from '../tables.ts';
import { findName, NAME_INDEX, NAME_USE, NAME_USES } from './field-names.ts';

const CR = 13;
const SP = 32;
const TAB = 9;
const COLON = 58;
/** How much of a value is hashed: this much of its beginning, and of its end. */
const HASHED_BYTES = 40;
const HASHED_TAIL_BYTES = 16;
/** Numbers per line in `HeadLines`: start and end of name and value, hash of the name and of both, static index, use. */
export const LINE_STRIDE = 8;

/** The header lines of an HTTP/1.1 head, as the encoder needs them. Its own small scan: heads that this proxy has made need no checks. */
export class HeadLines {
  /** `LINE_STRIDE` for each line. */
  numbers: Int32Array = NO_NUMBERS;
  count = 0;
  /** Where the lines end: the empty line. */
  end = 0;

  /** Notes every line up to the empty one: where its parts are, its hashes, and what its name means. */
  scan(bytes: Uint8Array, start: number, end: number): void {
    this.count = 0;
    this.end = end;
    let p = start;
    while (p < end) {
      const nameStart = p;
      this.end = p;
      let hash = 0;
      let byte = bytes[p] as number;
      while (byte !== COLON && byte !== CR) {
        hash = ((hash << 5) - hash + (LOWER[byte] as number)) | 0;
        if (++p >= end) return;
        byte = bytes[p] as number;
      }
      // The empty line; a line without a colon cannot come, and would end the head here.
      if (byte === CR) return;
      const nameEnd = p++;
      const nameHash = hash;
      hash = ((hash << 5) - hash + COLON) | 0;
      while (p < end && (bytes[p] === SP || bytes[p] === TAB)) p++;
      const valueStart = p;
      const stop = Math.min(end, valueStart + HASHED_BYTES);
      while (p < stop && (byte = bytes[p] as number) !== CR) {
        hash = ((hash << 5) - hash + byte) | 0;
        p++;
      }
      if (p === stop && p < end) {
        // Of a long value its end and its length stand for the rest.
        const found = bytes.indexOf(CR, p);
        p = found < 0 || found > end ? end : found;
        for (let i = Math.max(stop, p - HASHED_TAIL_BYTES); i < p; i++) hash = ((hash << 5) - hash + (bytes[i] as number)) | 0;
        hash = (hash + p - stop) | 0;
      }
      let valueEnd = p;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB)) valueEnd--;
      p += 2;
      const name = findName(bytes, nameStart, nameEnd, nameHash);
      const use = name < 0 ? NAME_USE.ordinary : (NAME_USES[name] as number);
      if (use === NAME_USE.drop) continue;
      const at = this.count++ * LINE_STRIDE;
      if (at >= this.numbers.length) this.numbers = longer(this.numbers);
      const lines = this.numbers;
      lines[at] = nameStart;
      lines[at + 1] = nameEnd;
      lines[at + 2] = valueStart;
      lines[at + 3] = valueEnd;
      lines[at + 4] = nameHash;
      lines[at + 5] = hash;
      lines[at + 6] = name < 0 ? 0 : (NAME_INDEX[name] as number);
      lines[at + 7] = use;
    }
    // Trailers come without the empty line.
    this.end = end;
  }

  /** Where in `numbers` the first line of this use stands, -1 = nowhere. */
  find(use: number): number {
    for (let at = 0; at < this.count * LINE_STRIDE; at += LINE_STRIDE) if (this.numbers[at + 7] === use) return at;
    return -1;
  }
}

const NO_NUMBERS = new Int32Array(0);

/** A copy with room for twice as many numbers. */
export function longer(numbers: Int32Array): Int32Array {
  const all = new Int32Array(Math.max(8 * LINE_STRIDE, numbers.length * 2));
  all.set(numbers);
  return all;
}
