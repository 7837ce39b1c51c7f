/** A DNS message as it goes over TCP: two bytes of length before it (RFC 1035 section 4.2.2). */
export function frame(message: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(message.length + 2);
  out.writeUInt16BE(message.length, 0);
  out.set(message, 2);
  return out;
}

/** Cuts a TCP stream into messages. */
export class TcpMessages {
  readonly #maxBytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The messages that this chunk completes; undefined when the peer announces one that is empty or too long (hang up then). */
  push(chunk: Uint8Array): Uint8Array[] | undefined {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const messages: Uint8Array[] = [];
    while (this.#rest.length >= 2) {
      const length = this.#rest.readUInt16BE(0);
      if (length === 0 || length > this.#maxBytes) return undefined;
      if (this.#rest.length < length + 2) break;
      messages.push(this.#rest.subarray(2, length + 2));
      this.#rest = this.#rest.subarray(length + 2);
    }
    return messages;
  }
}
