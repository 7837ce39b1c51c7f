import type { BytesPort } from '../bytes.ts';
import { ascii, matches } from '../ascii.ts';
import { lengthValue } from '../content-length.ts';
import { KIND } from './field-kinds.ts';
import { copyBytes, noBytes, withRoom } from './field-table.ts';

const KINDS = 7;
const SLASH = 47;
const STAR = 42;

const VERSION = ascii(' HTTP/1.1\r\n');
const RESPONSE = ascii('HTTP/1.1 ');
const HOST = ascii('host: ');
const UPGRADE = ascii('connection: upgrade\r\nupgrade: ');
const CONNECT = ascii('CONNECT');
const OPTIONS = ascii('OPTIONS');
const HEAD = ascii('HEAD');
const GET = ascii('GET');
const HTTP = ascii('http');
const HTTPS = ascii('https');
/** What a start line holds beside the values: spaces, version, `host: `, the lines of an upgrade, line ends. */
const AROUND_BYTES = 96;

/** The pseudo-fields of a head (RFC 9113 section 8.3), kept until the start line that they make can be written. */
export class PseudoFields {
  /** Of what was written last: ends of method and target, start and end of the host's value, start of the header lines, end. */
  methodEnd = 0;
  targetEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  end = 0;
  status = 0;
  scheme: 'http' | 'https' | '' = '';
  extended = false;
  isHead = false;
  #bytes: Uint8Array;
  #length = 0;
  /** Start and end of the value by kind; start -1 = absent. */
  readonly #places = new Int32Array(KINDS * 2).fill(-1);
  readonly #port: BytesPort;

  constructor(port: BytesPort) {
    this.#port = port;
    this.#bytes = noBytes(port);
  }

  /** Most bytes that a start line and the lines that belong to it can take. CONNECT writes its authority twice. */
  get room(): number {
    return this.#length * 2 + AROUND_BYTES;
  }

  /** Forgets all. */
  clear(): void {
    if (this.#length > 0) this.#places.fill(-1);
    this.#length = 0;
  }

  /** Takes a value; false = there is one already. */
  // oxlint-disable-next-line max-params -- a range and its kind
  take(from: Uint8Array, start: number, length: number, kind: number): boolean {
    if (this.#places[kind * 2] !== -1) return false;
    const at = this.#length;
    this.#bytes = withRoom(this.#port, this.#bytes, at, length);
    copyBytes(from, start, length, this.#bytes, at);
    this.#places[kind * 2] = at;
    this.#places[kind * 2 + 1] = at + length;
    // An empty value must leave something behind for `clear` to see.
    this.#length = at + length + 1;
    return true;
  }

  /** Is there an `:authority` that says something? */
  get hasAuthority(): boolean {
    return this.#lengthOf(KIND.authority) > 0;
  }

  /** Is `from[start, end)` the `:authority`, in any case? */
  isAuthority(from: Uint8Array, start: number, end: number): boolean {
    const at = this.#places[KIND.authority * 2] as number;
    if (end - start !== this.#lengthOf(KIND.authority)) return false;
    for (let i = start; i < end; i++) {
      const a = from[i] as number;
      const b = this.#bytes[at + i - start] as number;
      if (a !== b && ((a | 32) !== (b | 32) || (a | 32) < 97 || (a | 32) > 122)) return false;
    }
    return true;
  }

  /** Writes the status line at the start of `to`; false = malformed. */
  statusLine(to: Uint8Array): boolean {
    const at = this.#places[KIND.status * 2] as number;
    if (at < 0) return false;
    this.status = lengthValue(this.#bytes, at, at + 3);
    copyBytes(RESPONSE, 0, RESPONSE.length, to, 0);
    copyBytes(this.#bytes, at, 3, to, RESPONSE.length);
    this.end = RESPONSE.length + 3;
    to[this.end++] = 32;
    this.#lineEnd(to);
    return true;
  }

  /** Writes the request line and the lines that belong to it at the start of `to`, where there is `room`; false = malformed. */
  requestLine(to: Uint8Array, connectProtocol: boolean): boolean {
    this.extended = this.#has(KIND.protocol);
    this.scheme = '';
    this.isHead = false;
    if (!this.#has(KIND.method)) return false;
    const target = this.#is(KIND.method, CONNECT) ? this.#connectTarget(connectProtocol) : this.#pathTarget();
    if (target === KIND.malformed) return false;
    this.end = 0;
    if (this.extended) this.#text(GET, to);
    else this.#value(KIND.method, to);
    this.methodEnd = this.end;
    to[this.end++] = 32;
    this.#value(target, to);
    this.targetEnd = this.end;
    this.#text(VERSION, to);
    if (!this.hasAuthority) return true;
    this.#text(HOST, to);
    this.hostStart = this.end;
    this.#value(KIND.authority, to);
    this.hostEnd = this.end;
    this.#lineEnd(to);
    if (!this.extended) return true;
    this.#text(UPGRADE, to);
    this.#value(KIND.protocol, to);
    this.#lineEnd(to);
    return true;
  }

  /** Which field is the target of a CONNECT: sections 8.5 and RFC 8441 section 4. */
  #connectTarget(connectProtocol: boolean): number {
    if (!this.hasAuthority) return KIND.malformed;
    if (this.extended) return connectProtocol && this.#origin() ? KIND.path : KIND.malformed;
    return this.#has(KIND.path) || this.#has(KIND.scheme) ? KIND.malformed : KIND.authority;
  }

  #pathTarget(): number {
    if (this.extended || !this.#has(KIND.path)) return KIND.malformed;
    this.isHead = this.#is(KIND.method, HEAD);
    if (this.#origin()) return KIND.path;
    const at = this.#places[KIND.path * 2] as number;
    const asterisk = this.#lengthOf(KIND.path) === 1 && this.#bytes[at] === STAR && this.#is(KIND.method, OPTIONS);
    return asterisk && this.scheme !== '' ? KIND.path : KIND.malformed;
  }

  /** Are `:scheme` and a `:path` in origin form there? */
  #origin(): boolean {
    if (!this.#has(KIND.scheme) || !this.#has(KIND.path)) return false;
    const start = this.#places[KIND.scheme * 2] as number;
    const end = this.#places[KIND.scheme * 2 + 1] as number;
    this.scheme = matches(this.#bytes, start, end, HTTP) ? 'http' : matches(this.#bytes, start, end, HTTPS) ? 'https' : '';
    return this.#bytes[this.#places[KIND.path * 2] as number] === SLASH;
  }

  #has(kind: number): boolean {
    return this.#places[kind * 2] !== -1;
  }

  #lengthOf(kind: number): number {
    return (this.#places[kind * 2 + 1] as number) - (this.#places[kind * 2] as number);
  }

  #is(kind: number, text: Uint8Array): boolean {
    if (this.#lengthOf(kind) !== text.length) return false;
    const at = this.#places[kind * 2] as number;
    for (let i = 0; i < text.length; i++) if (this.#bytes[at + i] !== text[i]) return false;
    return true;
  }

  #value(kind: number, to: Uint8Array): void {
    const length = this.#lengthOf(kind);
    copyBytes(this.#bytes, this.#places[kind * 2] as number, length, to, this.end);
    this.end += length;
  }

  #text(text: Uint8Array, to: Uint8Array): void {
    copyBytes(text, 0, text.length, to, this.end);
    this.end += text.length;
  }

  #lineEnd(to: Uint8Array): void {
    to[this.end] = 13;
    to[this.end + 1] = 10;
    this.end += 2;
  }
}
