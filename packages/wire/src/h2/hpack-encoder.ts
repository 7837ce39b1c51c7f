/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables. */
import type { BytesPort } from '../bytes.ts';
import { ascii, matches } from '../ascii.ts';
import { LOWER } from '../tables.ts';
import { EncoderTable, type FieldToSend } from './encoder-table.ts';
import { hashName, NAME_USE } from './field-names.ts';
import { type Cuts, EncoderMemory } from './encoder-memory.ts';
import { copyBytes } from './field-table.ts';
import { HeadLines, LINE_STRIDE, longer } from './head-lines.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import type { H2Outgoing } from './session-types.ts';

const CR = 13;
const SP = 32;
/** Secrets in cookies shorter than this could be guessed through the size of blocks. */
const SHORT_COOKIE_BYTES = 20;
/** A value that is sent again with every message is not worth the other side's time, unless it is long. */
const HUFFMAN_BYTES = 256;
/** What was sent lately is kept in sets, so that a few lines of one head do not push each other out. */
const SEEN_SETS = 32;
const SEEN_WAYS = 4;
/** "HTTP/1.1 " */
const STATUS_AT = 9;

/** Indexes of the static table. */
const AUTHORITY = 1;
const METHOD_GET = 2;
const METHOD_POST = 3;
const PATH = 4;
const SCHEME_HTTP = 6;
const SCHEME_HTTPS = 7;
const STATUS = 8;
const STATUS_INDEX: ReadonlyMap<number, number> = new Map([200, 204, 206, 304, 400, 404, 500].map((status, at) => [status, STATUS + at]));
const pseudoHash = (name: string): number => hashName(ascii(`${name}:`), 0, name.length + 1);
const AUTHORITY_HASH = pseudoHash(':authority');
const METHOD_HASH = pseudoHash(':method');
const PATH_HASH = pseudoHash(':path');
const STATUS_HASH = pseudoHash(':status');
const PROTOCOL = ascii(':protocol');
const CONNECT = ascii('CONNECT');
const GET = ascii('GET');
const POST = ascii('POST');
const TRAILERS = ascii('trailers');

/** How a field is written: RFC 7541 section 6.2. */
const INDEXING = 0x40;
const WITHOUT = 0;
const NEVER = 0x10;

/** Encodes heads of HTTP/1.1 form into HPACK blocks (RFC 7541). One per direction of a connection. */
export class HpackEncoder {
  readonly #table: EncoderTable;
  readonly #limit: number;
  /** The smallest size of the table since the last block; the next one tells it and the present size. -1 = nothing to tell. */
  #smallest = -1;
  readonly #lines = new HeadLines();
  /** Hashes of lines and names sent lately: what comes twice gets a place in the table, what differs every time does not. */
  #seen: Int32Array = NO_NUMBERS;
  readonly #field: FieldToSend = { bytes: EMPTY, nameStart: 0, nameEnd: 0, valueStart: 0, valueEnd: 0, nameHash: 0, hash: 0, index: 0 };
  readonly #memory: EncoderMemory;
  readonly #state = { insertions: 0, variant: 0 };
  /** Everything of this block so far is an index. */
  #indexed = true;
  /** Where it could be cut into what is remembered and what is not. */
  readonly #cuts: Cuts = { places: NO_NUMBERS, count: 0, least: 0 };
  #headStart = 0;
  /** What the memory keeps must reach beyond this: the line that `:authority` comes from. */
  #neededHead = 0;
  #blockStart = 0;
  #out: Uint8Array = EMPTY;
  #at = 0;

