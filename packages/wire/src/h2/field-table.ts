import type { BytesPort } from '../bytes.ts';
import { knownHeader } from '../known-headers.ts';
import { fieldKind } from './field-kinds.ts';
import { STATIC_COUNT, STATIC_FIELDS } from './static-table.ts';

/** What RFC 7541 section 4.1 adds to the size of every entry. */
export const ENTRY_OVERHEAD = 32;
/** `: ` and CR LF. */
export const LINE_OVERHEAD = 4;
/** Numbers per entry in `meta`: offset of its line, length of name, length of value, kind with the known header's id plus one above its low byte. */
export const ENTRY_STRIDE = 4;

const SMALLEST_RING = 16;
const SMALLEST_ARENA = 256;
const SMALLEST_ROOM = 64;
/** Below this a loop copies faster than `set` makes its view. */
const LOOP_BYTES = 36;

/** Copies `from[start, start + length)` to `to` at `at`. */
// oxlint-disable-next-line max-params -- source and target, as a copy
export function copyBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length > LOOP_BYTES) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
}

/** `bytes` with room for `more` after `used`, keeping what is used. */
// oxlint-disable-next-line max-params -- storage, its use, and who gives more
export function withRoom(port: BytesPort, bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const bigger = port.allocate(Math.max(used + more, bytes.length * 2, SMALLEST_ROOM));
  bigger.set(bytes.subarray(0, used));
  return bigger;
}

/** Writes `name: value CR LF` of a field that is not in line form yet; answers the index after it. */
function writeLine(name: Uint8Array, value: Uint8Array, to: Uint8Array, at: number): number {
  to.set(name, at);
  let p = at + name.length;
  to[p++] = 58;
  to[p++] = 32;
  to.set(value, p);
  p += value.length;
  to[p++] = 13;
  to[p++] = 10;
  return p;
}

/** Lines with what is known of them: `ENTRY_STRIDE` numbers for each. */
export interface Lines {
  readonly bytes: Uint8Array;
  readonly meta: Int32Array;
}

const emptyOf = new WeakMap<BytesPort, Uint8Array>();

/** No bytes, in the port's own kind of array: what storage is before its first use. */
export function noBytes(port: BytesPort): Uint8Array {
  let empty = emptyOf.get(port);
  if (empty === undefined) {
    empty = port.allocate(0);
    emptyOf.set(port, empty);
  }
  return empty;
}

const staticLinesOf = new WeakMap<BytesPort, Lines>();

/** The static table's lines, in the form of a dynamic one; entry 0 is HPACK's index 1. In the port's own kind of array: mixing kinds makes every access slower. */
export function staticLines(port: BytesPort): Lines {
  let lines = staticLinesOf.get(port);
  if (lines === undefined) {
    lines = makeStaticLines(port);
    staticLinesOf.set(port, lines);
  }
  return lines;
}

function makeStaticLines(port: BytesPort): Lines {
  const total = STATIC_FIELDS.reduce((sum, { name, value }) => sum + name.length + value.length + LINE_OVERHEAD, 0);
  const bytes = port.allocate(total);
  const meta = new Int32Array(STATIC_COUNT * ENTRY_STRIDE);
  let at = 0;
  for (const [index, { name, value }] of STATIC_FIELDS.entries()) {
    const after = writeLine(name, value, bytes, at);
    const kind = fieldKind(bytes, at, at + name.length, at + name.length + 2, after - 2);
    meta.set([at, name.length, value.length, kind | ((knownHeader(bytes, at, at + name.length) + 1) << 8)], index * ENTRY_STRIDE);
    at = after;
  }
  return { bytes, meta };
}

/**
 * A decoder's dynamic table (RFC 7541 section 2.3.2). Entries are kept as ready lines (`name: value\r\n`) with the kind that was found when
 * they came, so that using one is a copy and no check. Storage grows with use, to twice the table's size at most.
 */
export class FieldTable {
  /** The lines. */
  bytes: Uint8Array;
  /** `ENTRY_STRIDE` numbers for each place in the ring; see `entry`. */
  meta: Int32Array = NO_NUMBERS;
  /** Entries there are. */
  count = 0;
  /** How often the table has changed: same number, same table. */
  changes = 0;
  /** Bytes as HPACK counts them, and their limit. */
  size = 0;
  maxSize: number;
  /** Place of the next entry in the ring. */
  #next = 0;
  /** Places in the ring less one; -1 while there is none. */
  #mask = -1;
  /** Index into `bytes` of the next line. */
  #free = 0;

