import type { BytesPort } from './bytes.ts';
import { DEFAULT_LIMITS, type WireLimits } from './limits.ts';

const LF = 10;
const CR = 13;

/**
 * Gathers a message head that comes in pieces. A scanner that started over at every piece would do quadratic work for whoever
 * sends byte by byte; so it is asked to look again only when the head may be complete or has doubled, and
 * when it is longer than allowed.
 */
export class HeadBuffer {
  bytes: Uint8Array;
  length = 0;
  #scanned = 0;
  readonly #port: BytesPort;
  readonly #maxBytes: number;

  constructor(port: BytesPort, limits: WireLimits = DEFAULT_LIMITS) {
    this.#port = port;
    this.#maxBytes = limits.maxHeadBytes;
    this.bytes = EMPTY;
  }

  /** Adds a piece; true = scan `bytes[0, length)` now. */
  add(piece: Uint8Array, start: number, end: number): boolean {
    const from = this.length;
    this.#reserve(from + end - start);
    this.bytes.set(piece.subarray(start, end), from);
    this.length = from + end - start;
    if (this.length < this.#scanned * 2 && this.length <= this.#maxBytes && !this.#emptyLine(from)) return false;
    this.#scanned = this.length;
    return true;
  }

  /** Forgets the bytes; storage is given back so that idle connections keep none. */
  clear(): void {
    this.bytes = EMPTY;
    this.length = 0;
    this.#scanned = 0;
  }

  #reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const bigger = this.#port.allocate(Math.max(size, this.bytes.length * 2, 512));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  /** Is there a line end directly after another one? (Also a bare one: then the scanner can refuse at once.) */
  #emptyLine(from: number): boolean {
    for (let i = Math.max(1, from); i < this.length; i++) {
      if (this.bytes[i] !== LF) continue;
      const before = this.bytes[i - 1];
      if (before === LF || (before === CR && i >= 2 && this.bytes[i - 2] === LF)) return true;
    }
    return false;
  }
}

const EMPTY = new Uint8Array(0);
