import type { BytesPort } from '../bytes.ts';
import { NOT_IN_TRAILERS } from '../chunked.ts';
import { ascii, matches } from '../ascii.ts';
import { lengthValue } from '../content-length.ts';
import type { HeadScanner } from '../head-scanner.ts';
import { HEADER } from '../known-headers.ts';
import { BlockMemory } from './block-memory.ts';
import { KIND } from './field-kinds.ts';
import { copyBytes, ENTRY_OVERHEAD, LINE_OVERHEAD, noBytes, withRoom } from './field-table.ts';
import { PseudoFields } from './pseudo-fields.ts';
import type { H2Head, H2HeadRefusal } from './session-types.ts';

/** What a block is decoded to. */
export type HeadMode = 'request' | 'response' | 'trailers';

/** How a head came out. `malformed` = stream error (RFC 9113 section 8.1.1). */
export type HeadResult = 'ok' | 'malformed' | H2HeadRefusal;

/** Storage larger than this is given back when the next head begins. */
const KEPT_BYTES = 16 * 1024;
/** A list so much longer than allowed is no mistake: its block cannot hold that without the table. */
const BOMB_BYTES = 256 * 1024;
const HOST_BYTES = 'host: '.length;
const COOKIE = ascii('cookie: ');
/** Numbers per line in `slots`, as in `HeadScanner`. */
const STRIDE = 4;

/** Bounds of a head, and whether extended CONNECT is served. */
export interface HeadBuilderLimits {
  readonly maxHeaderListBytes: number;
  readonly maxHeaders: number;
  readonly enableConnectProtocol?: boolean;
}

/** Builds the HTTP/1.1 form of a head from decoded fields, and holds them to the rules of RFC 9113 section 8. See `H2Head`. */
export class HeadBuilder implements H2Head {
  bytes: Uint8Array;
  readonly start = 0;
  end = 0;
  scheme: 'http' | 'https' | '' = '';
  extended = false;
  status = 0;
  serial = 0;
  /** Of the head's `content-length`, -1 = none. */
  contentLength = -1;
  /** Is it a HEAD request? */
  isHead = false;
  /** The block that this head came from. */
  readonly memory: BlockMemory;
  /** Lines there are; for each four places (name, value) and the known header's id, for the scanner. */
  count = 0;
  slots: Int32Array = NO_SLOTS;
  ids: Int8Array = NO_IDS;
  readonly pseudo: PseudoFields;
  headersStart = 0;
  #result: HeadResult = 'ok';
  #mode: HeadMode = 'request';
  /** The start line is written: pseudo-fields are over. */
  #started = false;
  #listBytes = 0;
  #hostLine = false;
  /** Lines that stand one behind the other where they come from are copied in one piece: from there, to here, up to `end`. */
  #runFrom: Uint8Array | undefined = undefined;
  #runStart = 0;
  #runAt = 0;
  #cookie: Uint8Array;
  #cookieLength = 0;
  readonly #limits: HeadBuilderLimits;
  readonly #port: BytesPort;
  readonly #empty: Uint8Array;

  constructor(port: BytesPort, limits: HeadBuilderLimits) {
    this.#port = port;
    this.#limits = limits;
    this.#empty = noBytes(port);
    this.bytes = this.#empty;
    this.#cookie = this.#empty;
    this.pseudo = new PseudoFields(port);
    this.memory = new BlockMemory(port);
  }