  readonly #port: BytesPort;

  constructor(port: BytesPort, maxSize: number) {
    this.#port = port;
    this.bytes = noBytes(port);
    this.maxSize = maxSize;
  }

  /** Where in `meta` the entry `back` steps behind the newest (0) stands; `back < count`. */
  entry(back: number): number {
    return ((this.#next - 1 - back) & this.#mask) * ENTRY_STRIDE;
  }

  /** Changes the limit, dropping what is too much. */
  resize(maxSize: number): void {
    if (this.maxSize !== maxSize) this.changes++;
    this.maxSize = maxSize;
    this.#evict(maxSize);
  }

  /** Adds the line at `line[start…]`; one larger than the table empties it (section 4.4). `kind` with the known id plus one above its low byte. */
  // oxlint-disable-next-line max-params -- a line and what is known of it
  add(line: Uint8Array, start: number, nameLength: number, valueLength: number, kind: number): void {
    const cost = nameLength + valueLength + ENTRY_OVERHEAD;
    this.changes++;
    this.#evict(this.maxSize - cost);
    if (cost > this.maxSize) return;
    const length = nameLength + valueLength + LINE_OVERHEAD;
    if (this.count > this.#mask) this.#growRing();
    const offset = this.#place(length);
    copyBytes(line, start, length, this.bytes, offset);
    const { meta } = this;
    const at = (this.#next & this.#mask) * ENTRY_STRIDE;
    meta[at] = offset;
    meta[at + 1] = nameLength;
    meta[at + 2] = valueLength;
    meta[at + 3] = kind;
    this.#next = (this.#next + 1) | 0;
    this.#free = offset + length;
    this.count++;
    this.size += cost;
  }

  #evict(room: number): void {
    while (this.size > room && this.count > 0) {
      const at = this.entry(this.count - 1);
      this.size -= (this.meta[at + 1] as number) + (this.meta[at + 2] as number) + ENTRY_OVERHEAD;
      this.count--;
    }
    if (this.count === 0) this.#free = 0;
  }

  /** A place for `length` bytes that no living line uses. */
  #place(length: number): number {
    const free = this.#free;
    if (this.count === 0) {
      if (length > this.bytes.length) this.#growArena(length);
      return 0;
    }
    const oldest = this.meta[this.entry(this.count - 1)] as number;
    if (oldest >= free) {
      if (oldest - free >= length) return free;
    } else {
      if (this.bytes.length - free >= length) return free;
      // With storage of twice the table's size this always finds room; see the ring's proof in field-table.test.ts.
      if (oldest >= length) return 0;
    }
    this.#growArena(length);
    return this.#free;
  }

  /** Moves the lines together, oldest first, into storage that is larger if it may be. */
  #growArena(length: number): void {
    const wanted = Math.max(SMALLEST_ARENA, Math.min(this.bytes.length * 2, this.maxSize * 2), this.size + length);
    const bytes = this.#port.allocate(wanted);
    let at = 0;
    for (let back = this.count - 1; back >= 0; back--) {
      const entry = this.entry(back);
      const lineLength = (this.meta[entry + 1] as number) + (this.meta[entry + 2] as number) + LINE_OVERHEAD;
      copyBytes(this.bytes, this.meta[entry] as number, lineLength, bytes, at);
      this.meta[entry] = at;
      at += lineLength;
    }
    this.bytes = bytes;
    this.#free = at;
  }

  #growRing(): void {
    const places = Math.max(SMALLEST_RING, (this.#mask + 1) * 2);
    const meta = new Int32Array(places * ENTRY_STRIDE);
    for (let back = this.count - 1, place = 0; back >= 0; back--, place++) {
      const entry = this.entry(back);
      meta.set(this.meta.subarray(entry, entry + ENTRY_STRIDE), place * ENTRY_STRIDE);
    }
    this.meta = meta;
    this.#mask = places - 1;
    this.#next = this.count;
  }
}

const NO_NUMBERS = new Int32Array(0);
