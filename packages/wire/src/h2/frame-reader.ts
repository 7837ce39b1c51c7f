/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables. */
import type { BytesPort } from '../bytes.ts';
import { ascii } from '../ascii.ts';
import { H2_ERROR } from './error-codes.ts';
import { withRoom } from './field-table.ts';
import { FLAG, FRAME, FRAME_HEADER, uint31 } from './frames.ts';

/** The client's connection preface (RFC 9113 section 3.4). */
export const PREFACE: Uint8Array = ascii('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A frame's header. */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** Of the payload. */
  readonly length: number;
}

/** Hears frames. Every method answers whether to go on reading. */
export interface FrameSink {
  /** Any frame but DATA, whole: `bytes[start, start + header.length)` is its payload. */
  frame(header: FrameHeader, bytes: Uint8Array, start: number): boolean;
  /** A DATA frame begins; `padding` bytes of it, and the one that says so, are no payload. */
  dataFrame(header: FrameHeader, padding: number): boolean;
  /** Payload of that frame, in pieces as they come; `last` once for each frame, possibly empty. */
  dataPiece(bytes: Uint8Array, start: number, end: number, last: boolean): boolean;
  /** What came is no HTTP/2. */
  broken(code: number, reason: string): void;
}

/**
 * Cuts a byte stream into frames (RFC 9113 section 4), wherever it is split. DATA goes on at once, other frames when they are whole.
 * `expect` is a stream id while a header block is open there: then nothing but its CONTINUATION may come (section 6.10).
 */
export class FrameReader {
  expect = 0;
  readonly #sink: FrameSink;
  readonly #maxFrame: number;
  readonly #port: BytesPort;
  /** Bytes of the preface still to come; -1 = the first frame is still to come. */
  #prefaceLeft: number;
  #first = true;
  /** A frame that is not whole. */
  #held: Uint8Array = EMPTY;
  #heldLength = 0;
  /** Inside a DATA frame: payload and padding to come. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #inData = false;
  readonly #header = { type: 0, flags: 0, streamId: 0, length: 0 };

  constructor(sink: FrameSink, options: { readonly port: BytesPort; readonly maxFrameSize: number; readonly preface: boolean }) {
    this.#sink = sink;
    this.#port = options.port;
    this.#maxFrame = options.maxFrameSize;
    this.#prefaceLeft = options.preface ? PREFACE.length : 0;
  }

  /** Reads; false = the sink wanted no more, or was told that it is broken. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    let p = start;
    while (this.#prefaceLeft > 0 && p < end)
      if (bytes[p++] !== PREFACE[PREFACE.length - this.#prefaceLeft--]) return this.#broken(H2_ERROR.protocolError, 'bad_preface');
    while (p < end) {
      if (this.#inData) {
        p = this.#data(bytes, p, end);
        if (p < 0) return false;
      } else if (this.#heldLength > 0) {
        p = this.#hold(bytes, p, end);
        if (p < 0) return false;
      } else if (end - p < FRAME_HEADER) p = this.#hold(bytes, p, end);
      else {
        if (!this.#begin(bytes, p)) return false;
        const { type, length } = this.#header;
        const padded = type === FRAME.data && (this.#header.flags & FLAG.padded) !== 0;
        if (type === FRAME.data && (!padded || end - p > FRAME_HEADER)) {
          if (!this.#beginData(bytes, p + FRAME_HEADER, padded)) return false;
          p += padded ? FRAME_HEADER + 1 : FRAME_HEADER;
          if (this.#dataLeft === 0 && this.#paddingLeft === 0 && !this.#endData(bytes, p)) return false;
        } else if (type !== FRAME.data && end - p >= FRAME_HEADER + length) {
          if (!this.#sink.frame(this.#header, bytes, p + FRAME_HEADER)) return false;
          p += FRAME_HEADER + length;
        } else p = this.#hold(bytes, p, end);
      }
    }
    return true;
  }

  #broken(code: number, reason: string): false {
    this.#sink.broken(code, reason);
    return false;
  }

  /** Reads a frame header and refuses frames that must not come here. */
  #begin(bytes: Uint8Array, at: number): boolean {
    const header = this.#header;
    header.length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    header.type = bytes[at + 3] as number;
    header.flags = bytes[at + 4] as number;
    header.streamId = uint31(bytes, at + 5);
    if (header.length > this.#maxFrame) return this.#broken(H2_ERROR.frameSizeError, 'frame_too_large');
    if (this.#first) {
      if (header.type !== FRAME.settings || (header.flags & FLAG.ack) !== 0) return this.#broken(H2_ERROR.protocolError, 'no_settings');
      this.#first = false;
    }
    if (this.expect !== 0 ? header.type !== FRAME.continuation || header.streamId !== this.expect : header.type === FRAME.continuation)
      return this.#broken(H2_ERROR.protocolError, 'header_block_interrupted');
    return true;
  }

