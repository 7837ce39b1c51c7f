const HEADER_BYTES = 2;
const MASK_BYTES = 4;
const CLOSE = 0x88;

/**
 * Follows the frames of a WebSocket in one direction (RFC 6455 section 5.2) without looking into them, in order to know where a frame of
 * one's own may stand: between two of the sender's. Takes bytes in pieces of any size.
 */
export class WebSocketFrames {
  /** Bytes of the present header so far; its length is known when two are there. */
  #header = 0;
  #headerSize = HEADER_BYTES;
  #lengthBytes = 0;
  #length = 0;
  /** Bytes of the payload that are still to come. */
  #payload = 0;

  /** Between two frames. */
  get between(): boolean {
    return this.#header === 0 && this.#payload === 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#payload > 0) {
        const taken = Math.min(this.#payload, end - at);
        this.#payload -= taken;
        at += taken;
      } else this.#headerByte(bytes[at++] as number);
    }
  }

  #headerByte(byte: number): void {
    const at = this.#header++;
    if (at === 1) {
      const told = byte & 0x7f;
      this.#lengthBytes = told === 126 ? 2 : told === 127 ? 8 : 0;
      this.#length = this.#lengthBytes === 0 ? told : 0;
      this.#headerSize = HEADER_BYTES + this.#lengthBytes + ((byte & 0x80) === 0 ? 0 : MASK_BYTES);
    } else if (at > 1 && at < HEADER_BYTES + this.#lengthBytes) this.#length = this.#length * 256 + byte;
    if (this.#header < HEADER_BYTES || this.#header < this.#headerSize) return;
    this.#payload = this.#length;
    this.#header = 0;
    this.#headerSize = HEADER_BYTES;
  }
}

/** A server's frame that ends a WebSocket, with its status (RFC 6455 section 7.4) and at most 123 bytes of ASCII that say why. */
export function webSocketClose(status: number, reason: string): Uint8Array {
  const frame = new Uint8Array(4 + reason.length);
  frame.set([CLOSE, 2 + reason.length, status >>> 8, status & 0xff]);
  for (let at = 0; at < reason.length; at++) frame[4 + at] = reason.charCodeAt(at);
  return frame;
}
