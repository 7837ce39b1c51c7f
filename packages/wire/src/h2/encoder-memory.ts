import type { BytesPort } from '../bytes.ts';
import { copyBytes, noBytes, withRoom } from './field-table.ts';

/** Heads of each kind that are remembered: connections carry a few over and over. A power of two. */
const PLACES = 8;
/** Which place a head has is read off these many bytes of its beginning. */
const SAMPLED_BYTES = 128;
const SAMPLE_STEP = 5;
const LONGEST_HEAD = 1024;

/** Where a block is made of indexes up to: pairs of head length and block length, and the head length that must be exceeded. */
export interface Cuts {
  places: Int32Array;
  count: number;
  least: number;
}

/** What a block depends on beside the head's bytes. */
export interface EncoderState {
  /** Insertions into the table so far. */
  readonly insertions: number;
  /** Request by http or https, as extended CONNECT or not; response; trailers: a small number for each. */
  readonly variant: number;
}

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

  /** Writes the block of the head's beginning to `out` at `at`; answers how much of the head that was, 0 = nothing is remembered. */
  // oxlint-disable-next-line max-params -- a head, the state of the table, and a target
  recall(bytes: Uint8Array, start: number, end: number, state: EncoderState, out: Uint8Array, at: number): number {
    const known = this.#places[place(bytes, start, end, state.variant)];
    if (known === undefined || known.insertions !== state.insertions) return 0;
    const { headLength, blockLength } = known;
    if (headLength > end - start || !this.#port.equal(bytes, start, known.head, 0, headLength)) return 0;
    copyBytes(known.block, 0, blockLength, out, at);
    this.blockLength = blockLength;
    return headLength;
  }

  /**
   * The head gave a block that begins with indexes and can be cut at `cuts`. What is remembered of a head of the same place that was
   * not the same is cut back to what both have in common: a line that changes now and then would keep it from ever being recalled.
   */
  // oxlint-disable-next-line max-params -- a head, its block, and the state of the table
  remember(bytes: Uint8Array, start: number, end: number, state: EncoderState, block: Uint8Array, blockStart: number, cuts: Cuts): void {
    const { insertions, variant } = state;
    const at = place(bytes, start, end, variant);
    const known = (this.#places[at] ??= {
      head: noBytes(this.#port),
      headLength: 0,
      block: noBytes(this.#port),
      blockLength: 0,
      insertions: -1,
    });
    const common = known.insertions === insertions ? commonLength(bytes, start, end, known) : 0;
    let cut = lastCut(cuts, common);
    if (cut < 0) cut = lastCut(cuts, LONGEST_HEAD);
    if (cut < 0) return;
    const headLength = cuts.places[cut] as number;
    const blockLength = cuts.places[cut + 1] as number;
    known.head = withRoom(this.#port, known.head, 0, headLength);
    copyBytes(bytes, start, headLength, known.head, 0);
    known.block = withRoom(this.#port, known.block, 0, blockLength);
    copyBytes(block, blockStart, blockLength, known.block, 0);
    known.headLength = headLength;
    known.blockLength = blockLength;
    known.insertions = insertions;
  }
}

/** The last cut at or before `limit` that is worth it, -1 = none. */
function lastCut({ places, count, least }: Cuts, limit: number): number {
  for (let at = count * 2 - 2; at >= 0; at -= 2) {
    const headLength = places[at] as number;
    if (headLength <= limit) return headLength > least ? at : -1;
  }
  return -1;
}

// oxlint-disable-next-line max-params -- two ranges
function commonLength(bytes: Uint8Array, start: number, end: number, { head, headLength }: Remembered): number {
  const length = Math.min(headLength, end - start);
  let i = 0;
  while (i < length && bytes[start + i] === head[i]) i++;
  return i;
}

// oxlint-disable-next-line max-params -- a range and its kind
function place(bytes: Uint8Array, start: number, end: number, variant: number): number {
  const stop = Math.min(end, start + SAMPLED_BYTES);
  let hash = 0;
  for (let i = start; i < stop; i += SAMPLE_STEP) hash = ((hash << 5) - hash + (bytes[i] as number)) | 0;
  return variant * PLACES + ((hash ^ (hash >>> 7) ^ (hash >>> 15)) & (PLACES - 1));
}