  /** `tableLimit`: most that this end spends on its table, whatever the peer allows. */
  constructor(port: BytesPort, tableLimit = 4096) {
    this.#memory = new EncoderMemory(port);
    this.#limit = tableLimit;
    this.#table = new EncoderTable(port, Math.min(4096, tableLimit));
    if (tableLimit < 4096) this.#smallest = tableLimit;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  allow(tableSize: number): void {
    const size = Math.min(tableSize, this.#limit);
    if (size === this.#table.maxSize) return;
    this.#smallest = this.#smallest < 0 ? size : Math.min(size, this.#smallest);
    this.#table.resize(size);
    this.#memory.clear();
  }

  /** Most bytes that the block of a head (or trailers) of `length` bytes can take, in frames of 16 KiB with their headers. */
  static room(length: number): number {
    return length + (length >> 4) + (length >> 10) + 160;
  }

  /** Writes the block of a request to `out` at `at`, where there is `room`; answers the index after it. */
  request(head: H2Outgoing, out: Uint8Array, at: number): number {
    const { bytes, start, end } = head;
    // What the bytes do not tell: scheme and the kind of CONNECT.
    const variant = (head.extended ? 2 : 0) + (head.scheme === 'https' ? 1 : 0);
    const known = this.#begin(bytes, start, end, out, at, variant);
    if (known > 0) return this.#rest(bytes, start + known, end, true);
    const methodEnd = indexOf(bytes, SP, start, end);
    const targetEnd = indexOf(bytes, SP, methodEnd + 1, end);
    this.#lines.scan(bytes, Math.min(end, targetEnd + '_HTTP/1.1\r\n'.length), end);
    const tunnel = exactly(bytes, start, methodEnd, CONNECT);
    const protocol = head.extended ? this.#lines.find(NAME_USE.upgrade) : -1;
    if (protocol >= 0) this.#pseudo(CONNECT, 0, CONNECT.length, METHOD_GET, METHOD_HASH);
    else this.#method(bytes, start, methodEnd);
    if (tunnel) this.#pseudo(bytes, methodEnd + 1, targetEnd, AUTHORITY, AUTHORITY_HASH);
    else {
      this.#out[this.#at++] = 0x80 | (head.scheme === 'https' ? SCHEME_HTTPS : SCHEME_HTTP);
      const host = this.#lines.find(NAME_USE.host);
      this.#neededHead = host < 0 ? end : (this.#lines.numbers[host] as number);
      if (host >= 0) this.#pseudo(bytes, this.#lines.numbers[host + 2] as number, this.#lines.numbers[host + 3] as number, AUTHORITY, AUTHORITY_HASH);
      if (targetEnd === methodEnd + 2 && bytes[methodEnd + 1] === 47) this.#out[this.#at++] = 0x80 | PATH;
      else this.#pseudo(bytes, methodEnd + 1, targetEnd, PATH, PATH_HASH);
    }
    if (protocol >= 0) this.#protocol(bytes, this.#lines.numbers[protocol + 2] as number, this.#lines.numbers[protocol + 3] as number);
    return this.#finish(bytes, start, end, true);
  }

  /** The same for a response. */
  response(head: H2Outgoing, out: Uint8Array, at: number): number {
    const { bytes, start, end } = head;
    const known = this.#begin(bytes, start, end, out, at, 4);
    if (known > 0) return this.#rest(bytes, start + known, end, false);
    const from = start + STATUS_AT;
    const status = (bytes[from] as number) * 100 + (bytes[from + 1] as number) * 10 + (bytes[from + 2] as number) - 48 * 111;
    const index = STATUS_INDEX.get(status);
    if (index !== undefined) this.#out[this.#at++] = 0x80 | index;
    else this.#pseudo(bytes, from, from + 3, STATUS, STATUS_HASH);
    this.#lines.scan(bytes, Math.min(end, indexOf(bytes, CR, from, end) + 2), end);
    return this.#finish(bytes, start, end, false);
  }

  /** The same for trailers: `bytes[start, end)` are lines. */
  // oxlint-disable-next-line max-params -- source and target, as a copy
  trailers(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    const known = this.#begin(bytes, start, end, out, at, 5);
    if (known > 0) return this.#rest(bytes, start + known, end, false);
    this.#lines.scan(bytes, start, end);
    return this.#finish(bytes, start, end, false);
  }

  /** Begins a block; answers how much of the head is written already, from memory. `variant`: what else the block depends on. */
  // oxlint-disable-next-line max-params -- source and target
  #begin(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number, variant: number): number {
    this.#out = out;
    this.#at = at;
    this.#blockStart = at;
    this.#state.insertions = this.#table.insertions;
    this.#state.variant = variant;
    this.#field.bytes = bytes;
    this.#indexed = true;
    this.#neededHead = start;
    if (this.#smallest >= 0) this.#sizeUpdates();
    else {
      const known = this.#memory.recall(bytes, start, end, this.#state, out, at);
      if (known > 0) this.#at = at + this.#memory.blockLength;
      return known;
    }
    return 0;
  }

  #sizeUpdates(): void {
    if (this.#smallest < this.#table.maxSize) this.#integer(this.#smallest, 31, 0x20);
    this.#integer(this.#table.maxSize, 31, 0x20);
    this.#smallest = -1;
    this.#indexed = false;
  }

  /** The lines behind what memory gave. */
  // oxlint-disable-next-line max-params -- a range and what it is of
  #rest(bytes: Uint8Array, start: number, end: number, request: boolean): number {
    this.#lines.scan(bytes, start, end);
    this.#regular(bytes, request);
    return this.#at;
  }

  /** All lines, after the pseudo-fields; remembers how far the block is made of indexes. */
  // oxlint-disable-next-line max-params -- a range and what it is of
  #finish(bytes: Uint8Array, start: number, end: number, request: boolean): number {
    const { insertions } = this.#table;
    const pseudo = this.#indexed;
    this.#cuts.count = 0;
    this.#headStart = start;
    this.#regular(bytes, request);
    if (!pseudo || this.#table.insertions !== insertions) return this.#at;
    this.#cuts.least = this.#neededHead - start;
    this.#memory.remember(bytes, start, end, this.#state, this.#out, this.#blockStart, this.#cuts);
    return this.#at;
  }

  #regular(bytes: Uint8Array, request: boolean): void {
    const { numbers: lines, count } = this.#lines;
    const field = this.#field;
    field.bytes = bytes;
    for (let at = 0; at < count * LINE_STRIDE; at += LINE_STRIDE) {
      const use = lines[at + 7] as number;
      field.valueStart = lines[at + 2] as number;
      field.valueEnd = lines[at + 3] as number;
      if (use === NAME_USE.upgrade || (use === NAME_USE.host && request)) continue;
      if (use === NAME_USE.te && !matches(bytes, field.valueStart, field.valueEnd, TRAILERS)) continue;
      field.nameStart = lines[at] as number;
      field.nameEnd = lines[at + 1] as number;
      field.nameHash = lines[at + 4] as number;
      field.hash = lines[at + 5] as number;
      field.index = lines[at + 6] as number;
      // Behind the first line that is no index, nothing counts for the memory.
      if (this.#indexed) this.#mark(field.nameStart);
      if (use === NAME_USE.secret || (use === NAME_USE.cookie && field.valueEnd - field.valueStart < SHORT_COOKIE_BYTES)) this.#literal(NEVER);
      else this.#send();
    }
    if (this.#indexed) this.#mark(this.#lines.end);
  }

  /** Up to here the block is made of indexes. */
  #mark(headEnd: number): void {
    const cuts = this.#cuts;
    if (cuts.count * 2 >= cuts.places.length) cuts.places = longer(cuts.places);
    const at = cuts.count++ * 2;
    cuts.places[at] = headEnd - this.#headStart;
    cuts.places[at + 1] = this.#at - this.#blockStart;
  }

  #method(bytes: Uint8Array, start: number, end: number): void {
    if (exactly(bytes, start, end, POST)) this.#out[this.#at++] = 0x80 | METHOD_POST;
    else if (exactly(bytes, start, end, GET)) this.#out[this.#at++] = 0x80 | METHOD_GET;
    else this.#pseudo(bytes, start, end, METHOD_GET, METHOD_HASH);
  }

