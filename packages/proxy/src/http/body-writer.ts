import type { Output } from '../core/output.ts';

/** So much may gather before the producer is told to wait. */
const HIGH_BYTES = 256 * 1024;
const LAST_CHUNK = '0\r\n';

/**
 * Writes messages whose body comes as payload to an HTTP/1.1 peer: head, pieces and end of one event go out in one write. Bodies of
 * unknown length are chunked (RFC 9112 section 7.1).
 */
export class BodyWriter {
  readonly output: Output;
  #chunked = false;
  /** The producer was told to wait until what has gathered is written. */
  #full = false;

  constructor(output: Output) {
    this.output = output;
  }

  /** Begins a message; the head is in `bytes[0, length)`. */
  begin(bytes: Buffer, length: number, chunked: boolean): void {
    this.#chunked = chunked;
    this.output.add(bytes, 0, length);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const { output } = this;
    // A chunk of size 0 would end the body.
    if (end > start) {
      if (this.#chunked) output.addText(`${(end - start).toString(16)}\r\n`);
      output.add(bytes, start, end);
      if (this.#chunked) output.addText('\r\n');
    }
    if (output.length >= HIGH_BYTES) this.#full = true;
    return !this.#full;
  }

  /** What has gathered is written; answers whether a producer waits for that. */
  resume(): boolean {
    const full = this.#full;
    this.#full = false;
    return full;
  }

  /** The body is whole. Trailers can only follow chunks; elsewhere they are dropped, as HTTP/1.1 has no place for them. */
  end(trailers: Uint8Array | undefined): void {
    if (!this.#chunked) return;
    const { output } = this;
    output.addText(LAST_CHUNK);
    if (trailers !== undefined) output.add(trailers, 0, trailers.length);
    output.addText('\r\n');
    this.#chunked = false;
  }
}