  #beginData(bytes: Uint8Array, at: number, padded: boolean): boolean {
    const header = this.#header;
    let padding = 0;
    let left = header.length;
    if (padded) {
      // A padded frame of length 0 has no room for the byte that tells how much.
      padding = left === 0 ? 1 : (bytes[at] as number);
      left -= 1;
      if (padding > left) return this.#broken(H2_ERROR.protocolError, 'bad_padding');
    }
    this.#dataLeft = left - padding;
    this.#paddingLeft = padding;
    this.#inData = true;
    return this.#sink.dataFrame(header, padding);
  }

  /** Takes payload and padding. Answers the index after it, -1 = stop. */
  #data(bytes: Uint8Array, start: number, end: number): number {
    const payload = Math.min(this.#dataLeft, end - start);
    this.#dataLeft -= payload;
    let p = start + payload;
    const padding = Math.min(this.#paddingLeft, end - p);
    this.#paddingLeft -= padding;
    const last = this.#dataLeft === 0 && this.#paddingLeft === 0;
    if (last) this.#inData = false;
    if ((payload > 0 || last) && !this.#sink.dataPiece(bytes, start, p, last)) return -1;
    return p + padding;
  }

  #endData(bytes: Uint8Array, at: number): boolean {
    this.#inData = false;
    return this.#sink.dataPiece(bytes, at, at, true);
  }

  /** Keeps bytes until a frame (of DATA: its header and the length of its padding) is whole. Answers the index after them, -1 = stop. */
  #hold(bytes: Uint8Array, start: number, end: number): number {
    let p = start;
    let wanted = this.#wanted();
    for (;;) {
      const take = Math.min(wanted - this.#heldLength, end - p);
      if (this.#held.length < wanted) this.#held = withRoom(this.#port, this.#held, this.#heldLength, wanted - this.#heldLength);
      this.#held.set(bytes.subarray(p, p + take), this.#heldLength);
      this.#heldLength += take;
      p += take;
      if (this.#heldLength < wanted) return p;
      if (wanted === FRAME_HEADER) {
        if (!this.#begin(this.#held, 0)) return -1;
        wanted = this.#wanted();
        if (this.#heldLength < wanted) continue;
      }
      const good = this.#release();
      return good ? p : -1;
    }
  }

  /** Bytes that must be there before the held frame can be taken. */
  #wanted(): number {
    if (this.#heldLength < FRAME_HEADER) return FRAME_HEADER;
    const { type, flags, length } = this.#header;
    if (type !== FRAME.data) return FRAME_HEADER + length;
    return (flags & FLAG.padded) !== 0 && length > 0 ? FRAME_HEADER + 1 : FRAME_HEADER;
  }

  #release(): boolean {
    const held = this.#held;
    this.#heldLength = 0;
    // Idle connections keep no storage.
    this.#held = EMPTY;
    if (this.#header.type !== FRAME.data) return this.#sink.frame(this.#header, held, FRAME_HEADER);
    if (!this.#beginData(held, FRAME_HEADER, (this.#header.flags & FLAG.padded) !== 0)) return false;
    return this.#dataLeft > 0 || this.#paddingLeft > 0 || this.#endData(held, 0);
  }
}

const EMPTY = new Uint8Array(0);
