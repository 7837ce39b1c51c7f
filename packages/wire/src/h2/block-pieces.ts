import type { BytesPort } from '../bytes.ts';
import { noBytes, withRoom } from './field-table.ts';

/** A header block that comes as HEADERS and CONTINUATIONs. */
export class BlockPieces {
  #bytes: Uint8Array;
  length = 0;
  /** Pieces so far. */
  count = 0;
  readonly #port: BytesPort;

  constructor(port: BytesPort) {
    this.#port = port;
    this.#bytes = noBytes(port);
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = withRoom(this.#port, this.#bytes, this.length, end - start);
    this.#bytes.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
    this.count++;
  }

  /** The block, which is given up here: connections at rest keep nothing. */
  take(): Uint8Array {
    const block = this.#bytes;
    this.#bytes = noBytes(this.#port);
    this.length = 0;
    this.count = 0;
    return block;
  }
}
