import { ascii, type HeadScanner, matches } from '../head-scanner.ts';
import { KIND, lengthValue } from './field-kinds.ts';
import { copyBytes, ENTRY_OVERHEAD, LINE_OVERHEAD } from './field-table.ts';
import type { H2Head, H2HeadRefusal } from './session-types.ts';

/** What a block is decoded to. */
export type HeadMode = 'request' | 'response' | 'trailers';

/** How a head came out. `malformed` = stream error (RFC 9113 section 8.1.1). */
export type HeadResult = 'ok' | 'malformed' | H2HeadRefusal;

const SMALLEST_BYTES = 512;
/** Storage larger than this is given back when the next head begins. */
const KEPT_BYTES = 16 * 1024;
/** What a start line holds beside the values of pseudo-fields: `GET`, spaces, version, `host: `, the two lines of an upgrade, line ends. */
const START_LINE_BYTES = 96;
const KINDS = 7;
const SLASH = 47;
/** Longest block that is remembered. */
const MEMORY_BYTES = 512;

const VERSION = ascii(' HTTP/1.1\r\n');
const RESPONSE = ascii('HTTP/1.1 ');
const HOST = ascii('host: ');
const COOKIE = ascii('cookie: ');
const UPGRADE = ascii('connection: upgrade\r\nupgrade: ');
const CONNECT = ascii('CONNECT');
const OPTIONS = ascii('OPTIONS');
const GET = ascii('GET');
const HTTP = ascii('http');
const HTTPS = ascii('https');
const NOT_IN_TRAILERS = ['authorization', 'set-cookie', 'trailer'].map(ascii);

/** Bounds of a head, and whether extended CONNECT is served. */
export interface HeadBuilderLimits {
  readonly maxHeaderListBytes: number;
  readonly maxHeaders: number;
  readonly enableConnectProtocol: boolean;
}

/** Builds the HTTP/1.1 form of a head from decoded fields, and holds them to the rules of RFC 9113 section 8. See `H2Head`. */
export class HeadBuilder implements H2Head {
  bytes: Uint8Array = EMPTY;
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
  #result: HeadResult = 'ok';
  #mode: HeadMode = 'request';
  /** The start line is written: pseudo-fields are over. */
  #started = false;
  #lines = 0;
  #listBytes = 0;
  #hostLine = false;
  /** Values of pseudo-fields until the start line can be written; `#places` tells start and end by kind, start -1 = absent. */
  #pseudo: Uint8Array = EMPTY;
  #pseudoLength = 0;
  readonly #places = new Int32Array(KINDS * 2).fill(-1);
  #cookie: Uint8Array = EMPTY;
  #cookieLength = 0;
  /** The block that this head came from, and the table it was read with. */
  #memory: Uint8Array = EMPTY;
  #memoryLength = 0;
  #memoryChanges = -1;
  readonly #limits: HeadBuilderLimits;

  constructor(limits: HeadBuilderLimits) {
    this.#limits = limits;
  }

  /** Begins a head. */
  begin(mode: HeadMode): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = EMPTY;
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
    this.#lines = 0;
    this.#listBytes = 0;
    this.#hostLine = false;
    if (this.#pseudoLength > 0) this.#places.fill(-1);
    this.#pseudoLength = 0;
    this.#cookieLength = 0;
    this.#memoryChanges = -1;
  }

  /** Where a line may be put together before it is given to `field`: room for `room` bytes there. Bytes written there stay when asked again. */
  stage(room: number): number {
    // CONNECT writes its authority twice.
    const at = this.#started ? this.end : this.end + this.#pseudoLength * 2 + START_LINE_BYTES;
    this.#reserve(at + room);
    return at;
  }

