/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables. */
import type { BytesPort } from '../bytes.ts';
import { knownHeader } from '../known-headers.ts';
import { fieldKind } from './field-kinds.ts';
import { copyBytes, ENTRY_STRIDE, FieldTable, type Lines, staticLines } from './field-table.ts';
import type { HeadBuilder, HeadMode, HeadResult } from './head-builder.ts';
import { huffmanDecode, huffmanRoom } from './huffman.ts';
import { STATIC_COUNT } from './static-table.ts';

/**
 * `broken` = a connection error (COMPRESSION_ERROR): the two ends' tables are not the same any more. `bomb` = one too (ENHANCE_YOUR_CALM): the
 * block claims so much more than the limit that reading it to its end is not worth the connection.
 */
export type BlockResult = HeadResult | 'broken' | 'bomb';

/** Larger numbers have no use in a block of bounded size. */
const MAX_INTEGER = 0x0fffffff;

/** Decodes HPACK blocks (RFC 7541) into heads. One per direction of a connection. */
export class HpackDecoder {
  readonly #table: FieldTable;
  readonly #static: Lines;
  /** What the peer may set the table to: our SETTINGS_HEADER_TABLE_SIZE once acknowledged. */
  #allowed: number;
  /** The table is larger than allowed: the next block must begin by making it smaller (section 4.2). */
  #mustShrink = false;
  /** The block that is being read depends on the table. */
  #uses = false;
  #p = 0;

  /** `tableSize`: what both ends begin with, 4096 (RFC 9113 section 4.3.1) unless they agreed on something else. */
  constructor(port: BytesPort, tableSize = 4096) {
    this.#static = staticLines(port);
    this.#table = new FieldTable(port, tableSize);
    this.#allowed = tableSize;
  }

  /** The peer has acknowledged this SETTINGS_HEADER_TABLE_SIZE. */
  allow(tableSize: number): void {
    this.#allowed = tableSize;
    this.#mustShrink = this.#table.maxSize > tableSize;
  }

