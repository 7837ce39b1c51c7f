import type { H2Session, H2Stream } from '@meltemi/wire';
import { asBuffer } from '../net/node-bytes.ts';

/** From so many waiting bytes on, the producer is told to stop. */
const HIGH_BYTES = 64 * 1024;

/** The connection as its streams see it. */
export interface Link<Owner> {
  readonly session: H2Session<Owner>;
  /** The socket does not take what was written: payload waits. */
  readonly blocked: boolean;
  /** A queue holds something. */
  readonly waiting: Set<SendQueue<Owner>>;
}

/**
 * Payload of one stream on its way out. As a rule it goes into a frame at once; what the peer's windows or the socket do not take waits
 * here, and its producer is slowed down.
 */
export class SendQueue<Owner> {
  readonly #link: Link<Owner>;
  readonly #drained: () => void;
  #stream: H2Stream<Owner> | undefined = undefined;
  #parts: Buffer[] = [];
  #bytes = 0;
  #slow = false;
  /** The end has been told; with trailers, or without. */
  #ending = false;
  #trailers: Uint8Array | undefined = undefined;

  /** `drained`: the producer was told to stop and may go on. */
  constructor(link: Link<Owner>, drained: () => void) {
    this.#link = link;
    this.#drained = drained;
  }

  /** Begins with a stream whose head is sent. */
  start(stream: H2Stream<Owner>): void {
    this.#stream = stream;
  }

  /** Nothing is sent any more. */
  clear(): void {
    if (this.#bytes > 0 || this.#ending) this.#link.waiting.delete(this);
    this.#stream = undefined;
    this.#parts = [];
    this.#bytes = 0;
    this.#slow = false;
    this.#ending = false;
    this.#trailers = undefined;
  }

  /** Everything was sent, the end included. */
  get done(): boolean {
    return this.#stream === undefined || this.#stream.localEnded || this.#stream.closed;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const stream = this.#stream;
    if (stream === undefined || start === end) return !this.#slow;
    let from = start;
    if (this.#bytes === 0 && !this.#link.blocked) {
      from += this.#link.session.writeData(stream, bytes, start, end);
      if (from === end) return true;
    }
    this.#keep(bytes, from, end);
    if (this.#bytes >= HIGH_BYTES) this.#slow = true;
    return !this.#slow;
  }

  /** The last payload. */
  last(bytes: Uint8Array, start: number, end: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    let from = start;
    if (this.#bytes === 0 && !this.#link.blocked) from += this.#link.session.writeLast(stream, bytes, start, end);
    if (stream.localEnded || stream.closed) return;
    if (from < end) this.#keep(bytes, from, end);
    this.#end(undefined);
  }

  /** Ends the stream, with trailers if there are some. */
  end(trailers: Uint8Array | undefined): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (this.#bytes > 0 || this.#link.blocked) {
      // They may lie in a buffer that is filled again.
      this.#end(trailers === undefined ? undefined : Buffer.from(trailers));
      return;
    }
    this.#finish(stream, trailers);
  }

  /** The windows or the socket have room again. */
  pump(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#link.blocked) return;
    let sent = 0;
    for (const part of this.#parts) {
      const taken = this.#link.session.writeData(stream, part, 0, part.length);
      this.#bytes -= taken;
      if (taken < part.length) {
        this.#parts[sent] = part.subarray(taken);
        break;
      }
      sent++;
    }
    this.#parts.splice(0, sent);
    if (this.#parts.length === 0) {
      this.#link.waiting.delete(this);
      if (this.#ending) this.#finish(stream, this.#trailers);
    }
    this.#wake();
  }

  #finish(stream: H2Stream<Owner>, trailers: Uint8Array | undefined): void {
    this.#ending = false;
    const { session } = this.#link;
    if (trailers === undefined) session.writeLast(stream, EMPTY, 0, 0);
    else session.writeTrailers(stream, trailers, 0, trailers.length);
  }

  #wake(): void {
    if (!this.#slow || this.#bytes >= HIGH_BYTES / 2) return;
    this.#slow = false;
    this.#drained();
  }

  #end(trailers: Uint8Array | undefined): void {
    this.#ending = true;
    this.#trailers = trailers;
    this.#link.waiting.add(this);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#parts.push(Buffer.from(asBuffer(bytes).subarray(start, end)));
    this.#bytes += end - start;
    this.#link.waiting.add(this);
  }
}

const EMPTY = new Uint8Array(0);
