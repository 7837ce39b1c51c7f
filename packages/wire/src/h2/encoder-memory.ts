import type { BytesPort } from '../bytes.ts';
import { copyBytes, withRoom } from './field-table.ts';

/** Heads that are remembered: connections carry a few kinds of messages over and over. A power of two. */
const PLACES = 8;
/** Which place a head has is read off these many bytes of its beginning. */
const SAMPLED_BYTES = 128;
const SAMPLE_STEP = 5;
const LONGEST_HEAD = 1024;

interface Remembered {
  head: Uint8Array;
  headLength: number;
  block: Uint8Array;
  blockLength: number;
  insertions: number;
}

/**
 * The beginnings of heads that were sent lately, as far as they went out as indexes alone, with the block that they gave. One comparison
 * by the host instead of a hash, a lookup and a comparison a line: most of a head is the same from request to request.
 */
export class EncoderMemory {
  readonly #places: (Remembered | undefined)[] = [];
  readonly #port: BytesPort;
  /** Length of the block that `recall` has written. */
  blockLength = 0;

  constructor(port: BytesPort) {
    this.#port = port;
  }

  /** Forgets all. */
  clear(): void {
    this.#places.length = 0;
  }

  /** Writes the block of the head's beginning to `out` at `at`; answers how much of the head that was, 0 = nothing is remembered. `insertions`: the table's. */
  // oxlint-disable-next-line max-params -- a head, the state of the table, and a target
  recall(bytes: Uint8Array, start: number, end: number, insertions: number, out: Uint8Array, at: number): number {
    const known = this.#places[place(bytes, start, end)];
    if (known === undefined || known.insertions !== insertions) return 0;
    const { headLength, blockLength } = known;
    if (headLength > end - start || !this.#port.equal(bytes, start, known.head, 0, headLength)) return 0;
    copyBytes(known.block, 0, blockLength, out, at);
    this.blockLength = blockLength;
    return headLength;
  }

  /** The head's first `headLength` bytes gave `block[blockStart, blockEnd)`. */
  // oxlint-disable-next-line max-params -- a head, its block, and the state of the table
  remember(
    bytes: Uint8Array,
    start: number,
    end: number,
    headLength: number,
    insertions: number,
    block: Uint8Array,
    blockStart: number,
    blockEnd: number,
  ): void {
    if (headLength > LONGEST_HEAD) return;
    const at = place(bytes, start, end);
    const known = (this.#places[at] ??= {
      head: this.#port.allocate(0),
      headLength: 0,
      block: this.#port.allocate(0),
      blockLength: 0,
      insertions: 0,
    });
    known.head = withRoom(this.#port, known.head, 0, headLength);
    copyBytes(bytes, start, headLength, known.head, 0);
    known.headLength = headLength;
    known.blockLength = blockEnd - blockStart;
    known.block = withRoom(this.#port, known.block, 0, known.blockLength);
    copyBytes(block, blockStart, known.blockLength, known.block, 0);
    known.insertions = insertions;
  }
}

function place(bytes: Uint8Array, start: number, end: number): number {
  const stop = Math.min(end, start + SAMPLED_BYTES);
  let hash = 0;
  for (let i = start; i < stop; i += SAMPLE_STEP) hash = ((hash << 5) - hash + (bytes[i] as number)) | 0;
  return (hash ^ (hash >>> 7) ^ (hash >>> 15)) & (PLACES - 1);
}