  /** Begins a head. */
  begin(mode: HeadMode): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = this.#empty;
    this.#mode = mode;
    this.#result = 'ok';
    this.#started = mode === 'trailers';
    this.end = 0;
    this.scheme = '';
    this.extended = false;
    this.status = 0;
    this.contentLength = -1;
    this.isHead = false;
    this.serial = (this.serial + 1) | 0;
    this.count = 0;
    this.#listBytes = 0;
    this.#hostLine = false;
    this.#runFrom = undefined;
    this.#cookieLength = 0;
    this.pseudo.clear();
    this.memory.forget();
  }

  /** Does the block claim far more than is allowed? A byte can stand for four kilobytes of the table. */
  get isBomb(): boolean {
    return this.#listBytes > this.#limits.maxHeaderListBytes + BOMB_BYTES;
  }

  /** Where a line may be put together before it is given to `field`: room for `room` bytes there. Bytes written there stay when asked again. */
  stage(room: number): number {
    this.#flush();
    const at = this.#started ? this.end : this.end + this.pseudo.room;
    this.#reserve(at + room);
    return at;
  }

  /** Room for `size` bytes in all. */
  #reserve(size: number): void {
    if (size > this.bytes.length) this.bytes = withRoom(this.#port, this.bytes, this.bytes.length, size - this.bytes.length);
  }

  /** Takes a field in line form: `from[start…]` is `name: value\r\n`; `kind` with the known header's id plus one above its low byte. */
  // oxlint-disable-next-line max-params -- a line and what is known of it
  field(from: Uint8Array, start: number, nameLength: number, valueLength: number, kindAndId: number): void {
    this.#listBytes += nameLength + valueLength + ENTRY_OVERHEAD;
    if (this.#result !== 'ok') return;
    const kind = kindAndId & 0xff;
    if (this.#listBytes > this.#limits.maxHeaderListBytes) this.#result = 'head-too-large';
    else if (kind === KIND.malformed) this.#result = 'malformed';
    else if (kind < KIND.plain) this.#takePseudo(from, start + nameLength + 2, valueLength, kind);
    else if (this.#started || this.#startLine()) {
      if (kind === KIND.plain && this.#mode !== 'trailers') this.#append(from, start, nameLength, valueLength, kindAndId >> 8);
      else this.#special(from, start, nameLength, valueLength, kindAndId);
    }
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #append(from: Uint8Array, start: number, nameLength: number, valueLength: number, id: number): void {
    if (this.count >= this.#limits.maxHeaders) {
      this.#result = 'too-many-headers';
      return;
    }
    const { end } = this;
    this.#note(end, nameLength, valueLength, id);
    this.end = end + nameLength + valueLength + LINE_OVERHEAD;
    if (from === this.#runFrom && start - this.#runStart === end - this.#runAt) return;
    this.#flushTo(end);
    // A line that was put together in place stands there already.
    if (from === this.bytes && start === end) return;
    this.#runFrom = from;
    this.#runStart = start;
    this.#runAt = end;
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #note(at: number, nameLength: number, valueLength: number, id: number): void {
    const line = this.count++;
    if (line >= this.ids.length) this.#growSlots();
    const { slots } = this;
    const slot = line * STRIDE;
    const value = at + nameLength + 2;
    slots[slot] = at;
    slots[slot + 1] = at + nameLength;
    slots[slot + 2] = value;
    slots[slot + 3] = value + valueLength;
    this.ids[line] = id - 1;
  }

  #growSlots(): void {
    const lines = Math.max(8, this.ids.length * 2);
    const slots = new Int32Array(lines * STRIDE);
    slots.set(this.slots);
    this.slots = slots;
    const ids = new Int8Array(lines);
    ids.set(this.ids);
    this.ids = ids;
  }

  #flush(): void {
    if (this.#runFrom !== undefined) this.#flushTo(this.end);
  }

  #flushTo(end: number): void {
    const from = this.#runFrom;
    if (from === undefined) return;
    this.#reserve(end);
    copyBytes(from, this.#runStart, end - this.#runAt, this.bytes, this.#runAt);
    this.#runFrom = undefined;
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #takePseudo(from: Uint8Array, start: number, length: number, kind: number): void {
    if (this.#started || (kind === KIND.status) !== (this.#mode === 'response') || !this.pseudo.take(from, start, length, kind))
      this.#result = 'malformed';
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #special(from: Uint8Array, start: number, nameLength: number, valueLength: number, kindAndId: number): void {
    const kind = kindAndId & 0xff;
    const value = start + nameLength + 2;
    if (this.#mode === 'trailers') {
      if (kind !== KIND.plain || NOT_IN_TRAILERS.some((name) => matches(from, start, start + nameLength, name))) this.#result = 'malformed';
      else this.#append(from, start, nameLength, valueLength, kindAndId >> 8);
    } else if (kind === KIND.cookie && this.#mode === 'request') this.#takeCookie(from, value, valueLength);
    else if (kind === KIND.contentLength) {
      const again = this.contentLength;
      this.contentLength = lengthValue(from, value, value + valueLength);
      if (again < 0) this.#append(from, start, nameLength, valueLength, kindAndId >> 8);
      else if (again !== this.contentLength) this.#result = 'malformed';
    } else if (kind === KIND.host) this.#takeHost(from, start, valueLength);
    else this.#append(from, start, nameLength, valueLength, kindAndId >> 8);
  }

  /** `host` says what `:authority` says, or stands for it (section 8.3.1). */
  #takeHost(from: Uint8Array, start: number, valueLength: number): void {
    const value = start + HOST_BYTES;
    if (this.pseudo.hasAuthority) {
      if (!this.pseudo.isAuthority(from, value, value + valueLength)) this.#result = 'malformed';
    } else if (this.#hostLine || (valueLength === 0 && this.#mode === 'request')) this.#result = 'malformed';
    else {
      this.#hostLine = true;
      this.#append(from, start, HOST_BYTES - 2, valueLength, HEADER.host + 1);
    }
  }

  /** Crumbs are put together again (section 8.2.3): behind this hop there may be an HTTP/1.1 server. */
  #takeCookie(from: Uint8Array, start: number, length: number): void {
    // An empty crumb would leave a separator at the end.
    if (length === 0) return;
    let at = this.#cookieLength;
    this.#cookie = withRoom(this.#port, this.#cookie, at, length + 2);
    if (at > 0) {
      this.#cookie[at++] = 59;
      this.#cookie[at++] = 32;
    }
    copyBytes(from, start, length, this.#cookie, at);
    this.#cookieLength = at + length;
  }

  /** All pseudo-fields are there: writes the start line; false = malformed. */
  #startLine(): boolean {
    const { pseudo } = this;
    this.#started = true;
    this.#reserve(pseudo.room);
    if (!(this.#mode === 'response' ? pseudo.statusLine(this.bytes) : pseudo.requestLine(this.bytes, this.#limits.enableConnectProtocol === true))) {
      this.#result = 'malformed';
      return false;
    }
    this.end = pseudo.end;
    this.headersStart = pseudo.end;
    if (this.#mode === 'response') {
      this.status = pseudo.status;
      return true;
    }
    this.scheme = pseudo.scheme;
    this.extended = pseudo.extended;
    this.isHead = pseudo.isHead;
    this.#hostLine = pseudo.hasAuthority;
    if (this.#hostLine) {
      this.headersStart = pseudo.hostStart - HOST_BYTES;
      this.#note(this.headersStart, HOST_BYTES - 2, pseudo.hostEnd - pseudo.hostStart, HEADER.host + 1);
    }
    return true;
  }

  /** The block is over. */
  finish(): HeadResult {
    if (this.#result !== 'ok' || (!this.#started && !this.#startLine())) return this.#result;
    if (this.#cookieLength > 0) this.#cookieLine();
    this.#flush();
    if (this.#mode === 'trailers') return this.#result;
    if (this.#result === 'ok' && this.#mode === 'request' && !this.#hostLine) this.#result = 'malformed';
    this.#reserve(this.end + 2);
    this.bytes[this.end++] = 13;
    this.bytes[this.end++] = 10;
    return this.#result;
  }

  #cookieLine(): void {
    const length = this.#cookieLength;
    const line = this.stage(COOKIE.length + length + 2);
    const at = line + COOKIE.length;
    copyBytes(COOKIE, 0, COOKIE.length, this.bytes, line);
    copyBytes(this.#cookie, 0, length, this.bytes, at);
    this.bytes[at + length] = 13;
    this.bytes[at + length + 1] = 10;
    this.#append(this.bytes, line, COOKIE.length - 2, length, 0);
  }

  load(scanner: HeadScanner): boolean {
    // The two lines of an upgrade are for the scanner to read.
    if (this.extended) return scanner.request(this.bytes, 0, this.end) > 0;
    return scanner.adopt(this);
  }
}

const NO_SLOTS = new Int32Array(0);
const NO_IDS = new Int8Array(0);
