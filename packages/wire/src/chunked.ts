/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables; a call per byte costs a third of its speed. */
import { ascii, matches } from './ascii.ts';
import { DEFAULT_LIMITS, type WireError, type WireLimits } from './limits.ts';
import { FIELD_VALUE, HEX_VALUE, TOKEN } from './tables.ts';

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const COLON = 58;
/** 2^52 is 13 hexadecimal digits: larger sizes could not be counted exactly. */
const MAX_SIZE_DIGITS = 13;
/** Trailer names as long as this, or longer, are none of the forbidden ones. */
const NAME_BYTES = 32;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const END_LF = 10;

/** Called with each piece of payload; `bytes[start, end)`. */
export type PayloadSink = (bytes: Uint8Array, start: number, end: number) => void;

/**
 * Fields that frame or address a message, or say who sends it, must not come in trailers (RFC 9110 section 6.5.1): of headers they are put
 * right or taken away by this hop, and who merges trailers into headers would believe them.
 */
export const NOT_IN_TRAILERS: readonly Uint8Array[] = [
  'content-length transfer-encoding host connection keep-alive proxy-connection te trailer upgrade expect',
  'authorization proxy-authorization cookie set-cookie',
  'forwarded x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-client-cert x-envoy-internal x-envoy-external-address',
].flatMap((names) => names.split(' ').map(ascii));

/**
 * Follows a chunked body (RFC 9112 section 7.1) as it passes by, without changing it: tells where it ends, and refuses what a more
 * lenient parser could read differently (bare LF, white space around sizes, control characters in extensions, framing trailers).
 */
export class ChunkedFramer {
  error: WireError = 'bad-chunk';
  /** Payload bytes seen so far in this body. */
  payloadBytes = 0;
  #state = SIZE;
  #left = 0;
  #digits = 0;
  #overhead = 0;
  readonly #name = new Uint8Array(NAME_BYTES);
  #nameLength = 0;
  /** Trailer lines, kept only when somebody takes the payload. */
  #trailers: number[] | undefined = undefined;
  readonly #limits: WireLimits;

  constructor(limits: WireLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Begins a new body. */
  start(): void {
    this.payloadBytes = 0;
    this.#state = SIZE;
    this.#left = 0;
    this.#digits = 0;
    this.#overhead = 0;
    this.#trailers = undefined;
  }

  /** The trailer lines of a body that is whole, each with its line end; undefined = none, or nobody took the payload. */
  get trailers(): Uint8Array | undefined {
    return this.#trailers === undefined ? undefined : Uint8Array.from(this.#trailers);
  }

  /** Index after the body's last byte, `end + 1` while it goes on (everything belongs to it), or -1 when it is refused. */
  feed(bytes: Uint8Array, start: number, end: number, sink?: PayloadSink): number {
    let p = start;
    while (p < end) {
      switch (this.#state) {
        case DATA: {
          const take = Math.min(this.#left, end - p);
          if (sink !== undefined) sink(bytes, p, p + take);
          p += take;
          this.payloadBytes += take;
          this.#left -= take;
          if (this.#left === 0) this.#state = DATA_CR;
          break;
        }
        case DATA_CR:
          if (bytes[p++] !== CR) return this.#refuse('bad-chunk');
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[p++] !== LF) return this.#refuse('bad-chunk');
          this.#state = SIZE;
          this.#left = 0;
          this.#digits = 0;
          break;
        case END_LF:
          return bytes[p] === LF ? p + 1 : this.#refuse('bad-trailer');
        default: {
          const good = this.#state <= SIZE_LF ? this.#sizeLine(bytes[p] as number) : this.#trailer(bytes[p] as number);
          if (!good) return -1;
          if (sink !== undefined && this.#state >= TRAILER_START) this.#keepTrailer(bytes[p] as number);
          p++;
        }
      }
    }
    return end + 1;
  }

  #sizeLine(byte: number): boolean {
    switch (this.#state) {
      case SIZE: {
        const digit = HEX_VALUE[byte] as number;
        if (digit !== 255) {
          this.#left = this.#left * 16 + digit;
          return ++this.#digits <= MAX_SIZE_DIGITS || this.#bad('bad-chunk');
        }
        if (this.#digits === 0) return this.#bad('bad-chunk');
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION;
        else return this.#bad('bad-chunk');
        this.#overhead = 0;
        return true;
      }
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF;
        else if (FIELD_VALUE[byte] === 0 || ++this.#overhead > this.#limits.maxChunkExtensionBytes) return this.#bad('bad-chunk');
        return true;
      default:
        if (byte !== LF) return this.#bad('bad-chunk');
        this.#state = this.#left === 0 ? TRAILER_START : DATA;
        this.#overhead = 0;
        return true;
    }
  }

  #trailer(byte: number): boolean {
    if (++this.#overhead > this.#limits.maxTrailerBytes) return this.#bad('bad-trailer');
    switch (this.#state) {
      case TRAILER_START:
        if (byte === CR) {
          this.#state = END_LF;
          return true;
        }
        this.#nameLength = 0;
        this.#state = TRAILER_NAME;
        return this.#trailerName(byte);
      case TRAILER_NAME:
        return this.#trailerName(byte);
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (FIELD_VALUE[byte] === 0) return this.#bad('bad-trailer');
        return true;
      default:
        if (byte !== LF) return this.#bad('bad-trailer');
        this.#state = TRAILER_START;
        return true;
    }
  }

  #trailerName(byte: number): boolean {
    if (byte === COLON && this.#nameLength > 0) {
      this.#state = TRAILER_VALUE;
      return !NOT_IN_TRAILERS.some((name) => matches(this.#name, 0, this.#nameLength, name)) || this.#bad('bad-trailer');
    }
    if (TOKEN[byte] === 0) return this.#bad('bad-trailer');
    if (this.#nameLength < NAME_BYTES) this.#name[this.#nameLength++] = byte;
    return true;
  }

  /** The byte was taken already: an LF that led here ended a line, of a chunk's size or of a trailer. */
  #keepTrailer(byte: number): void {
    if (this.#state === END_LF) return;
    if (this.#state === TRAILER_START && this.#trailers === undefined) return;
    (this.#trailers ??= []).push(byte);
  }

  #bad(error: WireError): false {
    this.error = error;
    return false;
  }

  #refuse(error: WireError): number {
    this.error = error;
    return -1;
  }
}