  // oxlint-disable-next-line max-params -- a range and what is known of it
  #pseudo(bytes: Uint8Array, start: number, end: number, index: number, hash: number): void {
    const field = this.#field;
    field.bytes = bytes;
    field.valueStart = start;
    field.valueEnd = end;
    field.index = index;
    let sum = hash;
    for (let i = start; i < end; i++) sum = ((sum << 5) - sum + (bytes[i] as number)) | 0;
    field.hash = sum;
    field.nameHash = hash;
    this.#send();
  }

  /** `:protocol` has no place in the static table. */
  #protocol(bytes: Uint8Array, start: number, end: number): void {
    this.#indexed = false;
    this.#integer(0, 15, WITHOUT);
    this.#text(PROTOCOL, 0, PROTOCOL.length, false);
    this.#text(bytes, start, end, false);
  }

  #send(): void {
    const field = this.#field;
    const index = this.#table.findLine(field);
    if (index !== 0) this.#integer(index, 127, 0x80);
    else if (this.#again(field.hash) && this.#table.takes(field)) this.#literal(INDEXING);
    // A name alone is worth an entry too, whose value will not be used.
    else
      this.#literal(
        field.index === 0 && this.#again(field.nameHash) && this.#table.findName(field) === 0 && this.#table.takes(field) ? INDEXING : WITHOUT,
      );
  }

  /** Was this sent lately? It was now. The latest of a set stands first. */
  #again(hash: number): boolean {
    if (this.#seen.length === 0) this.#seen = new Int32Array(SEEN_SETS * SEEN_WAYS);
    const seen = this.#seen;
    const first = ((hash ^ (hash >>> 13)) & (SEEN_SETS - 1)) * SEEN_WAYS;
    let previous = hash;
    for (let i = first; i < first + SEEN_WAYS; i++) {
      const there = seen[i] as number;
      seen[i] = previous;
      if (there === hash) return true;
      previous = there;
    }
    return false;
  }

  #literal(form: number): void {
    const field = this.#field;
    this.#indexed = false;
    const name = this.#table.findName(field);
    this.#integer(name, form === INDEXING ? 63 : 15, form);
    if (name === 0) this.#text(field.bytes, field.nameStart, field.nameEnd, true);
    this.#value(field, form === INDEXING || field.valueEnd - field.valueStart >= HUFFMAN_BYTES);
    if (form === INDEXING) this.#table.add(field);
  }

  #value({ bytes, valueStart, valueEnd }: FieldToSend, pack: boolean): void {
    const packed = pack ? huffmanLength(bytes, valueStart, valueEnd) : valueEnd - valueStart;
    if (packed >= valueEnd - valueStart) this.#text(bytes, valueStart, valueEnd, false);
    else {
      this.#integer(packed, 127, 0x80);
      this.#at = huffmanEncode(bytes, valueStart, valueEnd, this.#out, this.#at);
    }
  }

  // oxlint-disable-next-line max-params -- a range and how to copy it
  #text(bytes: Uint8Array, start: number, end: number, lower: boolean): void {
    this.#integer(end - start, 127, 0);
    const out = this.#out;
    let at = this.#at;
    if (lower) for (let i = start; i < end; i++) out[at++] = LOWER[bytes[i] as number] as number;
    else {
      copyBytes(bytes, start, end - start, out, at);
      at += end - start;
    }
    this.#at = at;
  }

  /** A number with a prefix of `mask` bits under the bits of `form` (RFC 7541 section 5.1). */
  #integer(value: number, mask: number, form: number): void {
    const out = this.#out;
    if (value < mask) {
      out[this.#at++] = form | value;
      return;
    }
    out[this.#at++] = form | mask;
    let rest = value - mask;
    for (; rest >= 128; rest >>>= 7) out[this.#at++] = (rest & 127) | 128;
    out[this.#at++] = rest;
  }
}

const EMPTY = new Uint8Array(0);
const NO_NUMBERS = new Int32Array(0);

/** Index of `byte` in `bytes[start, end)`, `end` when it is not there. */
function indexOf(bytes: Uint8Array, byte: number, start: number, end: number): number {
  let p = start;
  while (p < end && bytes[p] !== byte) p++;
  return p;
}

/** Methods are compared with their case. */
function exactly(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}
