import type { BytesPort } from '../bytes.ts';
import { copyBytes, noBytes, withRoom } from './field-table.ts';

/** Longest block that is remembered. */
const LONGEST = 512;

/** The last block, and the state of the table that it was read with: the same block gives the same head. */
export class BlockMemory {
  #bytes: Uint8Array;
  #length = 0;
  #changes = -1;
  readonly #port: BytesPort;

  constructor(port: BytesPort) {
    this.#port = port;
    this.#bytes = noBytes(port);
  }

  /** Is this the remembered block, with a table that has changed as often? */
  // oxlint-disable-next-line max-params -- a range and the table's state
  recalls(block: Uint8Array, start: number, end: number, changes: number): boolean {
    if (changes !== this.#changes || end - start !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (this.#bytes[i] !== block[start + i]) return false;
    return true;
  }

  /** Remembers a block that has not changed the table. */
  // oxlint-disable-next-line max-params -- a range and the table's state
  remember(block: Uint8Array, start: number, end: number, changes: number): void {
    if (end - start > LONGEST) return;
    this.#length = end - start;
    this.#bytes = withRoom(this.#port, this.#bytes, 0, this.#length);
    copyBytes(block, start, this.#length, this.#bytes, 0);
    this.#changes = changes;
  }

  forget(): void {
    this.#changes = -1;
  }
}