  /** Room for `size` bytes in all. */
  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(size, this.bytes.length * 2, SMALLEST_BYTES));
    bigger.set(this.bytes);
    this.bytes = bigger;
  }

  /** Takes a field in line form: `from[start…]` is `name: value\r\n`. */
  // oxlint-disable-next-line max-params -- a line and what is known of it
  field(from: Uint8Array, start: number, nameLength: number, valueLength: number, kind: number): void {
    if (this.#result !== 'ok') return;
    this.#listBytes += nameLength + valueLength + ENTRY_OVERHEAD;
    if (this.#listBytes > this.#limits.maxHeaderListBytes) this.#result = 'head-too-large';
    else if (kind === KIND.malformed) this.#result = 'malformed';
    else if (kind < KIND.plain) this.#takePseudo(from, start + nameLength + 2, valueLength, kind);
    else if (this.#started || this.#startLine()) {
      if (kind === KIND.plain && this.#mode !== 'trailers') this.#append(from, start, nameLength + valueLength + LINE_OVERHEAD);
      else this.#special(from, start, nameLength, valueLength, kind);
    }
  }

  #append(from: Uint8Array, start: number, length: number): void {
    if (++this.#lines > this.#limits.maxHeaders) {
      this.#result = 'too-many-headers';
      return;
    }
    const { end } = this;
    // A line that was put together in place stands there already.
    if (from !== this.bytes || start !== end) {
      this.#reserve(end + length);
      copyBytes(from, start, length, this.bytes, end);
    }
    this.end = end + length;
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #takePseudo(from: Uint8Array, start: number, length: number, kind: number): void {
    const places = this.#places;
    if (this.#started || places[kind * 2] !== -1 || (kind === KIND.status) !== (this.#mode === 'response')) {
      this.#result = 'malformed';
      return;
    }
    const at = this.#pseudoLength;
    this.#pseudo = withRoom(this.#pseudo, at, length);
    copyBytes(from, start, length, this.#pseudo, at);
    places[kind * 2] = at;
    places[kind * 2 + 1] = at + length;
    // An empty `:authority` leaves nothing else behind by which `begin` would know that there is something to forget.
    this.#pseudoLength = at + length + 1;
  }

  // oxlint-disable-next-line max-params -- a line and what is known of it
  #special(from: Uint8Array, start: number, nameLength: number, valueLength: number, kind: number): void {
    const length = nameLength + valueLength + LINE_OVERHEAD;
    const value = start + nameLength + 2;
    if (this.#mode === 'trailers') {
      if (kind !== KIND.plain || NOT_IN_TRAILERS.some((name) => matches(from, start, start + nameLength, name))) this.#result = 'malformed';
      else this.#append(from, start, length);
    } else if (kind === KIND.cookie && this.#mode === 'request') this.#takeCookie(from, value, valueLength);
    else if (kind === KIND.contentLength) {
      const again = this.contentLength;
      this.contentLength = lengthValue(from, value, value + valueLength);
      if (again < 0) this.#append(from, start, length);
      else if (again !== this.contentLength) this.#result = 'malformed';
    } else if (kind === KIND.host && this.#mode === 'request') this.#takeHost(from, start, valueLength);
    else this.#append(from, start, length);
  }

  /** `host` says what `:authority` says, or stands for it (section 8.3.1). */
  #takeHost(from: Uint8Array, start: number, valueLength: number): void {
    const authority = this.#places[KIND.authority * 2] as number;
    const authorityEnd = this.#places[KIND.authority * 2 + 1] as number;
    if (authorityEnd > authority) {
      // Compared without case, as names of hosts are.
      if (!sameText(from, start + HOST.length, this.#pseudo.subarray(authority, authorityEnd), valueLength)) this.#result = 'malformed';
    } else if (this.#hostLine || valueLength === 0) this.#result = 'malformed';
    else {
      this.#hostLine = true;
      this.#append(from, start, HOST.length + valueLength + 2);
    }
  }

  /** Crumbs are put together again (section 8.2.3): behind this hop there may be an HTTP/1.1 server. */
  #takeCookie(from: Uint8Array, start: number, length: number): void {
    let at = this.#cookieLength;
    this.#cookie = withRoom(this.#cookie, at, length + 2);
    if (at > 0) {
      this.#cookie[at++] = 59;
      this.#cookie[at++] = 32;
    }
    copyBytes(from, start, length, this.#cookie, at);
    this.#cookieLength = at + length;
  }

  /** All pseudo-fields are there: writes the start line; false = malformed. */
  #startLine(): boolean {
    this.#started = true;
    if (this.#mode === 'response' ? this.#statusLine() : this.#requestLine()) return true;
    this.#result = 'malformed';
    return false;
  }

  #statusLine(): boolean {
    const at = this.#places[KIND.status * 2] as number;
    if (at < 0) return false;
    this.status = lengthValue(this.#pseudo, at, at + 3);
    this.#reserve(START_LINE_BYTES);
    this.#write(RESPONSE, 0, RESPONSE.length);
    this.#write(this.#pseudo, at, at + 3);
    this.bytes[this.end] = 32;
    this.bytes[this.end + 1] = 13;
    this.bytes[this.end + 2] = 10;
    this.end += 3;
    return true;
  }

  #requestLine(): boolean {
    const places = this.#places;
    const method = places[KIND.method * 2] as number;
    if (method < 0) return false;
    const methodEnd = places[KIND.method * 2 + 1] as number;
    const authority = places[KIND.authority * 2] as number;
    const authorityEnd = places[KIND.authority * 2 + 1] as number;
    const connect = equals(this.#pseudo, method, methodEnd, CONNECT);
    this.extended = places[KIND.protocol * 2] !== -1;
    this.#reserve(this.#pseudoLength + START_LINE_BYTES + authorityEnd - authority);
    if (this.extended) {
      if (!connect || !this.#limits.enableConnectProtocol || authorityEnd === authority || !this.#checkTarget(method, methodEnd)) return false;
      this.#write(GET, 0, GET.length);
      this.#target(KIND.path);
    } else if (connect) {
      if (authorityEnd === authority || places[KIND.path * 2] !== -1 || places[KIND.scheme * 2] !== -1) return false;
      this.#write(CONNECT, 0, CONNECT.length);
      this.#target(KIND.authority);
    } else {
      if (!this.#checkTarget(method, methodEnd)) return false;
      this.#write(this.#pseudo, method, methodEnd);
      this.#target(KIND.path);
    }
    this.#hostLine = authorityEnd > authority;
    if (this.#hostLine) this.#line(HOST, KIND.authority);
    if (this.extended) this.#line(UPGRADE, KIND.protocol);
    return true;
  }

  /** `:scheme` and `:path` as every request but CONNECT has them. */
  #checkTarget(method: number, methodEnd: number): boolean {
    const pseudo = this.#pseudo;
    const path = this.#places[KIND.path * 2] as number;
    const scheme = this.#places[KIND.scheme * 2] as number;
    if (path < 0 || scheme < 0) return false;
    const schemeEnd = this.#places[KIND.scheme * 2 + 1] as number;
    this.scheme = matches(pseudo, scheme, schemeEnd, HTTPS) ? 'https' : matches(pseudo, scheme, schemeEnd, HTTP) ? 'http' : '';
    this.isHead =
      methodEnd - method === 4 && pseudo[method] === 72 && pseudo[method + 1] === 69 && pseudo[method + 2] === 65 && pseudo[method + 3] === 68;
    if (pseudo[path] === SLASH) return true;
    return this.#places[KIND.path * 2 + 1] === path + 1 && pseudo[path] === 42 && equals(pseudo, method, methodEnd, OPTIONS);
  }

  #target(kind: number): void {
    this.bytes[this.end++] = 32;
    this.#write(this.#pseudo, this.#places[kind * 2] as number, this.#places[kind * 2 + 1] as number);
    this.#write(VERSION, 0, VERSION.length);
  }

  #line(before: Uint8Array, kind: number): void {
    this.#write(before, 0, before.length);
    this.#write(this.#pseudo, this.#places[kind * 2] as number, this.#places[kind * 2 + 1] as number);
    this.bytes[this.end++] = 13;
    this.bytes[this.end++] = 10;
  }

  #write(from: Uint8Array, start: number, end: number): void {
    copyBytes(from, start, end - start, this.bytes, this.end);
    this.end += end - start;
  }

  /** The block is over. */
  finish(): HeadResult {
    if (this.#result !== 'ok' || (!this.#started && !this.#startLine())) return this.#result;
    if (this.#mode === 'trailers') return 'ok';
    if (this.#cookieLength > 0) this.#cookieLine();
    if (this.#result === 'ok' && this.#mode === 'request' && !this.#hostLine) this.#result = 'malformed';
    this.#reserve(this.end + 2);
    this.bytes[this.end++] = 13;
    this.bytes[this.end++] = 10;
    return this.#result;
  }

  #cookieLine(): void {
    const at = this.end + COOKIE.length;
    this.#reserve(at + this.#cookieLength + 2);
    this.bytes.set(COOKIE, this.end);
    copyBytes(this.#cookie, 0, this.#cookieLength, this.bytes, at);
    this.bytes[at + this.#cookieLength] = 13;
    this.bytes[at + this.#cookieLength + 1] = 10;
    this.#append(this.bytes, this.end, COOKIE.length + this.#cookieLength + 2);
  }

  /** Is this head what the block gives, read with the table as it is after `changes` changes? */
  recalls(block: Uint8Array, start: number, end: number, changes: number): boolean {
    if (changes !== this.#memoryChanges || end - start !== this.#memoryLength) return false;
    for (let i = 0; i < this.#memoryLength; i++) if (this.#memory[i] !== block[start + i]) return false;
    return true;
  }

  /** Remembers the block that has just given this head without changing the table. */
  remember(block: Uint8Array, start: number, end: number, changes: number): void {
    const length = end - start;
    if (length > MEMORY_BYTES) return;
    if (this.#memory.length < length) this.#memory = new Uint8Array(Math.max(64, length * 2));
    copyBytes(block, start, length, this.#memory, 0);
    this.#memoryLength = length;
    this.#memoryChanges = changes;
  }

  load(scanner: HeadScanner): boolean {
    return (this.#mode === 'request' ? scanner.request(this.bytes, 0, this.end) : scanner.response(this.bytes, 0, this.end)) > 0;
  }
}

const EMPTY = new Uint8Array(0);

/** `bytes` with room for `more` after `used`. */
function withRoom(bytes: Uint8Array, used: number, more: number): Uint8Array {
  if (used + more <= bytes.length) return bytes;
  const bigger = new Uint8Array(Math.max(used + more, bytes.length * 2, 128));
  bigger.set(bytes.subarray(0, used));
  return bigger;
}

function equals(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  if (end - start !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

function sameText(bytes: Uint8Array, at: number, wanted: Uint8Array, length: number): boolean {
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) {
    const a = bytes[at + i] as number;
    const b = wanted[i] as number;
    if (a !== b && ((a | 32) !== (b | 32) || (a | 32) < 97 || (a | 32) > 122)) return false;
  }
  return true;
}