  /** Decodes a whole block into `head`. Also a block that is refused is read to its end, so that later ones are understood. */
  decode(block: Uint8Array, start: number, end: number, into: { readonly head: HeadBuilder; readonly mode: HeadMode }): BlockResult {
    const { head } = into;
    const { memory } = head;
    const { changes } = this.#table;
    if (!this.#mustShrink && memory.recalls(block, start, end, changes)) {
      memory.addAgain(this.#table);
      return 'ok';
    }
    head.begin(into.mode);
    this.#uses = false;
    if (!this.#fields(block, start, end, head)) return head.isBomb ? 'bomb' : 'broken';
    const result = head.finish();
    if (result === 'ok' && (!this.#uses || this.#table.changes === changes)) memory.remember(block, start, end, this.#uses, changes);
    return result;
  }

  #fields(block: Uint8Array, start: number, end: number, head: HeadBuilder): boolean {
    const table = this.#table;
    let p = this.#sizeUpdates(block, start, end);
    if (p < 0) return false;
    while (p < end) {
      const first = block[p++] as number;
      if (first >= 128) {
        let index = first & 127;
        if (index === 127) {
          index = this.#integer(block, p, end, 127);
          p = this.#p;
        }
        if (index <= 0) return false;
        if (index <= STATIC_COUNT) {
          const { bytes, meta } = this.#static;
          const at = (index - 1) * ENTRY_STRIDE;
          head.field(bytes, meta[at] as number, meta[at + 1] as number, meta[at + 2] as number, meta[at + 3] as number);
        } else {
          const back = index - STATIC_COUNT - 1;
          if (back >= table.count) return false;
          this.#uses = true;
          const { meta } = table;
          const at = table.entry(back);
          head.field(table.bytes, meta[at] as number, meta[at + 1] as number, meta[at + 2] as number, meta[at + 3] as number);
        }
      } else if ((first & 0xe0) === 0x20) return false;
      else {
        p = this.#literal(block, p - 1, end, head);
        if (p < 0) return false;
      }
      if (head.isBomb) return false;
    }
    return true;
  }

  /** Changes of the table's size stand before the first field. Answers the index after them, -1 = broken. */
  #sizeUpdates(block: Uint8Array, start: number, end: number): number {
    let p = start;
    while (p < end && ((block[p] as number) & 0xe0) === 0x20) {
      let size = (block[p++] as number) & 31;
      if (size === 31) {
        size = this.#integer(block, p, end, 31);
        p = this.#p;
      }
      if (size < 0 || size > this.#allowed) return -1;
      this.#table.resize(size);
      this.#uses = true;
      this.#mustShrink = false;
    }
    return this.#mustShrink ? -1 : p;
  }

  #literal(block: Uint8Array, start: number, end: number, head: HeadBuilder): number {
    const first = block[start] as number;
    const indexed = (first & 64) !== 0;
    const prefix = indexed ? 63 : 15;
    let index = first & prefix;
    let p = start + 1;
    if (index === prefix) {
      index = this.#integer(block, p, end, prefix);
      if (index < 0) return -1;
      p = this.#p;
    }
    let known: number;
    let nameLength: number;
    if (index === 0) {
      nameLength = this.#string(block, p, end, { head, at: 0 });
      if (nameLength < 0) return -1;
      p = this.#p;
      const at = head.stage(0);
      known = nameLength === 0 ? 0 : knownHeader(head.bytes, at, at + nameLength) + 1;
    } else {
      let { bytes, meta } = this.#static;
      let at = (index - 1) * ENTRY_STRIDE;
      if (index > STATIC_COUNT) {
        const back = index - STATIC_COUNT - 1;
        if (back >= this.#table.count) return -1;
        this.#uses = true;
        ({ bytes, meta } = this.#table);
        at = this.#table.entry(back);
      }
      nameLength = meta[at + 1] as number;
      known = (meta[at + 3] as number) >> 8;
      const to = head.stage(nameLength);
      copyBytes(bytes, meta[at] as number, nameLength, head.bytes, to);
    }
    const valueLength = this.#string(block, p, end, { head, at: nameLength + 2 });
    if (valueLength < 0) return -1;
    this.#take(head, nameLength, valueLength, known, indexed);
    return this.#p;
  }

  /** A line has been put together at the head's stage. */
  // oxlint-disable-next-line max-params -- a line and what is known of it
  #take(head: HeadBuilder, nameLength: number, valueLength: number, known: number, indexed: boolean): void {
    const at = head.stage(nameLength + valueLength + 4);
    const { bytes } = head;
    const value = at + nameLength + 2;
    bytes[value - 2] = 58;
    bytes[value - 1] = 32;
    bytes[value + valueLength] = 13;
    bytes[value + valueLength + 1] = 10;
    const kind = fieldKind(bytes, at, at + nameLength, value, value + valueLength) | (known << 8);
    if (indexed) {
      this.#table.add(bytes, at, nameLength, valueLength, kind);
      if (!this.#uses) head.memory.added(bytes, at, nameLength, valueLength, kind);
    }
    head.field(bytes, at, nameLength, valueLength, kind);
  }

  /** Reads a string to the head's stage plus `at`; answers its length, -1 = broken. */
  #string(block: Uint8Array, start: number, end: number, { head, at }: { readonly head: HeadBuilder; readonly at: number }): number {
    if (start >= end) return -1;
    const first = block[start] as number;
    let length = first & 127;
    this.#p = start + 1;
    if (length === 127) length = this.#integer(block, start + 1, end, 127);
    const p = this.#p;
    if (length < 0 || length > end - p) return -1;
    this.#p = p + length;
    if (first < 128) {
      const to = head.stage(at + length) + at;
      copyBytes(block, p, length, head.bytes, to);
      return length;
    }
    const to = head.stage(at + huffmanRoom(length)) + at;
    const after = huffmanDecode(block, p, p + length, head.bytes, to);
    return after < 0 ? -1 : after - to;
  }

  /** The rest of a number whose prefix was full (section 5.1); -1 = cut short or too large. The index after it is in `#p`. */
  #integer(block: Uint8Array, start: number, end: number, prefix: number): number {
    let value = prefix;
    let p = start;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (p >= end) return -1;
      const byte = block[p++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        this.#p = p;
        return value > MAX_INTEGER ? -1 : value;
      }
    }
    return -1;
  }
}
