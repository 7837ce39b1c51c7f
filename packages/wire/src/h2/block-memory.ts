import type { BytesPort } from '../bytes.ts';
import { copyBytes, type FieldTable, LINE_OVERHEAD, noBytes, withRoom } from './field-table.ts';

/** Longest block that is remembered, and most bytes and lines of what it has put into the table. */
const LONGEST = 512;
const MOST_LINES = 16;
/** Numbers per line in `#added`: length of its name, of its value, and its kind. */
const STRIDE = 3;
/** The block is remembered whatever the table holds. */
const ANY = -2;

/**
 * The last block, and the state of the table that it was read with: the same block gives the same head. One that uses no entry of the table gives it with
 * every table, and puts the same lines into it: servers (nginx) that add all that they send and never use it are understood without reading it again.
 */
export class BlockMemory {
  #bytes: Uint8Array;
  #length = 0;
  #changes = -1;
  /** The lines that the block has put into the table, one behind the other. */
  #lines: Uint8Array;
  #linesLength = 0;
  #added: Int32Array = NO_NUMBERS;
  #count = 0;
  /** It has put more there than is remembered. */
  #over = false;
  readonly #port: BytesPort;

  constructor(port: BytesPort) {
    this.#port = port;
    this.#bytes = noBytes(port);
    this.#lines = noBytes(port);
  }

  /** Is this the remembered block, with a table that has changed as often if that matters? */
  // oxlint-disable-next-line max-params -- a range and the table's state
  recalls(block: Uint8Array, start: number, end: number, changes: number): boolean {
    if ((this.#changes !== ANY && changes !== this.#changes) || end - start !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (this.#bytes[i] !== block[start + i]) return false;
    return true;
  }

  /** Puts the lines of the remembered block into the table, as reading it would. */
  addAgain(table: FieldTable): void {
    let at = 0;
    for (let i = 0; i < this.#count * STRIDE; i += STRIDE) {
      const nameLength = this.#added[i] as number;
      const valueLength = this.#added[i + 1] as number;
      table.add(this.#lines, at, nameLength, valueLength, this.#added[i + 2] as number);
      at += nameLength + valueLength + LINE_OVERHEAD;
    }
  }

  /** The block that is being read puts a line into the table. */
  // oxlint-disable-next-line max-params -- a line, as the table takes it
  added(line: Uint8Array, start: number, nameLength: number, valueLength: number, kind: number): void {
    const length = nameLength + valueLength + LINE_OVERHEAD;
    if (this.#over || this.#count === MOST_LINES || this.#linesLength + length > LONGEST) {
      this.#over = true;
      return;
    }
    this.#lines = withRoom(this.#port, this.#lines, this.#linesLength, length);
    copyBytes(line, start, length, this.#lines, this.#linesLength);
    this.#linesLength += length;
    if (this.#added === NO_NUMBERS) this.#added = new Int32Array(MOST_LINES * STRIDE);
    const at = this.#count++ * STRIDE;
    this.#added[at] = nameLength;
    this.#added[at + 1] = valueLength;
    this.#added[at + 2] = kind;
  }

  /** Remembers a block. One that `uses` the table was read with it as it is now: it has not changed it. */
  // oxlint-disable-next-line max-params -- a range and the table's state
  remember(block: Uint8Array, start: number, end: number, uses: boolean, changes: number): void {
    if (end - start > LONGEST || this.#over) return;
    this.#length = end - start;
    this.#bytes = withRoom(this.#port, this.#bytes, 0, this.#length);
    copyBytes(block, start, this.#length, this.#bytes, 0);
    this.#changes = uses ? changes : ANY;
  }

  forget(): void {
    this.#changes = -1;
    this.#count = 0;
    this.#linesLength = 0;
    this.#over = false;
  }
}

const NO_NUMBERS = new Int32Array(0);
